//! What browsers may do with the pages and helpers.

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use http::{
    HeaderName, HeaderValue, Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, ORIGIN, REFERRER_POLICY, VARY,
        X_CONTENT_TYPE_OPTIONS,
    },
};

/// Where nothing else is said: nothing may be loaded, nothing may frame it.
const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// Puts the strict headers on every answer. One that has a policy of its own keeps it.
pub(super) async fn strict(mut response: Response) -> Response {
    const CROSS_ORIGIN: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    let headers = response.headers_mut();
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(NOTHING);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (CROSS_ORIGIN, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// CORS for whom [`loopback::only`](crate::loopback::only) has let in: a developer's page has a port of
/// its own.
pub(super) async fn open_to_pages_of_this_machine(request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        let methods = HeaderValue::from_static("POST");
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = HeaderValue::from_static("content-type, x-csrf-token, x-requested-with");
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    response
}
