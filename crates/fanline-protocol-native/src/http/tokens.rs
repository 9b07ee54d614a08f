//! `POST /v1/tokens`

use std::collections::BTreeMap;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use fanline_model::{Channel, ErrorCode, UserId};
use fanline_tenancy::Capabilities;
use http::header::CACHE_CONTROL;
use http::{HeaderName, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::body::JsonBody;
use super::caller::{AppHeader, AppParam, Authenticated};
use super::document::{BodyProblems, Problems};
use super::problem::Problem;
use super::schema::MintToken;
use crate::input::{self, Whole};

/// How long a token lives unless the request says otherwise.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

/// The most patterns, and the most channels, of one token.
const MAX_ENTRIES: usize = 100;

#[derive(Deserialize)]
struct Fields {
    subject: Option<String>,
    #[serde(default)]
    capabilities: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    channels: Vec<String>,
    ttl_seconds: Option<Whole>,
}

/// A token for a client.
#[derive(Serialize, ToSchema)]
pub(super) struct MintedToken {
    /// The JWT.
    token: String,
    /// When it ends, in milliseconds since 1970.
    #[schema(examples(1_795_600_000_000_u64))]
    expires_at: u64,
}

/// Mints a token for a client.
///
/// It can do no more than the API key that mints it, lives no longer, and falls with it.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    operation_id = "mintToken",
    tag = "tokens",
    params(AppParam, AppHeader),
    request_body = MintToken,
    responses((status = 201, description = "The token", body = MintedToken), BodyProblems, Problems),
)]
pub(super) async fn mint_token(
    State(api): State<Api>,
    caller: Authenticated,
    body: JsonBody,
) -> Result<
    (
        StatusCode,
        [(HeaderName, &'static str); 1],
        Json<MintedToken>,
    ),
    Problem,
> {
    let body = body.read(caller.app.settings.limits.frame_bytes).await?;
    let fields: Fields = body.parse()?;
    let subject = fields
        .subject
        .as_deref()
        .map(UserId::parse)
        .transpose()
        .map_err(invalid)?;
    let capabilities = capabilities(&fields.capabilities)?;
    let channels = channels(&fields.channels)?;
    let lifetime = fields
        .ttl_seconds
        .map_or(DEFAULT_LIFETIME, |seconds| Duration::from_secs(seconds.0));
    if lifetime.is_zero() || lifetime > caller.app.settings.limits.token_lifetime {
        let longest = caller.app.settings.limits.token_lifetime.as_secs();
        return Err(Problem::new(
            ErrorCode::InvalidRequest,
            format!("ttl_seconds is 1 to {longest} for this app"),
        ));
    }
    let (token, expires_at) = api
        .realtime
        .mint(&caller, subject, capabilities, channels, lifetime)
        .await?;
    let minted = MintedToken {
        token,
        expires_at: expires_at.as_millis(),
    };
    Ok((
        StatusCode::CREATED,
        [(CACHE_CONTROL, "no-store")],
        Json(minted),
    ))
}

fn capabilities(map: &BTreeMap<String, Vec<String>>) -> Result<Capabilities, Problem> {
    if map.len() > MAX_ENTRIES {
        let sentence =
            format!("a token has at most {MAX_ENTRIES} patterns; it travels with every connect");
        return Err(Problem::new(ErrorCode::TooMany, sentence));
    }
    for pattern in map.keys() {
        // A pattern that no channel can match is a mistake that would show late.
        let body = pattern.strip_suffix('*').unwrap_or(pattern);
        if !body.is_empty() {
            input::channel(body)?;
        }
    }
    Capabilities::parse(map).map_err(invalid)
}

fn channels(texts: &[String]) -> Result<Vec<Channel>, Problem> {
    if texts.len() > MAX_ENTRIES {
        let sentence = format!(
            "a token subscribes at most {MAX_ENTRIES} channels; it travels with every connect"
        );
        return Err(Problem::new(ErrorCode::TooMany, sentence));
    }
    texts.iter().map(|text| Ok(input::channel(text)?)).collect()
}

fn invalid(error: impl std::fmt::Display) -> Problem {
    Problem::new(ErrorCode::InvalidRequest, error.to_string())
}
