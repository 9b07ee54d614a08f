//! CORS: pages of every origin may call, since no credential travels by itself (no cookies).
//!
//! An app that lists its origins refuses others where the caller is known (`caller.rs`).

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
};
use http::{HeaderValue, Method, StatusCode};

const EVERY_ORIGIN: HeaderValue = HeaderValue::from_static("*");
const METHODS: HeaderValue = HeaderValue::from_static("GET, POST");
const REQUEST_HEADERS: HeaderValue = HeaderValue::from_static(
    "authorization, content-type, idempotency-key, traceparent, x-fanline-app, x-fanline-retry",
);
const RESPONSE_HEADERS: HeaderValue =
    HeaderValue::from_static("retry-after, ratelimit, ratelimit-policy");
/// Two hours, the longest that browsers keep it.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Answers preflights, and lets every page read every answer.
pub(super) async fn open_to_every_origin(request: Request, next: Next) -> Response {
    if is_preflight(&request) {
        let headers = [
            (ACCESS_CONTROL_ALLOW_ORIGIN, EVERY_ORIGIN),
            (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ];
        return (StatusCode::NO_CONTENT, headers).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, EVERY_ORIGIN);
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, RESPONSE_HEADERS);
    response
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
