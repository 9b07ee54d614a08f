//! A tenant of the lab: an app, its names, and the rules of its channels.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::node::Greeting;
use crate::http::Http;
use crate::log::Topic;
use crate::workload::Plan;

/// What channels of the plain kind are called; the app's own rule holds for them.
pub(crate) const ACKED: &str = "acked.";
/// What channels are called whose publishes wait for a replica.
pub(crate) const REPLICATED: &str = "replicated.";

/// What channels are called that only a token opens.
pub(crate) const GUARDED: &str = "guarded.";
/// What channels are called whose log is short; nobody publishes there unasked.
pub(crate) const SHORT: &str = "short.";
/// How many messages that log keeps.
pub(crate) const SHORT_LOG: usize = 200;

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
    /// Those that everybody publishes to and chooses from.
    pub ordinary: Vec<Topic>,
}

// === impl Tenant ===

impl Tenant {
    /// The tenant that this server was born with, and so many channels of each kind.
    pub(crate) fn new(name: &str, greeting: &Greeting, plan: &Plan) -> Self {
        // The same names for every tenant: what crosses must be seen.
        let kinds = [
            (ACKED, plan.acked),
            (REPLICATED, plan.replicated),
            (GUARDED, plan.guarded),
            (SHORT, plan.short),
        ];
        let topics: Vec<Topic> = kinds
            .into_iter()
            .flat_map(|(prefix, count)| (0..count).map(move |number| named(prefix, number)))
            .map(|channel| Topic {
                tenant: name.to_owned(),
                channel,
            })
            .collect();
        let is_ordinary = |topic: &&Topic| !topic.channel.starts_with(SHORT);
        Self {
            name: name.to_owned(),
            app_id: greeting.app_id.clone(),
            app_key: greeting.pusher.key.clone(),
            api_key: greeting.api_key.clone(),
            ordinary: topics.iter().filter(is_ordinary).cloned().collect(),
            topics,
        }
    }

    /// Its channels with a short log.
    pub(crate) fn short(&self) -> impl Iterator<Item = &Topic> {
        self.with(SHORT)
    }

    /// Its channels that only a token opens.
    pub(crate) fn guarded(&self) -> impl Iterator<Item = &Topic> {
        self.with(GUARDED)
    }

    fn with(&self, prefix: &'static str) -> impl Iterator<Item = &Topic> {
        let topics = self.topics.iter();
        topics.filter(move |topic| topic.channel.starts_with(prefix))
    }

    /// Writes its rules.
    pub(crate) async fn make_rules(&self, http: &Http, greeting: &Greeting) -> Result<()> {
        // Whole enough for the longest run: what is trimmed cannot be audited.
        let history =
            json!({"window_seconds": 7_200, "messages": 1_000_000, "bytes": 1_073_741_824});
        let plain = json!({"access": "open", "history": history});
        self.put(http, greeting, ACKED, &plain).await?;
        let sure = json!({"access": "open", "history": history, "durability": "replicated"});
        self.put(http, greeting, REPLICATED, &sure).await?;
        let guarded = json!({"access": "token", "history": history});
        self.put(http, greeting, GUARDED, &guarded).await?;
        let history = json!({
            "window_seconds": 7_200, "messages": SHORT_LOG, "bytes": 1_073_741_824,
        });
        let short = json!({"access": "open", "history": history});
        self.put(http, greeting, SHORT, &short).await
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
