//! A backend that signs its requests as Pusher's SDKs do, and sees the answers as they are.

use std::sync::Arc;

use bytes::Bytes;
use fanline_protocol::{HttpBody, HttpService, full_body};
use fanline_protocol_pusher::http;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use serde_json::Value;
use tower::ServiceExt as _;

use super::{APP_ID, KEY, NOW, SECRET, World, hmac};

pub(crate) struct Backend {
    service: HttpService,
    app_id: &'static str,
    key: &'static str,
    secret: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) text: String,
}

impl Backend {
    /// A backend of the first app.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self::with(world, APP_ID, KEY, SECRET)
    }

    pub(crate) fn with(
        world: &Arc<World>,
        app_id: &'static str,
        key: &'static str,
        secret: &'static str,
    ) -> Self {
        Self {
            service: http(world.clone()),
            app_id,
            key,
            secret,
        }
    }

    /// `POST /apps/{app_id}/{path}`.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_text(path, &body.to_string()).await
    }

    pub(crate) async fn post_text(&self, path: &str, body: &str) -> Answer {
        let path = format!("/apps/{}/{path}", self.app_id);
        let md5 = hex(&Md5::digest(body));
        let query = self.sign("POST", &path, &[("body_md5", &md5)]);
        self.send(
            "POST",
            &format!("{path}?{query}"),
            full_body(body.to_owned()),
        )
        .await
    }

    /// `GET /apps/{app_id}/{path}` with these parameters, sent as they are.
    pub(crate) async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Answer {
        let path = format!("/apps/{}/{path}", self.app_id);
        let query = self.sign("GET", &path, parameters);
        self.send("GET", &format!("{path}?{query}"), full_body(""))
            .await
    }

    /// The query of a request signed now.
    pub(crate) fn sign(&self, method: &str, path: &str, parameters: &[(&str, &str)]) -> String {
        self.sign_at(NOW, method, path, parameters)
    }

    pub(crate) fn sign_at(
        &self,
        now: u64,
        method: &str,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> String {
        let now = now.to_string();
        let mut all = vec![
            ("auth_key", self.key),
            ("auth_timestamp", &now),
            ("auth_version", "1.0"),
        ];
        all.extend_from_slice(parameters);
        all.sort_unstable();
        let pairs: Vec<_> = all
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let query = pairs.join("&");
        let signature = hmac(self.secret, &format!("{method}\n{path}\n{query}"));
        format!("{query}&auth_signature={signature}")
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, method: &str, target: &str, body: HttpBody) -> Answer {
        let request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(target)
            .header("content-type", "application/json")
            .body(body)
            .unwrap();
        let response = self.service.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body: Bytes = body.collect().await.unwrap().to_bytes();
        let content_type = parts
            .headers
            .get("content-type")
            .map(|value| value.to_str().unwrap());
        Answer {
            status: parts.status.as_u16(),
            content_type: content_type.unwrap_or_default().to_owned(),
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }
}

impl Answer {
    /// The body of a success: always a JSON object, always 200.
    pub(crate) fn ok(&self) -> Value {
        assert_eq!(
            (self.status, &*self.content_type),
            (200, "application/json"),
            "{self:?}"
        );
        let value: Value = serde_json::from_str(&self.text).unwrap();
        assert!(value.is_object(), "{self:?}");
        value
    }

    /// The sentence of a failure: always plain text.
    pub(crate) fn refused(&self, status: u16) -> &str {
        assert_eq!(
            (self.status, &*self.content_type),
            (status, "text/plain; charset=utf-8"),
            "{self:?}"
        );
        assert!(self.text.trim().contains(' '), "a sentence: {self:?}");
        &self.text
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
