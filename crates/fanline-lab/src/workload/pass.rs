//! Tokens, and what they no longer cover.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use crate::http::Http;
use crate::log::Topic;
use crate::stage::{Node, Tenant};

/// Longer than any run.
const LASTS_SECONDS: u32 = 3_600;

/// The one token that all subscribers of a tenant show, and whose successor covers less.
#[derive(Debug, Default)]
pub(super) struct Pass {
    held: Mutex<Held>,
}

#[derive(Clone, Debug, Default)]
struct Held {
    token: Option<String>,
    barred: BTreeSet<String>,
}

// === impl Pass ===

impl Pass {
    /// The token, if one is needed, and the channels whose right was taken.
    pub(super) fn show(&self) -> (Option<String>, BTreeSet<String>) {
        let held = self.held.lock().clone();
        (held.token, held.barred)
    }

    /// From now on everybody who connects shows a token that covers all of the tenant's channels but those that were
    /// ever barred.
    pub(super) async fn renew(
        &self,
        http: &Http,
        node: &Node,
        tenant: &Tenant,
        bar: &[Topic],
    ) -> Result<()> {
        let mut barred = self.held.lock().barred.clone();
        barred.extend(bar.iter().map(|topic| topic.channel.clone()));
        let capabilities: Map<String, Value> = tenant
            .topics
            .iter()
            .filter(|topic| !barred.contains(&topic.channel))
            .map(|topic| (topic.channel.clone(), json!(["subscribe"])))
            .collect();
        let wish = json!({
            "subject": "everybody", "capabilities": capabilities, "ttl_seconds": LASTS_SECONDS,
        });
        let url = format!("{}/v1/tokens", node.url());
        let answer = http
            .send("POST", &url, &tenant.api_key, &[], Some(&wish))
            .await?;
        let token = answer.json()["token"].as_str().map(str::to_owned);
        let token = token.with_context(|| format!("no token was made: {}", answer.text))?;
        *self.held.lock() = Held {
            token: Some(token),
            barred,
        };
        Ok(())
    }
}
