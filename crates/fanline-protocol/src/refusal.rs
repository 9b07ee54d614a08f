//! A refused command or request: one shape for sockets and HTTP.

use std::time::Duration;

use fanline_model::{CloseReason, ErrorCode, MessageId};
use fanline_tenancy::AuthError;
use fanline_tenancy::access::Denied;

/// Why something was not done, and what the caller can do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.name())]
pub struct Refusal {
    /// The code of the catalogue.
    pub code: ErrorCode,
    /// A sentence about the case at hand. It never holds a secret or an internal cause.
    pub detail: String,
    /// When the same request may succeed.
    pub retry_after: Option<Duration>,
    /// After `OutcomeUnknown`: the ids, in the order of the items, under which to try again.
    pub message_ids: Vec<MessageId>,
}

// === impl Refusal ===

impl Refusal {
    /// A refusal with this sentence.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let retry_after = code.retryable().then_some(Duration::from_secs(1));
        Self {
            code,
            detail: detail.into(),
            retry_after,
            message_ids: Vec::new(),
        }
    }

    /// The same refusal with the ids under which to try again.
    #[must_use]
    pub fn with_message_ids(mut self, message_ids: Vec<MessageId>) -> Self {
        self.message_ids = message_ids;
        self
    }

    /// How a connection ends whose first credential was refused so.
    pub fn close_reason(&self) -> CloseReason {
        match self.code {
            ErrorCode::NotFound => CloseReason::UnknownApp,
            ErrorCode::AppDisabled => CloseReason::AppDisabled,
            ErrorCode::TokenExpired => CloseReason::TokenExpired,
            ErrorCode::Unavailable => CloseReason::Unavailable,
            ErrorCode::RateLimited => CloseReason::ConnectRate,
            ErrorCode::LimitReached => CloseReason::ConnectionLimit,
            ErrorCode::Internal => CloseReason::Internal,
            _ => CloseReason::Unauthorized,
        }
    }
}

impl From<AuthError> for Refusal {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::UnknownApp => ErrorCode::NotFound,
            AuthError::AppDisabled => ErrorCode::AppDisabled,
            AuthError::Refused(_) => ErrorCode::Unauthorized,
            AuthError::Expired => ErrorCode::TokenExpired,
            AuthError::Unavailable => ErrorCode::Unavailable,
            AuthError::Busy => ErrorCode::RateLimited,
        };
        Self::new(code, error.to_string())
    }
}

impl From<Denied> for Refusal {
    fn from(denied: Denied) -> Self {
        let code = match &denied {
            Denied::AppDisabled => ErrorCode::AppDisabled,
            _ => ErrorCode::Forbidden,
        };
        Self::new(code, denied.to_string())
    }
}
