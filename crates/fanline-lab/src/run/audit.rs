//! What the servers hold when all is quiet: heads, logs, lineages and rosters, asked for over the public API.

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::http::Http;
use crate::log::{At, Continuity, Event, LostReason, Recorder, Topic, Verdict};
use crate::stage::{Node, Stage, Tenant};
use crate::workload::published;

const PAGE: usize = 500;

#[derive(Deserialize)]
struct Channel {
    head: Option<At>,
}

#[derive(Deserialize)]
struct History {
    continuity: String,
    reason: Option<LostReason>,
    forked_at: Option<At>,
    from: Option<At>,
    head: Option<At>,
    messages: Vec<Box<RawValue>>,
    more: bool,
}

#[derive(Deserialize)]
struct Kept<'a> {
    id: String,
    epoch: String,
    seq: u64,
    #[serde(borrow)]
    data: &'a RawValue,
}

/// Writes down what every channel holds.
pub(super) async fn audit(stage: &Stage, http: &Http, recorder: &Recorder) -> Result<()> {
    for tenant in stage.nodes.tenants() {
        for topic in &stage.topics(tenant) {
            let head = head(stage, http, tenant, topic).await?;
            recorder.record(Event::FinalHead {
                topic: topic.clone(),
                head: head.clone(),
            });
            for epoch in stage.workload.board().epochs(topic) {
                lineage(stage, http, tenant, topic, epoch, recorder).await?;
            }
            if let Some(head) = head {
                log(stage, http, tenant, topic, &head.epoch, recorder).await?;
            }
        }
    }
    let rolls = stage.workload.rolls();
    for topic in rolls.topics() {
        rolls.call(topic, recorder).await?;
    }
    Ok(())
}

/// Where a channel stands, by any running server.
pub(super) async fn head(
    stage: &Stage,
    http: &Http,
    tenant: &Tenant,
    topic: &Topic,
) -> Result<Option<At>> {
    let text = get(
        stage,
        http,
        tenant,
        &format!("/v1/channels/{}", topic.channel),
    )
    .await?;
    let channel: Channel = serde_json::from_str(&text).with_context(|| text.clone())?;
    Ok(channel.head)
}

/// What an epoch is worth: how far its positions are still true.
async fn lineage(
    stage: &Stage,
    http: &Http,
    tenant: &Tenant,
    topic: &Topic,
    epoch: String,
    recorder: &Recorder,
) -> Result<()> {
    let since = At { epoch, seq: 0 };
    let page = history(stage, http, tenant, topic, Some(&since), 1).await?;
    recorder.record(Event::Lineage {
        topic: topic.clone(),
        since,
        verdict: page.verdict()?,
    });
    Ok(())
}

/// The whole log, from the oldest message that is kept.
async fn log(
    stage: &Stage,
    http: &Http,
    tenant: &Tenant,
    topic: &Topic,
    epoch: &str,
    recorder: &Recorder,
) -> Result<()> {
    let mut since = None;
    loop {
        let page = history(stage, http, tenant, topic, since.as_ref(), PAGE).await?;
        for text in &page.messages {
            let kept: Kept<'_> = serde_json::from_str(text.get())?;
            since = Some(At {
                epoch: epoch.to_owned(),
                seq: kept.seq,
            });
            recorder.record(Event::Logged {
                topic: topic.clone(),
                position: At {
                    epoch: kept.epoch,
                    seq: kept.seq,
                },
                message: published(Some(kept.id), kept.data.get()),
            });
        }
        if !page.more || page.messages.is_empty() {
            return Ok(());
        }
    }
}

async fn history(
    stage: &Stage,
    http: &Http,
    tenant: &Tenant,
    topic: &Topic,
    since: Option<&At>,
    limit: usize,
) -> Result<History> {
    let since = since
        .map(|since| format!("since={since}&"))
        .unwrap_or_default();
    let path = format!(
        "/v1/channels/{}/messages?{since}limit={limit}",
        topic.channel
    );
    let text = get(stage, http, tenant, &path).await?;
    serde_json::from_str(&text).with_context(|| format!("not a page of a log: {text}"))
}

async fn get(stage: &Stage, http: &Http, tenant: &Tenant, path: &str) -> Result<String> {
    let nodes = stage.nodes.of(&tenant.name);
    let node = nodes
        .iter()
        .find(|node: &&std::sync::Arc<Node>| node.is_running());
    let node = node.with_context(|| format!("no server of {} runs", tenant.name))?;
    let url = format!("{}{path}", node.url());
    let answer = http.send("GET", &url, &tenant.api_key, &[], None).await?;
    ensure!(
        answer.status.is_success(),
        "{} answers {} to GET {path}: {}",
        node.name(),
        answer.status,
        answer.text
    );
    Ok(answer.text)
}

// === impl History ===

impl History {
    fn verdict(self) -> Result<Verdict> {
        let continuity = match self.continuity.as_str() {
            "fresh" => Continuity::Fresh,
            "kept" => Continuity::Kept,
            "forked" => Continuity::Forked {
                forked_at: self.forked_at,
            },
            "lost" => Continuity::Lost {
                reason: self.reason,
            },
            other => anyhow::bail!("{other} is no verdict"),
        };
        Ok(Verdict {
            continuity,
            from: self.from,
            head: self.head,
        })
    }
}
