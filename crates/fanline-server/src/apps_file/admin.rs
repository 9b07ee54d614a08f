//! The admin API of an installation whose apps are a file: every path says where to change them.

use std::path::Path;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use fanline_model::ErrorCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{Method, StatusCode};
use serde_json::json;

/// Answers whatever is asked with a problem that names the file.
pub fn admin_api(path: &Path) -> Router {
    let detail = format!(
        "this installation's apps come from {}; change them there, and every node that reads the file \
         follows within seconds",
        path.display()
    );
    Router::new().fallback(move |method: Method| async move { refuse(&method, &detail) })
}

fn refuse(method: &Method, detail: &str) -> Response {
    let code = match *method {
        Method::GET | Method::HEAD => ErrorCode::NotFound,
        _ => ErrorCode::Conflict,
    };
    let body = json!({
        "type": code.problem_type(),
        "title": code.title(),
        "status": code.status(),
        "detail": detail,
        "code": code.name(),
        "retryable": code.retryable(),
    });
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::CONFLICT);
    let headers = [
        (CONTENT_TYPE, "application/problem+json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (status, headers, body.to_string()).into_response()
}
