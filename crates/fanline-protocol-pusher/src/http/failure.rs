//! What a caller is told when nothing was done: a status and one plain sentence.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use fanline_protocol::Refusal;
use http::{HeaderValue, StatusCode, header};

/// A refused request.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    retry_after: Option<Duration>,
}

/// The same for the document: what any operation may answer beside its own success.
#[derive(utoipa::IntoResponses)]
#[expect(dead_code, reason = "stands for the statuses in the OpenAPI document")]
pub(super) enum Failures {
    /// The request is not well formed, or asks for what does not apply.
    #[response(status = 400, content_type = "text/plain; charset=utf-8")]
    Malformed(String),
    /// The signature, or what belongs to it, is missing or wrong.
    #[response(status = 401, content_type = "text/plain; charset=utf-8")]
    Unauthorized(String),
    /// The app is disabled, or the key may not do this.
    #[response(status = 403, content_type = "text/plain; charset=utf-8")]
    Forbidden(String),
    /// No app has this id.
    #[response(status = 404, content_type = "text/plain; charset=utf-8")]
    UnknownApp(String),
    /// The data of an event, or the body, is too large.
    #[response(status = 413, content_type = "text/plain; charset=utf-8")]
    TooLarge(String),
    /// Requests come too fast, or a limit of the app is reached.
    #[response(status = 429, content_type = "text/plain; charset=utf-8")]
    TooMany(String),
    /// A fault of the server.
    #[response(status = 500, content_type = "text/plain; charset=utf-8")]
    Internal(String),
    /// This part of Pusher's API is not served.
    #[response(status = 501, content_type = "text/plain; charset=utf-8")]
    NotSupported(String),
    /// Something behind the server is away; try again.
    #[response(status = 503, content_type = "text/plain; charset=utf-8")]
    Unavailable(String),
}

// === impl Failure ===

impl Failure {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    pub(super) fn too_large(message: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, message)
    }

    pub(super) fn not_yet(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_IMPLEMENTED, message)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.code.status())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            message: refusal.detail,
            retry_after: refusal.retry_after,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.message + "\n").into_response();
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never "at once".
            let seconds = wait.as_millis().div_ceil(1_000).max(1);
            if let Ok(value) = HeaderValue::try_from(seconds.to_string()) {
                response.headers_mut().insert(header::RETRY_AFTER, value);
            }
        }
        response
    }
}
