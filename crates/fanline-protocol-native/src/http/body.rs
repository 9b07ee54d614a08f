//! Request bodies, never buffered beyond their limit.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use fanline_model::ErrorCode;
use http::HeaderMap;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::Deserialize;

use super::problem::Problem;
use crate::input;

/// A body of JSON that was not read yet.
pub(super) struct JsonBody {
    body: Body,
    announced: Option<usize>,
}

/// A body of JSON that was read.
pub(super) struct JsonText(Bytes);

// === impl JsonBody ===

impl<S: Sync> FromRequest<S> for JsonBody {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            let sentence = "the body is JSON: send Content-Type: application/json";
            return Err(Problem::new(ErrorCode::UnsupportedMediaType, sentence));
        }
        let announced = parts
            .headers
            .get(CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        Ok(Self { body, announced })
    }
}

impl JsonBody {
    /// Reads the body. One that announces more than `limit` is refused unread.
    pub(super) async fn read(self, limit: usize) -> Result<JsonText, Problem> {
        let too_large = || {
            Problem::new(
                ErrorCode::TooLarge,
                format!("the body has at most {limit} bytes here"),
            )
        };
        if self.announced.is_some_and(|announced| announced > limit) {
            return Err(too_large());
        }
        match Limited::new(self.body, limit).collect().await {
            Ok(collected) => Ok(JsonText(collected.to_bytes())),
            Err(error) if is_length_limit(&*error) => Err(too_large()),
            Err(_) => Err(Problem::new(
                ErrorCode::InvalidRequest,
                "the body did not arrive whole",
            )),
        }
    }
}

// === impl JsonText ===

impl JsonText {
    /// Reads an object.
    pub(super) fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        let text = std::str::from_utf8(&self.0)
            .map_err(|_| Problem::new(ErrorCode::InvalidRequest, "the body is not UTF-8"))?;
        Ok(input::parse(text)?)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
        || essence
            .to_ascii_lowercase()
            .strip_prefix("application/")
            .is_some_and(|rest| rest.ends_with("+json"))
}

fn is_length_limit(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
