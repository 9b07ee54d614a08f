//! The pages, embedded. What differs between two installations is put into them here, escaped.

use std::env;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{
    extract::State,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{
    HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
};

use super::{Dev, greeting::command};
use crate::loopback;

const LIVE: &str = include_str!("pages/live.html");
const LIVE_STYLE: &str = include_str!("pages/live.css");
const LIVE_SCRIPT: &str = include_str!("pages/live.js");
const ICON: &str = include_str!("pages/icon.svg");
const PUSHER: &str = include_str!("pages/pusher.html");
/// Where the page for pusher-js takes pusher-js from, as Pusher's own documentation does.
const PUSHER_JS: &str = "https://js.pusher.com";

const HTML: &str = "text/html; charset=utf-8";

/// The live page.
pub(super) async fn live(State(dev): State<Dev>, headers: HeaderMap) -> Response {
    // A WebSocket to ourselves is 'self' in today's browsers and was not in older ones.
    let host = host(&headers);
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' ws://{host}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let publish = format!("{} publish", command());
    let publish = match dev.made.data_dir.to_str() {
        Some(path) => format!("{publish} --data-dir {}", super::greeting::shell(path)),
        None => publish,
    };
    let page = fill(
        LIVE,
        &[
            ("app_key", &dev.made.pusher.key),
            ("publish_command", &publish),
        ],
    );
    page_with(&policy, page)
}

/// A whole page for pusher-js, to be read, copied and tried.
pub(super) async fn pusher(State(dev): State<Dev>, headers: HeaderMap) -> Response {
    let authority = host(&headers);
    let (name, port) = split(&authority);
    let page = fill(
        PUSHER,
        &[
            ("key", &dev.made.pusher.key),
            ("host", name),
            ("port", port),
            ("authority", &authority),
        ],
    );
    let policy = format!(
        "default-src 'none'; script-src {PUSHER_JS} '{}'; connect-src 'self' ws://{authority}; \
         img-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        hash(inline_script(&page))
    );
    page_with(&policy, page)
}

pub(super) async fn live_style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8")], LIVE_STYLE)
}

pub(super) async fn live_script() -> impl IntoResponse {
    (
        [(CONTENT_TYPE, "text/javascript; charset=utf-8")],
        LIVE_SCRIPT,
    )
}

pub(super) async fn icon() -> impl IntoResponse {
    ([(CONTENT_TYPE, "image/svg+xml")], ICON)
}

pub(super) async fn nothing_here() -> impl IntoResponse {
    let sentence = "Nothing is served at this path. The live page is at /, the HTTP API under /v1, \
                    Pusher's under /apps.\n";
    (StatusCode::NOT_FOUND, sentence)
}

fn page_with(policy: &str, page: String) -> Response {
    // A host that `loopback::only` let through is made of what a header may hold.
    let policy =
        HeaderValue::from_str(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let headers: [(HeaderName, HeaderValue); 2] = [
        (CONTENT_TYPE, HeaderValue::from_static(HTML)),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    (headers, page).into_response()
}

/// The host that the browser knows us by; `loopback::only` has looked at it.
fn host(headers: &HeaderMap) -> String {
    loopback::host(headers).unwrap_or("localhost").to_owned()
}

/// Host and port; the port is 80 where it is left out.
fn split(authority: &str) -> (&str, &str) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') && !port.is_empty() => (host, port),
        _ => (authority, "80"),
    }
}

/// Puts values in place of `{{names}}`, so that HTML does not take them for markup.
fn fill(page: &str, values: &[(&str, &str)]) -> String {
    let filled = values.iter().fold(page.to_owned(), |page, (name, value)| {
        page.replace(&format!("{{{{{name}}}}}"), &escape(value))
    });
    debug_assert!(!filled.contains("{{"), "a value is missing");
    filled
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// What stands between the last `<script>` and its end.
fn inline_script(page: &str) -> &str {
    let script = page.rsplit_once("<script>").map_or("", |(_, rest)| rest);
    script
        .split_once("</script>")
        .map_or("", |(script, _)| script)
}

/// A script's source expression in a content security policy (CSP 3, 2.3.1).
fn hash(script: &str) -> String {
    let hash = digest(&SHA256, script.as_bytes());
    format!("sha256-{}", STANDARD.encode(hash))
}

/// The path of this program, as a shell takes it.
pub(super) fn program() -> String {
    let path = env::current_exe().ok();
    path.and_then(|path| path.to_str().map(str::to_owned))
        .unwrap_or_else(|| "fanline".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_into_a_page_is_no_markup() {
        let page = fill(
            "<p title=\"{{a}}\">{{b}}</p>",
            &[("a", "\"x"), ("b", "<b>&")],
        );
        assert_eq!(page, "<p title=\"&quot;x\">&lt;b&gt;&amp;</p>");
    }

    #[test]
    fn an_authority_is_a_host_and_a_port() {
        assert_eq!(split("localhost:7300"), ("localhost", "7300"));
        assert_eq!(split("[::1]:7300"), ("[::1]", "7300"));
        assert_eq!(split("[::1]"), ("[::1]", "80"));
        assert_eq!(split("localhost"), ("localhost", "80"));
    }

    #[test]
    fn the_hash_of_a_script_is_that_of_the_standards_example() {
        // CSP 3, 2.3.1's own example.
        assert_eq!(
            hash("alert('Hello, world.');"),
            "sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng="
        );
        assert!(inline_script(PUSHER).contains("new Pusher("));
    }

    #[test]
    fn the_live_page_loads_nothing_from_elsewhere() {
        for text in [LIVE, LIVE_STYLE, LIVE_SCRIPT] {
            assert!(!text.contains("http://") && !text.contains("https://"));
            assert!(!text.contains("style=") && !text.contains("onclick"));
        }
    }

    #[test]
    fn the_ids_that_tests_drive_are_there() {
        for id in [
            "channel", "connect", "drop", "publish", "data", "name", "log", "status",
        ] {
            assert!(LIVE.contains(&format!("id=\"{id}\"")), "{id}");
        }
    }
}
