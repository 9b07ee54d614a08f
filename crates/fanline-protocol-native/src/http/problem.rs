//! Problems: RFC 9457, for whatever is refused.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use fanline_model::ErrorCode;
use fanline_protocol::Refusal;
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// A request that is refused.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    refusal: Refusal,
    /// How many publishes the app has a second, where that was the limit.
    publishes_per_second: Option<u32>,
}

/// Why a request was refused, and what to do (RFC 9457).
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub(crate) struct ProblemView {
    /// `urn:fanline:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(examples("urn:fanline:problem:invalid_channel"))]
    kind: String,
    /// The code in words.
    #[schema(examples("The channel name is not valid."))]
    title: &'static str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599, examples(400))]
    status: u16,
    /// This case, in a sentence.
    #[schema(examples("a channel name needs at least one character"))]
    detail: String,
    /// The stable name of the kind of problem, the same on sockets (docs/errors.md).
    #[schema(examples("invalid_channel"))]
    code: &'static str,
    /// Whether the same request may succeed later, unchanged.
    retryable: bool,
    /// After how many seconds the same request may succeed, as the header `Retry-After` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(examples(1))]
    retry_after: Option<u64>,
    /// With `outcome_unknown`: send the same messages again under these ids, with `X-Fanline-Retry: true`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    message_ids: Vec<String>,
}

// === impl Problem ===

impl Problem {
    /// A problem with this sentence.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Refusal::new(code, detail).into()
    }

    /// Names the limit that a publisher met.
    pub(crate) fn with_publish_rate(mut self, publishes_per_second: u32) -> Self {
        self.publishes_per_second = Some(publishes_per_second);
        self
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            publishes_per_second: None,
        }
    }
}

impl From<Refusal> for ProblemView {
    fn from(refusal: Refusal) -> Self {
        let code = refusal.code;
        Self {
            kind: code.problem_type(),
            title: code.title(),
            status: code.status(),
            detail: refusal.detail,
            code: code.name(),
            retryable: code.retryable(),
            retry_after: refusal.retry_after.map(whole_seconds),
            message_ids: refusal
                .message_ids
                .iter()
                .map(ToString::to_string)
                .collect(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let view = ProblemView::from(self.refusal);
        let status = StatusCode::from_u16(view.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&view).unwrap_or_default();
        let mut response = (status, [(CONTENT_TYPE, PROBLEM_JSON)], body).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = view.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1: a 401 names the scheme.
            headers.insert(
                WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"fanline\""),
            );
        }
        if status == StatusCode::TOO_MANY_REQUESTS {
            // draft-ietf-httpapi-ratelimit-headers: nothing remains for so many seconds.
            let name = view.code;
            let seconds = view.retry_after.unwrap_or(1);
            insert(headers, RATE_LIMIT, &format!("\"{name}\";r=0;t={seconds}"));
            if let Some(quota) = self.publishes_per_second {
                insert(
                    headers,
                    RATE_LIMIT_POLICY,
                    &format!("\"{name}\";q={quota};w=1"),
                );
            }
        }
        response
    }
}

fn insert(headers: &mut http::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_says_when_to_come_back_and_how_much_there_is() {
        let mut refusal = Refusal::new(ErrorCode::RateLimited, "too fast");
        refusal.retry_after = Some(Duration::from_millis(1_200));
        let response = Problem::from(refusal).with_publish_rate(20).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
        assert_eq!(response.headers()[RATE_LIMIT], "\"rate_limited\";r=0;t=2");
        assert_eq!(
            response.headers()[RATE_LIMIT_POLICY],
            "\"rate_limited\";q=20;w=1"
        );
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
