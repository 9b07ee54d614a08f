//! What protocols' HTTP sides ask of the engine.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use fanline_broker::{ChannelId, PageLimit};
use fanline_model::{
    Channel, ConnectionId, ErrorCode, Message, MessageId, Position, Timestamp, UserId,
};
use fanline_protocol::{
    Caller, ChannelInfo, ChannelQuery, Continuity, HistoryPage, HistoryQuery, Item, PublishBatch,
    PublishCall, PublishResult, Realtime, Refusal,
};
use fanline_tenancy::access::{Action, decide};
use fanline_tenancy::{AppRef, Capabilities, MintRequest, Proof, Rights, Scope};

use crate::engine::Engine;
use crate::publish::{Checked, Surroundings};
use crate::resume::resume;
use crate::shared::flag;

/// How many bytes of a log one request may read.
const HISTORY_BYTES: usize = 8 * 1024 * 1024;
/// How many messages one request may read.
const HISTORY_MESSAGES: usize = 1_000;
/// How many channels one request may list.
const CHANNELS: usize = 1_000;

/// The engine, as an HTTP side sees it.
pub(crate) struct EngineRealtime(pub(crate) Arc<Engine>);

#[async_trait]
impl Realtime for EngineRealtime {
    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    async fn authenticate(&self, app: &AppRef, proof: &Proof) -> Result<Caller, Refusal> {
        let verified = self.0.verifier.authenticate(app, proof).await?;
        Ok(Caller {
            app: verified.app,
            authority: verified.authority,
        })
    }

    async fn publish(
        &self,
        caller: &Caller,
        batch: PublishBatch,
    ) -> Result<Vec<PublishResult>, Refusal> {
        let messages: usize = batch.calls.iter().map(|call| call.items.len()).sum();
        let most = caller.app.settings.limits.batch_items;
        if messages > most {
            return Err(Refusal::new(
                ErrorCode::TooMany,
                format!("one request publishes at most {most} messages"),
            ));
        }
        self.0.meter_publishes(caller, messages)?;
        let calls = name_items(batch.calls, batch.idempotency_key.as_deref())?;
        let check = |call: PublishCall| {
            let around = Surroundings {
                exclude: call.exclude,
                condition: call.condition,
                retry: batch.retry,
                traceparent: batch.traceparent.clone(),
                ..Surroundings::default()
            };
            self.0.check(caller, &call.channel, call.items, &around)
        };
        let checked: Vec<Result<Checked, Refusal>> = calls.into_iter().map(check).collect();
        if batch.all_or_nothing
            && let Some(Err(refusal)) = checked.iter().find(|one| one.is_err())
        {
            return Err(refusal.clone());
        }
        let mut results = Vec::with_capacity(checked.len());
        for one in checked {
            results.push(match one {
                Ok(checked) => self.0.publish(checked).await,
                Err(refusal) => Err(refusal),
            });
        }
        Ok(results)
    }

    async fn history(&self, caller: &Caller, query: HistoryQuery) -> Result<HistoryPage, Refusal> {
        decide(
            &caller.app,
            &caller.authority,
            Action::History,
            &query.channel,
            false,
        )?;
        let id = ChannelId::new(caller.app.id.clone(), query.channel);
        let limit = PageLimit {
            messages: query.limit.clamp(1, HISTORY_MESSAGES),
            bytes: HISTORY_BYTES,
        };
        let unavailable = |_| {
            Refusal::new(
                ErrorCode::Unavailable,
                "the log cannot be read now; try again",
            )
        };
        let after = query.since.map_or(0, |since| since.seq);
        let broker = &self.0.hub.broker;
        let Some(mut page) = broker.read(&id, after, limit).await.map_err(unavailable)? else {
            let continuity = query.since.map_or(Continuity::Fresh, |_| {
                Continuity::Lost(fanline_protocol::LostReason::UnknownEpoch)
            });
            return Ok(HistoryPage {
                continuity,
                from: None,
                head: None,
                messages: Vec::new(),
                more: false,
            });
        };
        let verdict = query.since.map(|since| resume(since, &page.head));
        let kept = verdict.is_none_or(|verdict| !matches!(verdict.continuity, Continuity::Lost(_)));
        // Without a position, or with one that is lost, the log is read from its oldest message.
        let oldest = Position::new(page.head.position.epoch, page.head.evicted_through);
        if !kept || (query.since.is_none() && page.head.evicted_through > 0) {
            page = broker
                .read(&id, page.head.evicted_through, limit)
                .await
                .map_err(unavailable)?
                .ok_or_else(|| {
                    Refusal::new(
                        ErrorCode::Unavailable,
                        "the channel was forgotten meanwhile; try again",
                    )
                })?;
        }
        let from = match verdict {
            Some(verdict) if kept => verdict.from,
            _ => oldest,
        };
        let head = page.head.position;
        let last = page
            .messages
            .last()
            .and_then(|message| message.position)
            .map_or(head.seq, |last| last.seq);
        Ok(HistoryPage {
            continuity: verdict.map_or(Continuity::Fresh, |verdict| verdict.continuity),
            from: Some(from),
            head: Some(head),
            more: !page.messages.is_empty() && last < head.seq,
            messages: page.messages,
        })
    }

    async fn channel(&self, caller: &Caller, channel: &Channel) -> Result<ChannelInfo, Refusal> {
        decide(
            &caller.app,
            &caller.authority,
            Action::Inspect,
            channel,
            false,
        )?;
        let id = ChannelId::new(caller.app.id.clone(), channel.clone());
        let connections = self.0.hub.listeners(&id) as u64;
        self.info(id, connections).await
    }

    async fn channels(
        &self,
        caller: &Caller,
        query: ChannelQuery,
    ) -> Result<(Vec<ChannelInfo>, bool), Refusal> {
        let allowed = match &caller.authority.rights {
            Rights::ApiKey(scopes) => scopes.have(Scope::Channels),
            Rights::Pusher => true,
            Rights::Anonymous | Rights::Token(_) => false,
        };
        if !allowed {
            let detail = "listing channels needs an API key with the scope channels";
            return Err(Refusal::new(ErrorCode::Forbidden, detail));
        }
        let wanted = |(id, _): &(ChannelId, usize)| {
            let named = id.channel.name().is_some_and(|name| {
                let after = query
                    .after
                    .as_deref()
                    .is_none_or(|after| name.as_str() > after);
                name.as_str().starts_with(&query.prefix) && after
            });
            named
                && decide(
                    &caller.app,
                    &caller.authority,
                    Action::Inspect,
                    &id.channel,
                    false,
                )
                .is_ok()
        };
        let mut occupied: Vec<_> = self
            .0
            .hub
            .occupied(&caller.app.id)
            .into_iter()
            .filter(wanted)
            .collect();
        occupied.sort();
        let limit = query.limit.clamp(1, CHANNELS);
        let more = occupied.len() > limit;
        occupied.truncate(limit);
        let mut infos = Vec::with_capacity(occupied.len());
        for (id, connections) in occupied {
            infos.push(self.info(id, connections as u64).await?);
        }
        Ok((infos, more))
    }

    async fn mint(
        &self,
        caller: &Caller,
        subject: Option<UserId>,
        capabilities: Capabilities,
        channels: Vec<Channel>,
        lifetime: Duration,
    ) -> Result<(String, Timestamp), Refusal> {
        let request = MintRequest {
            subject,
            capabilities,
            channels,
            ttl: lifetime,
        };
        let minted = self
            .0
            .verifier
            .mint(&caller.app, &caller.authority, request);
        minted
            .map(|minted| (minted.token, minted.expires_at))
            .map_err(|error| Refusal::new(ErrorCode::Forbidden, error.to_string()))
    }

    async fn deliver(
        &self,
        caller: &Caller,
        connection: ConnectionId,
        channel: &Channel,
        item: Item,
    ) -> Result<bool, Refusal> {
        let checked = self
            .0
            .check(caller, channel, vec![item], &Surroundings::default())?;
        let shared = self.0.sessions.find(connection);
        // A connection of another app does not exist for this caller.
        let own = |identity: &crate::shared::Identity| identity.app == caller.app.id;
        let Some(shared) = shared.filter(|shared| shared.identity().is_some_and(own)) else {
            return Ok(false);
        };
        let message = checked.into_message(self.0.clock.now());
        let mut mailbox = shared.mailbox.lock();
        mailbox
            .get_or_insert_default()
            .direct
            .extend(message.map(|message| (channel.clone(), message)));
        drop(mailbox);
        shared.raise(flag::DIRECT);
        Ok(true)
    }
}

// === impl EngineRealtime ===

impl EngineRealtime {
    async fn info(&self, id: ChannelId, connections: u64) -> Result<ChannelInfo, Refusal> {
        let away = "the channel's state cannot be read now; try again";
        let head = self.0.hub.broker.head(&id).await;
        let head = head.map_err(|_| Refusal::new(ErrorCode::Unavailable, away))?;
        let members = self.0.presence.members(&id).await;
        let members = members.map_err(|_| Refusal::new(ErrorCode::Unavailable, away))?;
        Ok(ChannelInfo {
            channel: id.channel,
            connections,
            members: members as u64,
            head: head.map(|head| head.position),
        })
    }
}

/// Gives the items of a call with an idempotency key their ids: `key:n`, counted within each channel, so
/// that a retry with its list in another order still matches.
fn name_items(mut calls: Vec<PublishCall>, key: Option<&str>) -> Result<Vec<PublishCall>, Refusal> {
    let Some(key) = key else { return Ok(calls) };
    let mut counts: HashMap<Channel, usize> = HashMap::new();
    for call in &mut calls {
        let count = counts.entry(call.channel.clone()).or_default();
        for item in &mut call.items {
            if item.id.is_none() {
                let id = MessageId::of_call(key, *count);
                let id = id.map_err(|error| {
                    Refusal::new(
                        ErrorCode::InvalidRequest,
                        format!("the idempotency key is not usable: {error}"),
                    )
                })?;
                item.id = Some(id);
            }
            *count += 1;
        }
    }
    Ok(calls)
}

// === impl Checked ===

impl Checked {
    /// The first message as if it were published, without a position.
    fn into_message(self, timestamp: Timestamp) -> Option<Arc<Message>> {
        let draft = self.into_drafts().into_iter().next()?;
        Some(Arc::new(Message {
            draft,
            timestamp,
            position: None,
            fork: None,
        }))
    }
}
