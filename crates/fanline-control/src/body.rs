//! Bodies of JSON, with refusals that name the field.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use fanline_model::ErrorCode;
use fanline_store::document::parse;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde::de::DeserializeOwned;

use crate::problem::Problem;
use crate::state::ControlState;

/// The longest body.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// A body of JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<ControlState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ControlState) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let sentence = "the body is JSON: send Content-Type: application/json";
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, sentence));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(unreadable)?;
        let value = parse(&body);
        value.map(Self).map_err(|why| {
            Problem::new(
                ErrorCode::InvalidRequest,
                format!("the body cannot be read: {why}"),
            )
        })
    }
}

fn unreadable(why: BytesRejection) -> Problem {
    if why.status() == http::StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(
            ErrorCode::TooLarge,
            format!("a body has at most {MAX_BYTES} bytes here"),
        )
    } else {
        Problem::new(ErrorCode::InvalidRequest, "the body did not arrive whole")
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    // RFC 7396 has a type of its own for what PATCH takes.
    essence == "application/json" || essence == "application/merge-patch+json"
}
