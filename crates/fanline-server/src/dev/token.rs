//! `POST /dev/token`: a token for a page of this machine, as the developer's backend will mint them.

use std::{collections::BTreeMap, time::Duration};

use axum::{Json, extract::State, response::IntoResponse};
use fanline_model::{ErrorCode, UserId};
use fanline_protocol::{Caller, Refusal};
use fanline_tenancy::{ApiKeyText, AppRef, Capabilities, Proof};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::Dev;

/// Short, as a page asks again for each connection.
const LIFETIME: Duration = Duration::from_secs(3600);

/// What is asked for; without capabilities, everything.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wish {
    subject: Option<String>,
    capabilities: Option<BTreeMap<String, Vec<String>>>,
}

/// A refusal as a problem (RFC 9457).
pub(super) struct Problem(Refusal);

/// Mints a token. The body may be missing.
pub(super) async fn mint(
    State(dev): State<Dev>,
    body: axum::body::Bytes,
) -> Result<impl IntoResponse, Problem> {
    let wish: Wish = match body.is_empty() {
        true => Wish::default(),
        false => serde_json::from_slice(&body)
            .map_err(|error| invalid(format!("the body is no wish for a token: {error}")))?,
    };
    let subject = wish.subject.as_deref().map(UserId::parse).transpose();
    let subject = subject.map_err(|error| invalid(error.to_string()))?;
    let everything = || {
        let words = ["subscribe", "publish", "history", "presence"];
        BTreeMap::from([("*".to_owned(), words.map(str::to_owned).to_vec())])
    };
    let capabilities = Capabilities::parse(&wish.capabilities.unwrap_or_else(everything))
        .map_err(|error| invalid(error.to_string()))?;
    let caller = caller(&dev).await?;
    let minted = dev
        .realtime
        .mint(&caller, subject, capabilities, Vec::new(), LIFETIME)
        .await;
    let (token, expires_at) = minted.map_err(Problem)?;
    let body = json!({ "token": token, "expires_at": expires_at.as_millis() });
    Ok((StatusCode::CREATED, Json(body)))
}

/// The developer's backend, whose API key we made.
async fn caller(dev: &Dev) -> Result<Caller, Problem> {
    let key = ApiKeyText::parse(&dev.made.api_key)
        .map_err(|error| Problem(Refusal::new(ErrorCode::Internal, error.to_string())))?;
    let app = AppRef::ApiKey(key.id().clone());
    let proof = Proof::ApiKey(dev.made.api_key.as_str().into());
    dev.realtime
        .authenticate(&app, &proof)
        .await
        .map_err(Problem)
}

pub(super) fn invalid(sentence: String) -> Problem {
    Problem(Refusal::new(ErrorCode::InvalidRequest, sentence))
}

impl IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        let Self(Refusal { code, detail, .. }) = self;
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        let body = json!({
            "type": code.problem_type(),
            "title": code.title(),
            "status": status.as_u16(),
            "detail": detail,
            "code": code.name(),
            "retryable": code.retryable(),
        });
        let headers = [(http::header::CONTENT_TYPE, "application/problem+json")];
        (status, headers, body.to_string()).into_response()
    }
}
