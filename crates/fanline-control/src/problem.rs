//! Problems (RFC 9457): how every refusal looks, those of the extractors too.

use axum::response::{IntoResponse, Response};
use fanline_model::{ErrorCode, Random};
use fanline_store::StoreError;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Why a request was refused, and what would help.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `urn:fanline:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(examples("urn:fanline:problem:not_found"))]
    kind: String,
    /// The code in words.
    #[schema(examples("There is nothing here by that name."))]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, examples(404))]
    status: u16,
    /// This case, in a sentence.
    #[schema(examples("there is no app by that name"))]
    detail: String,
    /// The stable name of the kind of problem, the same as on sockets.
    #[schema(examples("not_found"))]
    code: &'static str,
    /// Whether the same request may succeed later, unchanged.
    retryable: bool,
}

/// What an operation that only looks may answer instead.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described here, made by `Problem`")]
pub(crate) enum Refusals {
    /// The request is not well formed.
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(Problem),
    /// No operator's token, or one that does not verify.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(Problem),
    /// Nothing there by that name.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
    /// A fault of ours; the detail holds the number under which the log has it.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
    /// The store or the registry does not answer now.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(Problem),
}

/// What an operation that changes something may answer beside [`Refusals`].
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described here, made by `Problem`")]
pub(crate) enum WriteRefusals {
    /// The operator's token may only look.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(Problem),
    /// The value could be, but not here and now.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(Problem),
}

/// What an operation with a body may answer beside both.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "described here, made by `Problem`")]
pub(crate) enum BodyRefusals {
    /// The body is longer than 64 KiB.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The body is not announced as JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Problem),
}

// === impl Problem ===

impl Problem {
    /// A problem of the catalogue with a sentence about the case at hand.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: code.problem_type(),
            title: code.title(),
            status: code.status(),
            detail: detail.into(),
            code: code.name(),
            retryable: code.retryable(),
        }
    }

    /// What a failure of the store looks like from outside.
    pub(crate) fn of_store(error: StoreError, random: &dyn Random) -> Self {
        match error {
            StoreError::NotFound(_) => Self::new(ErrorCode::NotFound, error.to_string()),
            StoreError::Invalid(detail) => Self::new(ErrorCode::InvalidRequest, detail),
            StoreError::Conflict(detail) => Self::new(ErrorCode::Conflict, detail),
            StoreError::Database(_) => Self::logged(ErrorCode::Unavailable, &error, random),
            _ => Self::internal(&error, random),
        }
    }

    /// A fault of ours.
    pub(crate) fn internal(error: &dyn std::error::Error, random: &dyn Random) -> Self {
        Self::logged(ErrorCode::Internal, error, random)
    }

    /// The caller gets a number, the log the number and the cause.
    pub(crate) fn logged(
        code: ErrorCode,
        error: &dyn std::error::Error,
        random: &dyn Random,
    ) -> Self {
        let request = random.alphanumeric(16);
        tracing::error!(request, %error, "an admin request failed");
        Self::new(
            code,
            format!("the server's log has the cause under request {request}"),
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let kind = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(CONTENT_TYPE, kind)], body).into_response();
        let headers = response.headers_mut();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1: a 401 names the scheme.
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"fanline admin\""),
            );
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
