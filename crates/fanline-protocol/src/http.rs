//! A protocol's HTTP side, as an opaque service.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use tower::util::BoxCloneSyncService;

/// Whatever may go wrong while a body is read.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body, on its way in or out.
pub type HttpBody = UnsyncBoxBody<Bytes, BoxError>;

/// A protocol's HTTP API: one request in, one response out, never an error.
pub type HttpService =
    BoxCloneSyncService<http::Request<HttpBody>, http::Response<HttpBody>, Infallible>;

/// A body of these bytes.
pub fn full_body(bytes: impl Into<Bytes>) -> HttpBody {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of nothing.
pub fn empty_body() -> HttpBody {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}
