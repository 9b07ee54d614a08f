//! What a refused first frame is called, as an error and as an ending.

use fanline_model::{CloseReason, ErrorCode};
use fanline_protocol::Refusal;

use crate::credential::NoCredential;

/// Why a credential is not even judged.
pub(super) fn refused_credential(error: NoCredential) -> (CloseReason, Refusal) {
    let (reason, code) = match &error {
        NoCredential::AppMissing => (CloseReason::InvalidConnect, ErrorCode::InvalidRequest),
        NoCredential::NoAppKey => (CloseReason::UnknownApp, ErrorCode::NotFound),
        NoCredential::ApiKey(_) => (CloseReason::Unauthorized, ErrorCode::Unauthorized),
    };
    (reason, Refusal::new(code, error.to_string()))
}

/// What an `error` frame calls an ending that came before the session was open.
pub(super) const fn error_code(reason: CloseReason) -> ErrorCode {
    match reason {
        CloseReason::UnknownApp => ErrorCode::NotFound,
        CloseReason::AppDisabled => ErrorCode::AppDisabled,
        CloseReason::Unauthorized | CloseReason::Revoked => ErrorCode::Unauthorized,
        CloseReason::TokenExpired => ErrorCode::TokenExpired,
        CloseReason::OriginNotAllowed | CloseReason::TlsRequired | CloseReason::Terminated => {
            ErrorCode::Forbidden
        }
        CloseReason::FrameTooLarge => ErrorCode::TooLarge,
        CloseReason::InvalidConnect | CloseReason::TooManyErrors => ErrorCode::InvalidRequest,
        CloseReason::ConnectTimeout | CloseReason::HeartbeatMissed => ErrorCode::RequestTimeout,
        CloseReason::ConnectionLimit => ErrorCode::LimitReached,
        CloseReason::ConnectRate => ErrorCode::RateLimited,
        CloseReason::Internal => ErrorCode::Internal,
        CloseReason::OverCapacity
        | CloseReason::Unavailable
        | CloseReason::Drain
        | CloseReason::SlowConsumer
        | CloseReason::ContinuityLost => ErrorCode::Unavailable,
    }
}
