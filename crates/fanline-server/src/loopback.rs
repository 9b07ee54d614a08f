//! What only this machine's user may reach: the pages and helpers of `dev`, and the admin API.
//!
//! A page of the internet can make a browser on this machine send requests here, under a name that the
//! page's owner lets point to loopback (DNS rebinding). So the peer alone proves nothing: the Host that
//! is asked for and the Origin that asks must be loopback, too.

use std::net::IpAddr;

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use fanline_edge::Peer;
use http::{
    HeaderMap, StatusCode, Uri,
    header::{CONTENT_TYPE, HOST, ORIGIN},
};
use serde_json::json;

/// Middleware: lets through what comes from this machine, to a name of this machine, from no page or one
/// of this machine.
pub(crate) async fn only(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>();
    match check(peer, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(sentence) => refusal(sentence),
    }
}

fn check(peer: Option<&Peer>, headers: &HeaderMap) -> Result<(), &'static str> {
    if !peer.is_some_and(|Peer(peer)| peer.ip().to_canonical().is_loopback()) {
        return Err("This is served to the machine itself only.");
    }
    if !host(headers).is_some_and(is_loopback) {
        return Err(
            "Ask by the name localhost or 127.0.0.1: another name may be somebody's trick.",
        );
    }
    match headers.get(ORIGIN) {
        None => Ok(()),
        Some(origin) if origin.to_str().is_ok_and(is_loopback_origin) => Ok(()),
        Some(_) => Err(
            "Only pages of localhost may ask; a page that was opened from disk has the origin null: \
             serve it from a port of this machine.",
        ),
    }
}

/// The host that is asked for, with its port. Twice is as bad as none.
pub(crate) fn host(headers: &HeaderMap) -> Option<&str> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next().filter(|_| hosts.next().is_none())?;
    host.to_str().ok()
}

/// Whether a host, with a port or without, is a name of this machine that nobody else can give away.
fn is_loopback(host: &str) -> bool {
    let Ok(uri) = host.parse::<Uri>() else {
        return false;
    };
    let Some(authority) = uri.authority().filter(|found| found.as_str() == host) else {
        return false;
    };
    let name = authority.host();
    let address = name.trim_start_matches('[').trim_end_matches(']');
    // RFC 6761, 6.3: resolvers never ask the network about localhost.
    let is_name = name.eq_ignore_ascii_case("localhost");
    !host.contains('@') && (is_name || address.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()))
}

fn is_loopback_origin(origin: &str) -> bool {
    let rest = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    rest.is_some_and(is_loopback)
}

fn refusal(sentence: &str) -> Response {
    let body = json!({
        "type": "urn:fanline:problem:forbidden",
        "title": "The credential does not allow this.",
        "status": 403,
        "detail": sentence,
        "code": "forbidden",
        "retryable": false,
    });
    let headers = [(CONTENT_TYPE, "application/problem+json")];
    (StatusCode::FORBIDDEN, headers, body.to_string()).into_response()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const LOCAL: &str = "127.0.0.1:50000";

    fn allowed(peer: &str, host: Option<&str>, origin: Option<&str>) -> bool {
        let peer = Peer(peer.parse().unwrap());
        let mut headers = HeaderMap::new();
        if let Some(host) = host {
            headers.insert(HOST, host.parse().unwrap());
        }
        if let Some(origin) = origin {
            headers.insert(ORIGIN, origin.parse().unwrap());
        }
        check(Some(&peer), &headers).is_ok()
    }

    #[test]
    fn the_machine_itself_is_let_in() {
        for peer in [LOCAL, "127.9.9.9:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert!(allowed(peer, Some("localhost:7300"), None), "{peer}");
        }
        for host in [
            "localhost",
            "LOCALHOST:1",
            "127.0.0.1:7300",
            "127.1.2.3",
            "[::1]:7300",
        ] {
            assert!(allowed(LOCAL, Some(host), None), "{host}");
        }
        for origin in [
            "http://localhost:3000",
            "http://127.0.0.1",
            "https://[::1]:8443",
        ] {
            assert!(allowed(LOCAL, Some("localhost"), Some(origin)), "{origin}");
        }
    }

    #[test]
    fn another_machine_is_not() {
        for peer in ["192.0.2.1:1", "[2001:db8::1]:1", "[::ffff:192.0.2.1]:1"] {
            assert!(!allowed(peer, Some("localhost"), None), "{peer}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(HOST, "localhost".parse().unwrap());
        assert!(
            check(None, &headers).is_err(),
            "a request of unknown origin"
        );
    }

    #[test]
    fn another_name_for_this_machine_is_not() {
        for host in [
            "attacker.example",
            "attacker.example:7300",
            "localhost.attacker.example",
            "127.0.0.1.attacker.example",
            "localhost@attacker.example",
            "attacker@localhost",
            "0.0.0.0:7300",
            "localhost/x",
            "",
        ] {
            assert!(!allowed(LOCAL, Some(host), None), "{host}");
        }
        assert!(!allowed(LOCAL, None, None), "no host at all");
    }

    #[test]
    fn two_hosts_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(HOST, "localhost".parse().unwrap());
        headers.append(HOST, "attacker.example".parse().unwrap());
        assert_eq!(host(&headers), None);
    }

    #[test]
    fn a_page_of_elsewhere_is_not() {
        for origin in [
            "null",
            "https://attacker.example",
            "http://localhost.attacker.example",
            "http://localhost@attacker.example",
            "file://",
            "localhost",
        ] {
            assert!(!allowed(LOCAL, Some("localhost"), Some(origin)), "{origin}");
        }
    }
}
