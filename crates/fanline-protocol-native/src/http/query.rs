//! Query strings, with refusals of our own.

use axum::extract::FromRequestParts;
use fanline_model::ErrorCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The parameters of the query. Unknown ones are ignored.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match axum::extract::Query::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(parameters)) => Ok(Self(parameters)),
            Err(rejection) => {
                let sentence = format!("the query cannot be read: {}", rejection.body_text());
                Err(Problem::new(ErrorCode::InvalidRequest, sentence))
            }
        }
    }
}

/// How many things a page holds: `limit`, or the default.
pub(super) fn page_size(limit: Option<usize>) -> Result<usize, Problem> {
    match limit.unwrap_or(100) {
        limit @ 1..=1000 => Ok(limit),
        _ => Err(Problem::new(
            ErrorCode::InvalidRequest,
            "limit is 1 to 1000",
        )),
    }
}
