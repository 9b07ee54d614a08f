//! Requests to a server, as a backend would make them.

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

use crate::pusher::sign;
use crate::server::Server;

/// What a server answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, as text.
    pub text: String,
}

// === impl Answer ===

impl Answer {
    /// The body, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {:?}", self.text))
    }
}

// === impl Server ===

impl Server {
    /// Any request.
    pub async fn request(&self, request: Request<Full<Bytes>>) -> Answer {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let response = client.request(request).await.expect("the server answers");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("the whole body").to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    /// A call of the native HTTP API with this bearer credential.
    pub async fn api(
        &self,
        method: &str,
        path: &str,
        bearer: Option<&str>,
        body: Option<&Value>,
    ) -> Answer {
        self.call(
            &format!("{}{path}", self.info.url),
            method,
            bearer,
            &[],
            body,
        )
        .await
    }

    /// The same with more headers.
    pub async fn api_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        self.call(
            &format!("{}{path}", self.info.url),
            method,
            Some(&self.info.api_key),
            headers,
            body,
        )
        .await
    }

    /// A call of the admin API, as the operator.
    pub async fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let url = format!("{}{path}", self.info.admin_url);
        self.call(&url, method, Some(&self.info.operator_token), &[], body)
            .await
    }

    /// Publishes one message by the native API with the API key, and answers its `(epoch, seq)`.
    pub async fn publish(&self, channel: &str, body: Value) -> (String, u64) {
        let path = format!("/v1/channels/{channel}/messages");
        let answer = self
            .api("POST", &path, Some(&self.info.api_key), Some(&body))
            .await;
        assert!(answer.status.is_success(), "{answer:?}");
        let json = answer.json();
        let epoch = json["epoch"].as_str().unwrap_or_default().to_owned();
        (epoch, json["seq"].as_u64().unwrap_or_default())
    }

    /// A signed call of Pusher's HTTP API.
    pub async fn pusher(
        &self,
        method: &str,
        path: &str,
        query: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let target = sign(&self.info.pusher, method, path, query, body);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}{target}", self.info.url))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_owned())))
            .expect("a request");
        self.request(request).await
    }

    async fn call(
        &self,
        url: &str,
        method: &str,
        bearer: Option<&str>,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method).uri(url);
        if let Some(bearer) = bearer {
            request = request.header("authorization", format!("Bearer {bearer}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let bytes = body
            .map(|body| Bytes::from(body.to_string()))
            .unwrap_or_default();
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        self.request(request.body(Full::new(bytes)).expect("a request"))
            .await
    }
}
