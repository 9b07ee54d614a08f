//! What a protocol learns when a link opens.

use std::net::IpAddr;

/// Which way the frames travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A WebSocket.
    WebSocket,
    /// Server-sent events; the client's words come in the request.
    Stream,
    /// Long polling.
    Poll,
}

/// The request that opened a link.
#[derive(Clone, Debug)]
pub struct Open {
    /// Which way the frames travel.
    pub transport: Transport,
    /// What follows the mount's path, without a leading slash, still percent-encoded.
    pub path: String,
    /// The query, without `?`, still percent-encoded.
    pub query: String,
    /// The request's headers.
    pub headers: http::HeaderMap,
    /// Who connected, as far as it is trusted.
    pub peer: IpAddr,
    /// Whether the way here is encrypted.
    pub secure: bool,
}

// === impl Open ===

impl Open {
    /// A request with nothing said, for tests and for links that are no HTTP request.
    pub fn bare(transport: Transport, peer: IpAddr) -> Self {
        Self {
            transport,
            path: String::new(),
            query: String::new(),
            headers: http::HeaderMap::new(),
            peer,
            secure: false,
        }
    }

    /// The page's origin, if a browser named one.
    pub fn origin(&self) -> Option<&str> {
        self.headers
            .get(http::header::ORIGIN)
            .and_then(|value| value.to_str().ok())
    }

    /// The credential of an `Authorization: Bearer` header.
    pub fn bearer(&self) -> Option<&str> {
        let value = self
            .headers
            .get(http::header::AUTHORIZATION)?
            .to_str()
            .ok()?;
        let (scheme, credential) = value.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("bearer")
            .then(|| credential.trim())
    }
}
