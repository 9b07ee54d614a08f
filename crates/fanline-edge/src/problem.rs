//! What the edge itself answers to requests that reach nobody: problem details (RFC 9457).

use fanline_model::ErrorCode;
use fanline_protocol::{HttpBody, full_body};
use http::{HeaderValue, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use crate::ws::handshake::Refusal;

/// A problem of the catalogue, with a sentence about the case at hand.
pub(crate) fn problem(code: ErrorCode, detail: &str) -> Response<HttpBody> {
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    respond(status, code, detail)
}

/// Why a request does not open a WebSocket.
pub(crate) fn no_handshake(refusal: Refusal) -> Response<HttpBody> {
    let code = match refusal {
        Refusal::Method => ErrorCode::MethodNotAllowed,
        _ => ErrorCode::InvalidRequest,
    };
    let mut response = respond(refusal.status(), code, &refusal.to_string());
    response
        .headers_mut()
        .extend(refusal.headers().iter().cloned());
    response
}

fn respond(status: StatusCode, code: ErrorCode, detail: &str) -> Response<HttpBody> {
    let body = json!({
        "type": code.problem_type(),
        "title": code.title(),
        "status": status.as_u16(),
        "detail": detail,
        "code": code.name(),
        "retryable": code.retryable(),
    });
    let mut response = Response::new(full_body(body.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}
