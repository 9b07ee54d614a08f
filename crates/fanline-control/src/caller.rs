//! Who is asking. An operation names the caller that it needs among its arguments, before anything else
//! is read: there is no operation without one.

use axum::extract::FromRequestParts;
use fanline_model::ErrorCode;
use fanline_store::{Actor, OperatorAccess, OperatorToken};
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::problem::Problem;
use crate::state::ControlState;

/// An operator who may look.
pub(crate) struct Reader;

/// An operator who may change things, as the audit names them.
pub(crate) struct Writer(pub(crate) Actor);

impl FromRequestParts<ControlState> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ControlState) -> Result<Self, Problem> {
        authenticate(parts, state).await.map(|_| Self)
    }
}

impl FromRequestParts<ControlState> for Writer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ControlState) -> Result<Self, Problem> {
        let token = authenticate(parts, state).await?;
        match token.access {
            OperatorAccess::Full => Ok(Self(token.actor())),
            OperatorAccess::Read => Err(Problem::new(
                ErrorCode::Forbidden,
                "this operator's token may only look; use one with full access",
            )),
        }
    }
}

/// A token is 256 random bits and compared in constant time: there is nothing to guess, so failures need
/// no delay (TENANCY 20 asks for one where people choose the secret).
async fn authenticate(parts: &Parts, state: &ControlState) -> Result<OperatorToken, Problem> {
    let refused = |detail| Problem::new(ErrorCode::Unauthorized, detail);
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let token = header.and_then(bearer).ok_or_else(|| {
        refused("send the header Authorization: Bearer with an operator's token, fl_op_…")
    })?;
    let found = state
        .operator()
        .verify(token)
        .await
        .map_err(|error| state.problem(error))?;
    found.ok_or_else(|| {
        refused(
            "no operator has this token; use the operator's token, fl_op_…, not an app's API key",
        )
    })
}

/// The token behind the scheme, whose name knows no case (RFC 9110, 11.1).
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
