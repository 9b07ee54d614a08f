//! Calls of the library, as `publish.lua` and `read.lua` read them.

use bytes::Bytes;
use fanline_broker::{Condition, PageLimit, Publish, envelope};
use fanline_model::{Draft, Durability, Epoch, Position, Retention};

use super::form::{call, count, epoch, text, whole};
use crate::cluster::Call;

/// Flags of a draft, in the number that says its weight.
const NAMED: u32 = 1 << 28;
const EPHEMERAL: u32 = 1 << 29;
const CONDITIONAL: u32 = 1 << 30;
/// Flags of the terms.
const WITH_HASH: u8 = 1;
const REPLICATED: u8 = 2;
/// Where `publish` is told that it is repeated.
const RETRY: usize = 0;

/// A channel whose head is asked for.
pub(crate) struct HeadAsked {
    pub(crate) key: Bytes,
    pub(crate) fresh: Epoch,
    /// Whoever follows a channel prolongs its life by asking.
    pub(crate) follows: bool,
}

/// A publish. A `fresh` epoch goes with every call that may have to begin one: random numbers within Redis
/// start alike in every process.
pub(crate) fn publish(key: Bytes, publish: &Publish, fresh: Epoch, most_records: usize) -> Call {
    let mut args = Vec::with_capacity(3 + publish.drafts.len());
    args.push(flag(publish.retry));
    args.push(rule(&publish.retention));
    args.push(terms(publish, fresh, most_records));
    let flags = publish.condition.as_ref().map_or(0, |_| CONDITIONAL);
    args.extend(publish.drafts.iter().map(|each| draft(each, flags)));
    Call {
        function: "fl1_publish",
        key,
        more_keys: Vec::new(),
        args,
        retry_flag: Some(RETRY),
    }
}

pub(crate) fn follow(key: Bytes, fresh: Epoch, retention: &Retention) -> Call {
    call("fl1_follow", key, vec![epoch(fresh), rule(retention)])
}

/// The heads of channels whose keys lie in one slot; nothing without a channel.
pub(crate) fn read_heads(asked: Vec<HeadAsked>) -> Option<Call> {
    let args = asked
        .iter()
        .flat_map(|one| [epoch(one.fresh), flag(one.follows)])
        .collect();
    let mut keys = asked.into_iter().map(|one| one.key);
    let key = keys.next()?;
    Some(Call {
        more_keys: keys.collect(),
        ..call("fl1_heads", key, args)
    })
}

pub(crate) fn read(key: Bytes, fresh: Epoch, after: u64, limit: PageLimit) -> Call {
    let args = vec![
        epoch(fresh),
        text(after),
        count(limit.messages),
        count(limit.bytes),
    ];
    call("fl1_read", key, args)
}

pub(crate) fn read_state(key: Bytes, fresh: Epoch) -> Call {
    call("fl1_state", key, vec![epoch(fresh)])
}

/// Whatever a publish asks for beside its drafts and the channel's rule.
fn terms(publish: &Publish, fresh: Epoch, most_records: usize) -> Bytes {
    let window = publish.retention.idempotency_window.as_millis();
    let hash = publish.items_hash.as_ref();
    let mut flags = hash.map_or(0, |_| WITH_HASH);
    if publish.retention.durability == Durability::Replicated {
        flags |= REPLICATED;
    }
    let mut terms = Vec::with_capacity(64);
    terms.extend(u64::try_from(window).unwrap_or(u64::MAX).to_be_bytes());
    terms.extend(whole(most_records).to_be_bytes());
    terms.push(flags);
    terms.extend(fresh.as_u64().to_be_bytes());
    terms.extend(hash.into_iter().flatten());
    terms.extend(condition(publish.condition.as_ref()));
    terms.into()
}

/// What the log will hold of a draft, up to its tail.
fn draft(draft: &Draft, mut flags: u32) -> Bytes {
    if draft.ephemeral {
        flags |= EPHEMERAL;
    }
    if !draft.id.is_server_made() {
        flags |= NAMED;
    }
    let weight = u32::try_from(draft.weight()).unwrap_or(u32::MAX);
    let envelope = envelope::encode_draft(draft);
    let length = u32::try_from(envelope.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(8 + envelope.len());
    bytes.extend((weight.min(NAMED - 1) | flags).to_be_bytes());
    bytes.extend(length.to_be_bytes());
    bytes.extend(envelope);
    bytes.into()
}

fn condition(condition: Option<&Condition>) -> Vec<u8> {
    match condition {
        None => Vec::new(),
        Some(Condition::UnlessEqual) => b"e".to_vec(),
        Some(Condition::Version(version)) => format!("v{version:020}").into_bytes(),
        Some(Condition::IfPosition(Position { epoch, seq })) => {
            let mut bytes = vec![b'p'];
            bytes.extend(epoch.as_u64().to_be_bytes());
            bytes.extend(seq.to_be_bytes());
            bytes
        }
    }
}

/// Window, messages and bytes of the log, lifetime of the position, lifetime and number of last values.
fn rule(retention: &Retention) -> Bytes {
    let log = retention.history.map_or_else(
        || "- - -".to_owned(),
        |history| {
            format!(
                "{} {} {}",
                history.window.as_millis(),
                history.messages,
                history.bytes
            )
        },
    );
    let state = retention.state.map_or_else(
        || "- -".to_owned(),
        |state| format!("{} {}", state.ttl.as_millis(), state.keys),
    );
    text(format_args!(
        "{log} {} {state}",
        retention.position_ttl.as_millis()
    ))
}

fn flag(set: bool) -> Bytes {
    Bytes::from_static(if set { b"1" } else { b"0" })
}
