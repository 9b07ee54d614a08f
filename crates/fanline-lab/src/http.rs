//! Requests to servers, as a backend makes them.

use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Longer than a server itself pursues a publish.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A client with kept connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
}

/// What was answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub text: String,
}

// === impl Http ===

impl Default for Http {
    fn default() -> Self {
        Self {
            client: Client::builder(TokioExecutor::new())
                // Every attempt is ours, and is written down.
                .retry_canceled_requests(false)
                .build_http(),
        }
    }
}

impl Http {
    /// A request with a bearer credential. An error means that nobody knows what became of it.
    pub async fn send(
        &self,
        method: &str,
        url: &str,
        bearer: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let text = body.map(Value::to_string);
        self.send_text(method, url, bearer, headers, text).await
    }

    /// The same with a body whose bytes matter.
    pub async fn send_text(
        &self,
        method: &str,
        url: &str,
        bearer: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> Result<Answer> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header("authorization", format!("Bearer {bearer}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::new(Bytes::from(body.unwrap_or_default())))?;
        tokio::time::timeout(ANSWER_WITHIN, self.answer(request))
            .await
            .with_context(|| format!("no answer within {ANSWER_WITHIN:?}"))?
    }

    async fn answer(&self, request: Request<Full<Bytes>>) -> Result<Answer> {
        let (parts, body) = self.client.request(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        Ok(Answer {
            status: parts.status,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        })
    }
}

// === impl Answer ===

impl Answer {
    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }
}
