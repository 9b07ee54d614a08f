//! One request to the HTTP API.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use http::{
    Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE},
};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use super::Server;

/// The most of an answer that is read.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// An answer that says that it was done.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status, 200 to 299.
    pub(crate) status: StatusCode,
    /// Its body.
    pub(crate) body: Value,
}

/// Sends a request with the server's API key and a JSON body. A refusal is an error in the server's own
/// words.
pub(crate) async fn send(
    server: &Server,
    method: Method,
    path: &str,
    body: &Value,
) -> anyhow::Result<Answer> {
    let url = server.url(path);
    let request = Request::builder()
        .method(method)
        .uri(&url)
        .header(
            AUTHORIZATION,
            format!("Bearer {}", server.api_key().expose()),
        )
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_string())))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await.map_err(|error| {
        let cause = anyhow!(error).root_cause().to_string();
        anyhow!(
            "no server answers at {url} ({cause}); start one with `fanline dev`, or name another \
             with --url"
        )
    })?;
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER)
        .collect()
        .await
        .map_err(|error| anyhow!("the answer broke off: {error}"))?
        .to_bytes();
    if status.is_success() {
        let body = serde_json::from_slice(&body).context("the answer is no JSON")?;
        return Ok(Answer { status, body });
    }
    Err(refusal(status, &body))
}

/// A problem (RFC 9457) as a sentence.
fn refusal(status: StatusCode, body: &[u8]) -> anyhow::Error {
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key| problem.get(key).and_then(Value::as_str);
    match (text("title"), text("detail")) {
        (Some(title), Some(detail)) => anyhow!("{status}: {title} {detail}"),
        (Some(sentence), None) | (None, Some(sentence)) => anyhow!("{status}: {sentence}"),
        (None, None) => anyhow!("the server answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        let problem = br#"{"title":"No.","detail":"The rule says so."}"#;
        let sentence = refusal(StatusCode::FORBIDDEN, problem).to_string();
        assert_eq!(sentence, "403 Forbidden: No. The rule says so.");
        let sentence = refusal(StatusCode::BAD_GATEWAY, b"<html>").to_string();
        assert_eq!(sentence, "the server answered 502 Bad Gateway");
    }
}
