//! The opening handshake over HTTP/1.1 (RFC 6455, 4.2), for requests that hyper has read.
//!
//! It decides whether a request opens a WebSocket and takes the socket out of hyper afterwards.
//! Who may connect, and from which `Origin`, is none of its business.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use fastwebsockets::upgrade::{UpgradeFut, upgrade};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Version,
    header::{
        ALLOW, CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
    },
};
use http_body_util::Empty;
use thiserror::Error;

use super::Socket;

/// A key is 16 random bytes (RFC 6455, 4.1).
const KEY_SIZE: usize = 16;

/// A handshake that was accepted: answer with `response`, then await the socket.
#[derive(Debug)]
pub struct Accepted {
    /// The 101 response. The socket comes only once hyper has sent it.
    pub response: Response<Empty<Bytes>>,
    /// The subprotocol that was chosen and that the response names; `None` if the client offered
    /// none, or none that is supported.
    pub subprotocol: Option<&'static str>,
    /// The socket to come.
    pub socket: PendingSocket,
}

/// The socket of an accepted handshake, once hyper lets go of it.
#[derive(Debug)]
pub struct PendingSocket(UpgradeFut);

/// Why a request does not open a WebSocket. The text tells a client's author what to change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The method is not GET.
    #[error("a WebSocket opens with GET")]
    Method,
    /// The request is not HTTP/1.1.
    #[error("a WebSocket opens over HTTP/1.1")]
    HttpVersion,
    /// The request does not ask for an upgrade to WebSocket.
    #[error(
        "this address speaks WebSocket: send `Connection: Upgrade` and `Upgrade: websocket`; a \
         proxy between must pass both on"
    )]
    NotAnUpgrade,
    /// The WebSocket version is missing or not 13.
    #[error("send `Sec-WebSocket-Version: 13`, the version of RFC 6455")]
    WebSocketVersion,
    /// The key is missing, repeated, or not 16 bytes in base64.
    #[error("send one `Sec-WebSocket-Key`: 16 random bytes in base64")]
    Key,
    /// The request has a body.
    #[error("the request that opens a WebSocket has no body")]
    Body,
}

/// Hyper closed the connection before the upgrade was complete.
#[derive(Debug, Error)]
#[error("the connection ended before the WebSocket was open: {0}")]
pub struct UpgradeError(String);

/// Checks that `request` opens a WebSocket and, if so, takes the upgrade out of it.
///
/// Of `subprotocols`, the first that the client offers, in the client's order, is chosen.
///
/// # Errors
/// The request is not a handshake; answer with the refusal's status and headers.
pub fn accept<B>(
    request: &mut Request<B>,
    subprotocols: &[&'static str],
) -> Result<Accepted, Refusal> {
    check(request)?;
    let subprotocol = offered_subprotocols(request.headers())
        .find_map(|offer| subprotocols.iter().copied().find(|name| *name == offer));
    // It asks for less than `check` did.
    let (mut response, socket) = upgrade(request).map_err(|_| Refusal::Key)?;
    if let Some(name) = subprotocol {
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(name));
    }
    Ok(Accepted {
        response,
        subprotocol,
        socket: PendingSocket(socket),
    })
}

/// The subprotocols that a client offers, in its order of preference.
pub fn offered_subprotocols(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    list(headers, &SEC_WEBSOCKET_PROTOCOL)
}

// === impl PendingSocket ===

impl PendingSocket {
    /// The socket, with what the client has already sent over it.
    ///
    /// # Errors
    /// The response was never sent, or the client has gone.
    pub async fn ready(self) -> Result<(Socket, Bytes), UpgradeError> {
        match self.0.await {
            Ok(upgraded) => Ok(Socket::from_upgraded(upgraded.into_inner().into_inner())),
            Err(error) => Err(UpgradeError(error.to_string())),
        }
    }
}

// === impl Refusal ===

impl Refusal {
    /// The HTTP status to answer with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::HttpVersion => StatusCode::HTTP_VERSION_NOT_SUPPORTED,
            Self::NotAnUpgrade | Self::WebSocketVersion => StatusCode::UPGRADE_REQUIRED,
            Self::Key | Self::Body => StatusCode::BAD_REQUEST,
        }
    }

    /// The headers that must go with that status (RFC 9110, 15.5.6 and 15.5.22; RFC 6455, 4.4).
    #[must_use]
    pub fn headers(self) -> &'static [(HeaderName, HeaderValue)] {
        static METHOD: [(HeaderName, HeaderValue); 1] = [(ALLOW, HeaderValue::from_static("GET"))];
        static UPGRADE_REQUIRED: [(HeaderName, HeaderValue); 3] = [
            (CONNECTION, HeaderValue::from_static("upgrade")),
            (UPGRADE, HeaderValue::from_static("websocket")),
            (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        ];
        match self {
            Self::Method => &METHOD,
            Self::NotAnUpgrade | Self::WebSocketVersion => &UPGRADE_REQUIRED,
            Self::HttpVersion | Self::Key | Self::Body => &[],
        }
    }
}

fn check<B>(request: &Request<B>) -> Result<(), Refusal> {
    let headers = request.headers();
    if request.method() != Method::GET {
        return Err(Refusal::Method);
    }
    if request.version() != Version::HTTP_11 {
        return Err(Refusal::HttpVersion);
    }
    let asks = |name, token| list(headers, name).any(|item| item.eq_ignore_ascii_case(token));
    if !asks(&CONNECTION, "upgrade") || !asks(&UPGRADE, "websocket") {
        return Err(Refusal::NotAnUpgrade);
    }
    if only(headers, &SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        return Err(Refusal::WebSocketVersion);
    }
    if !only(headers, &SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        return Err(Refusal::Key);
    }
    let length = headers.get(CONTENT_LENGTH);
    if headers.contains_key(TRANSFER_ENCODING) || length.is_some_and(|length| length != "0") {
        return Err(Refusal::Body);
    }
    Ok(())
}

fn is_key(key: &HeaderValue) -> bool {
    // The room that base64 estimates for 24 characters.
    let mut decoded = [0; 18];
    STANDARD.decode_slice(key, &mut decoded) == Ok(KEY_SIZE)
}

/// The value of a header that must stand exactly once.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    let mut values = headers.get_all(name).iter();
    values.next().filter(|_| values.next().is_none())
}

/// The items of a header whose value is a comma-separated list, also over several lines.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use http::header::SEC_WEBSOCKET_ACCEPT;

    use super::*;

    fn handshake() -> http::request::Builder {
        Request::get("/v1/connect")
            .header("connection", "keep-alive, Upgrade")
            .header("upgrade", "WebSocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    fn without(name: &str) -> Request<()> {
        let mut request = handshake().body(()).unwrap();
        request.headers_mut().remove(name);
        request
    }

    fn with(name: &'static str, value: &'static str) -> Request<()> {
        let mut request = handshake().body(()).unwrap();
        let headers = request.headers_mut();
        headers.insert(name, HeaderValue::from_static(value));
        request
    }

    #[test]
    fn the_example_of_rfc_6455_is_accepted() {
        let accepted = accept(&mut handshake().body(()).unwrap(), &[]).unwrap();
        assert_eq!(accepted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
        let headers = accepted.response.headers();
        assert_eq!(
            headers[SEC_WEBSOCKET_ACCEPT],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
        assert_eq!(headers[UPGRADE], "websocket");
        assert_eq!(headers[CONNECTION], "upgrade");
        assert!(!headers.contains_key(SEC_WEBSOCKET_PROTOCOL));
    }

    #[test]
    fn a_request_that_does_not_open_a_websocket_is_told_why() {
        let post = Request::post("/").body(()).unwrap();
        let old = handshake().version(Version::HTTP_10).body(()).unwrap();
        let two_keys = handshake()
            .header("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEA==")
            .body(())
            .unwrap();
        for (mut request, refusal, status) in [
            (post, Refusal::Method, 405),
            (old, Refusal::HttpVersion, 505),
            (without("connection"), Refusal::NotAnUpgrade, 426),
            (with("connection", "close"), Refusal::NotAnUpgrade, 426),
            (without("upgrade"), Refusal::NotAnUpgrade, 426),
            (with("upgrade", "h2c"), Refusal::NotAnUpgrade, 426),
            (
                without("sec-websocket-version"),
                Refusal::WebSocketVersion,
                426,
            ),
            (
                with("sec-websocket-version", "8"),
                Refusal::WebSocketVersion,
                426,
            ),
            (without("sec-websocket-key"), Refusal::Key, 400),
            (with("sec-websocket-key", "c2hvcnQ="), Refusal::Key, 400),
            (
                with("sec-websocket-key", "not base64 not base64!!="),
                Refusal::Key,
                400,
            ),
            (
                with("sec-websocket-key", "AQIDBAUGBwgJCgsMDQ4PEBE="),
                Refusal::Key,
                400,
            ),
            (two_keys, Refusal::Key, 400),
            (with("content-length", "5"), Refusal::Body, 400),
            (with("transfer-encoding", "chunked"), Refusal::Body, 400),
        ] {
            assert_eq!(
                accept(&mut request, &[]).unwrap_err(),
                refusal,
                "{request:?}"
            );
            assert_eq!(refusal.status(), status);
        }
    }

    #[test]
    fn a_refused_version_is_told_which_one_to_use() {
        let headers = Refusal::WebSocketVersion.headers();
        assert!(headers.contains(&(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))));
    }

    #[test]
    fn the_first_subprotocol_that_both_sides_know_is_chosen() {
        let mut request = handshake()
            .header("sec-websocket-protocol", "soap, fanline.v2")
            .header("sec-websocket-protocol", "fanline.v1")
            .body(())
            .unwrap();
        let accepted = accept(&mut request, &["fanline.v1", "fanline.v2"]).unwrap();
        assert_eq!(accepted.subprotocol, Some("fanline.v2"));
        assert_eq!(
            accepted.response.headers()[SEC_WEBSOCKET_PROTOCOL],
            "fanline.v2"
        );
    }

    #[test]
    fn an_unknown_subprotocol_is_not_confirmed() {
        let mut request = with("sec-websocket-protocol", "soap");
        let accepted = accept(&mut request, &["fanline.v1"]).unwrap();
        assert_eq!(accepted.subprotocol, None);
        assert!(
            !accepted
                .response
                .headers()
                .contains_key(SEC_WEBSOCKET_PROTOCOL)
        );
        assert_eq!(
            offered_subprotocols(request.headers()).collect::<Vec<_>>(),
            ["soap"]
        );
    }
}
