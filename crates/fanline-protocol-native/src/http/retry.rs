//! Headers that make a publish safe to repeat, and traceable.

use axum::extract::FromRequestParts;
use fanline_model::ErrorCode;
use http::HeaderMap;
use http::request::Parts;
use utoipa::IntoParams;

use super::problem::Problem;

const KEY_HEADER: &str = "idempotency-key";
const RETRY_HEADER: &str = "x-fanline-retry";
const TRACE_HEADER: &str = "traceparent";

/// The longest key: with `:` and a number it must still be a message id.
const MAX_KEY: usize = 120;

/// How a publish is recognised when it comes again.
#[derive(Default)]
pub(super) struct Repeatable {
    pub(super) key: Option<Box<str>>,
    pub(super) retry: bool,
    pub(super) traceparent: Option<Box<str>>,
}

/// The headers, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(
    dead_code,
    reason = "describes the headers for the document; `Repeatable` reads them"
)]
pub(super) struct RepeatableHeaders {
    /// Makes the publish safe to repeat within the namespace's window (two minutes unless its rule says
    /// more): the same key with the same body answers the same positions, with another body 422. Message
    /// `n` of a channel gets the id `KEY:n`.
    #[param(
        required = false,
        nullable = false,
        rename = "Idempotency-Key",
        pattern = "^[!-~]{1,120}$",
        example = "order-42-created"
    )]
    key: Option<String>,
    /// `true` says that this repeats a call whose outcome is not known, so that the log is searched even
    /// for ids that the server made.
    #[param(required = false, nullable = false, rename = "X-Fanline-Retry")]
    retry: Option<bool>,
}

impl<S: Sync> FromRequestParts<S> for Repeatable {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let headers = &parts.headers;
        Ok(Self {
            key: text(headers, KEY_HEADER)?.map(key).transpose()?,
            retry: text(headers, RETRY_HEADER)?
                .map(flag)
                .transpose()?
                .unwrap_or(false),
            // A traceparent that is none is as good as no traceparent (W3C Trace Context, 4.3).
            traceparent: text(headers, TRACE_HEADER)
                .ok()
                .flatten()
                .filter(|text| is_traceparent(text))
                .map(Box::from),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let plain = |value: &'a http::HeaderValue| {
        let sentence = format!("the header {name} has visible ASCII characters only");
        value
            .to_str()
            .map_err(|_| Problem::new(ErrorCode::InvalidRequest, sentence))
    };
    headers.get(name).map(plain).transpose()
}

fn key(text: &str) -> Result<Box<str>, Problem> {
    if (1..=MAX_KEY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(text.into());
    }
    let sentence = format!("Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters");
    Err(Problem::new(ErrorCode::InvalidRequest, sentence))
}

fn flag(text: &str) -> Result<bool, Problem> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(Problem::new(
            ErrorCode::InvalidRequest,
            "X-Fanline-Retry is true or false",
        )),
    }
}

/// `00-{32 hex}-{16 hex}-{2 hex}`, or a later version that begins so.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    };
    let lengths = [2, 32, 16, 2];
    let parts: Vec<&str> = text.split('-').take(4).collect();
    text.len() <= 128
        && parts.len() == 4
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == length && hex(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_has_its_form() {
        assert!(is_traceparent(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        ));
        assert!(!is_traceparent(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"
        ));
        assert!(!is_traceparent(
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"
        ));
    }
}
