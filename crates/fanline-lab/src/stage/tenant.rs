//! A tenant of the lab: an app, its names, and the rules of its channels.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::node::Greeting;
use crate::http::Http;
use crate::log::Topic;

/// What channels of the plain kind are called; the app's own rule holds for them.
pub(crate) const ACKED: &str = "acked.";
/// What channels are called whose publishes wait for a replica.
pub(crate) const REPLICATED: &str = "replicated.";

/// An app, as its users know it.
#[derive(Clone, Debug)]
pub struct Tenant {
    /// Its name in the lab.
    pub name: String,
    /// The app's id.
    pub app_id: String,
    /// The app's public name, with which clients connect.
    pub app_key: String,
    /// Publishes and inspects.
    pub api_key: String,
    /// Its channels.
    pub topics: Vec<Topic>,
}

// === impl Tenant ===

impl Tenant {
    /// The tenant that this server was born with, and so many channels of each kind.
    pub(crate) fn new(name: &str, greeting: &Greeting, acked: usize, replicated: usize) -> Self {
        // The same names for every tenant: what crosses must be seen.
        let plain = (0..acked).map(|number| named(ACKED, number));
        let sure = (0..replicated).map(|number| named(REPLICATED, number));
        let topic = |channel| Topic {
            tenant: name.to_owned(),
            channel,
        };
        Self {
            name: name.to_owned(),
            app_id: greeting.app_id.clone(),
            app_key: greeting.pusher.key.clone(),
            api_key: greeting.api_key.clone(),
            topics: plain.chain(sure).map(topic).collect(),
        }
    }

    /// Writes its rules.
    pub(crate) async fn make_rules(&self, http: &Http, greeting: &Greeting) -> Result<()> {
        // Whole enough for the longest run: what is trimmed cannot be audited.
        let history =
            json!({"window_seconds": 7_200, "messages": 1_000_000, "bytes": 1_073_741_824});
        let plain = json!({"access": "open", "history": history});
        self.put(http, greeting, ACKED, &plain).await?;
        let sure = json!({"access": "open", "history": history, "durability": "replicated"});
        self.put(http, greeting, REPLICATED, &sure).await
    }

    async fn put(&self, http: &Http, to: &Greeting, prefix: &str, rule: &Value) -> Result<()> {
        let url = format!(
            "{}/admin/v1/apps/{}/namespaces/{prefix}",
            to.admin_url, self.app_id
        );
        let answer = http
            .send("PUT", &url, &to.operator_token, &[], Some(rule))
            .await?;
        ensure!(
            answer.status.is_success(),
            "the rule of {prefix} is refused: {} {}",
            answer.status,
            answer.text
        );
        Ok(())
    }
}

/// Names that differ in more than their last digit, so that a tenant's channels lie on every shard.
fn named(prefix: &str, number: usize) -> String {
    let word = number.wrapping_add(1).wrapping_mul(40_503) & 0xffff;
    format!("{prefix}{word:04x}.{number}")
}
