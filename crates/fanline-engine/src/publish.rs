//! The one way in for messages: judged, checked, counted, and handed to the broker as one act.

use std::sync::atomic::Ordering;

use fanline_broker::{ChannelId, Condition, Publish, PublishError};
use fanline_model::{
    Channel, ConnectionId, Draft, ErrorCode, Limits, MessageId, Origin, PayloadKind, Random,
    UserId, validate_event_name,
};
use fanline_protocol::{Caller, Item, PublishResult, Published, Refusal};
use fanline_tenancy::Rights;
use fanline_tenancy::access::{Action, decide};
use sha2::{Digest, Sha256};

use crate::engine::Engine;

/// The longest key of a message, in bytes.
const MAX_KEY_BYTES: usize = 200;

/// What surrounds a publish, beside its items.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// The connection it came on.
    pub(crate) connection: Option<ConnectionId>,
    /// The connection that is left out.
    pub(crate) exclude: Option<ConnectionId>,
    pub(crate) condition: Option<Condition>,
    pub(crate) retry: bool,
    pub(crate) traceparent: Option<Box<str>>,
    /// Whether the connection holds a signature for the channel.
    pub(crate) signed: bool,
}

/// A publish that was judged and checked: only the broker can still refuse it.
pub(crate) struct Checked {
    publish: Publish,
    ids: Vec<MessageId>,
}

// === impl Checked ===

impl Checked {
    pub(crate) fn into_drafts(self) -> Vec<Draft> {
        self.publish.drafts
    }
}

// === impl Engine ===

impl Engine {
    /// Judges and checks; nothing is published yet.
    pub(crate) fn check(
        &self,
        caller: &Caller,
        channel: &Channel,
        items: Vec<Item>,
        around: &Surroundings,
    ) -> Result<Checked, Refusal> {
        let ephemeral = !items.is_empty() && items.iter().all(|item| item.ephemeral);
        let action = if ephemeral {
            Action::PublishEphemeral
        } else {
            Action::Publish
        };
        decide(
            &caller.app,
            &caller.authority,
            action,
            channel,
            around.signed,
        )?;
        let limits = &caller.app.settings.limits;
        if items.is_empty() || items.len() > limits.batch_items {
            let detail = format!("a publish holds 1 to {} messages", limits.batch_items);
            return Err(Refusal::new(ErrorCode::TooMany, detail));
        }
        for item in &items {
            check_item(item, limits)?;
        }
        if around.condition.is_some() && items.len() != 1 {
            let detail = "a conditional publish holds exactly one message";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail));
        }
        let own = items
            .iter()
            .any(|item| item.id.as_ref().is_some_and(|id| !id.is_server_made()));
        let items_hash = own.then(|| hash_of(&items));
        // Whoever names an id of the server's making repeats what was left unknown; not every protocol has a word for it.
        let repeats = items
            .iter()
            .any(|item| item.id.as_ref().is_some_and(MessageId::is_server_made));
        let drafts = items
            .into_iter()
            .map(|item| draft(item, caller, around, &*self.random))
            .collect::<Result<Vec<_>, _>>()?;
        let ids = drafts.iter().map(|draft| draft.id.clone()).collect();
        let publish = Publish {
            channel: ChannelId::new(caller.app.id.clone(), channel.clone()),
            drafts,
            retention: caller.app.rules.of(channel).retention,
            condition: around.condition.clone(),
            retry: around.retry || repeats,
            items_hash,
        };
        Ok(Checked { publish, ids })
    }

    /// Hands a checked publish to the broker.
    pub(crate) async fn publish(&self, checked: Checked) -> PublishResult {
        let outcomes = self
            .hub
            .broker
            .publish(checked.publish)
            .await
            .map_err(|error| refuse(&error))?;
        self.counters
            .published
            .fetch_add(outcomes.len() as u64, Ordering::Relaxed);
        Ok(checked
            .ids
            .into_iter()
            .zip(outcomes)
            .map(|(id, outcome)| Published { id, outcome })
            .collect())
    }

    /// Counts messages against the app's rate.
    pub(crate) fn meter_publishes(&self, caller: &Caller, messages: usize) -> Result<(), Refusal> {
        let rate = caller.app.settings.limits.publishes_per_second;
        let count = u32::try_from(messages).unwrap_or(u32::MAX);
        let meter = self.sessions.meter(&caller.app.id);
        meter
            .publishes
            .take(count, rate, rate.saturating_mul(2), self.now())
            .map_err(|wait| Refusal {
                retry_after: Some(wait),
                ..Refusal::new(
                    ErrorCode::RateLimited,
                    format!(
                        "the app publishes faster than its {rate} messages a second; retry later"
                    ),
                )
            })
    }
}

fn check_item(item: &Item, limits: &Limits) -> Result<(), Refusal> {
    if let Some(name) = &item.name {
        validate_event_name(name)
            .map_err(|error| Refusal::new(ErrorCode::InvalidName, error.to_string()))?;
    }
    if item.payload.bytes.len() > limits.message_bytes {
        let (most, size) = (limits.message_bytes, item.payload.bytes.len());
        let detail = format!("a message has at most {most} bytes of data, this one has {size}");
        return Err(Refusal::new(ErrorCode::TooLarge, detail));
    }
    let text = matches!(item.payload.kind, PayloadKind::Json | PayloadKind::Text);
    if text && item.payload.as_text().is_none() {
        return Err(Refusal::new(
            ErrorCode::InvalidData,
            "text and JSON data must be UTF-8",
        ));
    }
    if item
        .key
        .as_ref()
        .is_some_and(|key| key.is_empty() || key.len() > MAX_KEY_BYTES)
    {
        let detail = format!("a message's key has 1 to {MAX_KEY_BYTES} bytes");
        return Err(Refusal::new(ErrorCode::InvalidRequest, detail));
    }
    let header_bytes: usize = item
        .headers
        .iter()
        .map(|header| header.name.len() + header.value.len())
        .sum();
    if item.headers.len() > limits.headers || header_bytes > limits.header_bytes {
        let detail = format!(
            "a message has at most {} headers of {} bytes in all",
            limits.headers, limits.header_bytes
        );
        return Err(Refusal::new(ErrorCode::TooLarge, detail));
    }
    Ok(())
}

fn draft(
    item: Item,
    caller: &Caller,
    around: &Surroundings,
    random: &dyn Random,
) -> Result<Draft, Refusal> {
    let client_id = client_id(item.client_id, caller)?;
    Ok(Draft {
        id: item.id.unwrap_or_else(|| MessageId::generate(random)),
        name: item.name,
        key: item.key,
        payload: item.payload,
        origin: Origin {
            connection: around.connection,
            exclude: around.exclude,
            client_id,
        },
        headers: item.headers,
        ephemeral: item.ephemeral,
        removed: item.removed,
        traceparent: around.traceparent.clone(),
        attributes: item.attributes,
    })
}

/// In whose name a message goes out: only an API key may name somebody (TENANCY 5).
fn client_id(named: Option<UserId>, caller: &Caller) -> Result<Option<UserId>, Refusal> {
    let subject = caller.authority.subject.clone();
    match named {
        None => Ok(subject),
        Some(named) if matches!(caller.authority.rights, Rights::ApiKey(_)) => Ok(Some(named)),
        Some(named) if subject.as_ref() == Some(&named) => Ok(subject),
        Some(_) => {
            let detail = "client_id is the token's subject; only an API key may name another";
            Err(Refusal::new(ErrorCode::Forbidden, detail))
        }
    }
}

/// A hash over everything that makes the items what they are; stable across nodes and versions.
fn hash_of(items: &[Item]) -> [u8; 16] {
    let mut hash = Sha256::new();
    let mut field = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_be_bytes());
        hash.update(bytes);
    };
    for item in items {
        field(item.name.as_deref().unwrap_or("").as_bytes());
        field(item.key.as_deref().unwrap_or("").as_bytes());
        field(
            item.client_id
                .as_ref()
                .map_or("", UserId::as_str)
                .as_bytes(),
        );
        let kind = match item.payload.kind {
            PayloadKind::Json => 0,
            PayloadKind::Text => 1,
            PayloadKind::Bytes => 2,
        };
        field(&[kind, u8::from(item.ephemeral), u8::from(item.removed)]);
        field(&item.payload.bytes);
        for header in &item.headers {
            field(header.name.as_bytes());
            field(header.value.as_bytes());
        }
    }
    let full = hash.finalize();
    let mut short = [0; 16];
    short.copy_from_slice(&full[..16]);
    short
}

fn refuse(error: &PublishError) -> Refusal {
    use fanline_broker::BrokerError::{Full, OverBudget, Unavailable};
    let code = match error {
        PublishError::IdempotencyMismatch(_) => ErrorCode::IdempotencyMismatch,
        PublishError::RecordsFull | PublishError::KeysFull | PublishError::Broker(OverBudget) => {
            ErrorCode::LimitReached
        }
        PublishError::OutcomeUnknown(_) => ErrorCode::OutcomeUnknown,
        PublishError::Broker(Unavailable) => ErrorCode::Unavailable,
        PublishError::Broker(Full) => ErrorCode::StorageFull,
    };
    let refusal = Refusal::new(code, error.to_string());
    match error {
        PublishError::OutcomeUnknown(ids) => refusal.with_message_ids(ids.clone()),
        _ => refusal,
    }
}
