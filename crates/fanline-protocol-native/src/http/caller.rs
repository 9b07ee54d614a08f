//! Who is asking.

use std::ops::Deref;

use axum::extract::FromRequestParts;
use axum::extract::Query;
use fanline_model::ErrorCode;
use fanline_protocol::{Caller, Refusal};
use http::header::{AUTHORIZATION, ORIGIN};
use http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

use super::Api;
use super::problem::Problem;
use crate::credential::{self, Credential, NoCredential};

const APP_HEADER: &str = "x-fanline-app";

/// A verified caller: `Authorization: Bearer` with an API key or a JWT.
pub(super) struct Authenticated(Caller);

/// How a JWT's app is named. An API key names its own.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct AppParam {
    /// The app key. Needed with a JWT, unless the header `X-Fanline-App` has it; an API key names its app
    /// itself.
    #[param(
        required = false,
        nullable = false,
        pattern = "^[A-Za-z0-9._-]{1,100}$",
        example = "f1e2d3c4b5a69788"
    )]
    app: Option<String>,
}

/// The same as a header.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "describes the header for the document; `app_key` reads it"
)]
pub(super) struct AppHeader {
    /// The app key, in place of `?app=`, which wins.
    #[param(
        required = false,
        nullable = false,
        rename = "X-Fanline-App",
        pattern = "^[A-Za-z0-9._-]{1,100}$"
    )]
    app: Option<String>,
}

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.0
    }
}

impl FromRequestParts<Api> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Problem> {
        let app = app_key(parts)?;
        let token = bearer(parts)?;
        let Credential { app, proof } =
            Credential::read(app.as_deref(), Some(token)).map_err(no_credential)?;
        let caller = api
            .realtime
            .authenticate(&app, &proof)
            .await
            .map_err(unknown_app)?;
        let origin = parts
            .headers
            .get(ORIGIN)
            .and_then(|origin| origin.to_str().ok());
        if !caller.app.admits_origin(origin) {
            return Err(Problem::new(
                ErrorCode::Forbidden,
                "the app does not admit pages of this origin",
            ));
        }
        Ok(Self(caller))
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let missing = || {
        let sentence = "send Authorization: Bearer with an API key of the app, or with a token";
        Problem::new(ErrorCode::Unauthorized, sentence)
    };
    let value = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(missing)?;
    let (scheme, credential) = value.split_once(' ').ok_or_else(missing)?;
    if !scheme.eq_ignore_ascii_case("bearer") || credential.trim().is_empty() {
        return Err(missing());
    }
    Ok(credential.trim())
}

fn app_key(parts: &Parts) -> Result<Option<String>, Problem> {
    let invalid = || {
        let sentence = NoCredential::NoAppKey.to_string();
        Problem::new(ErrorCode::InvalidRequest, sentence)
    };
    let header = parts
        .headers
        .get(APP_HEADER)
        .map(|value| value.to_str().map_err(|_| invalid()))
        .transpose()?;
    let Query(AppParam { app }) = Query::try_from_uri(&parts.uri).map_err(|_| invalid())?;
    for app in [app.as_deref(), header].into_iter().flatten() {
        if !credential::is_app_key(app) {
            return Err(invalid());
        }
    }
    Ok(app.or_else(|| header.map(str::to_owned)))
}

/// An app that does not exist is a credential that is none: 404 is for what a caller asks for.
fn unknown_app(mut refusal: Refusal) -> Problem {
    if refusal.code == ErrorCode::NotFound {
        refusal.code = ErrorCode::Unauthorized;
    }
    refusal.into()
}

fn no_credential(error: NoCredential) -> Problem {
    match error {
        NoCredential::AppMissing => {
            let sentence =
                "with a token, name the app: ?app= or the header X-Fanline-App has its app key";
            Problem::new(ErrorCode::Unauthorized, sentence)
        }
        NoCredential::NoAppKey => Problem::new(ErrorCode::InvalidRequest, error.to_string()),
        NoCredential::ApiKey(_) => Problem::new(ErrorCode::Unauthorized, error.to_string()),
    }
}
