//! What stands in a path, percent-encoded.

use axum::RequestPartsExt as _;
use axum::extract::{FromRequestParts, Path};
use fanline_model::{Channel, ErrorCode, UserId};
use http::request::Parts;

use super::Api;
use super::problem::Problem;
use crate::input;

/// The channel of the path.
pub(super) struct ChannelPath(pub(super) Channel);

/// The user of the path.
pub(super) struct UserPath(pub(super) UserId);

impl FromRequestParts<Api> for ChannelPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        Ok(Self(input::channel(&segment(parts).await?)?))
    }
}

impl FromRequestParts<Api> for UserPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        UserId::parse(&segment(parts).await?)
            .map(Self)
            .map_err(|error| Problem::new(ErrorCode::InvalidRequest, error.to_string()))
    }
}

async fn segment(parts: &mut Parts) -> Result<String, Problem> {
    parts
        .extract::<Path<String>>()
        .await
        .map(|Path(text)| text)
        .map_err(|_| {
            let sentence =
                "the path is not percent-encoded UTF-8; a slash in a name is written %2F";
            Problem::new(ErrorCode::InvalidRequest, sentence)
        })
}
