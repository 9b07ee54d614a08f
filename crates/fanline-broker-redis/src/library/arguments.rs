//! Calls of the library, as `publish.lua` and `read.lua` read them.

use std::fmt::Display;

use bytes::Bytes;
use fanline_broker::{Condition, PageLimit, Publish, envelope};
use fanline_model::{Draft, Epoch, Position, Retention};

use crate::cluster::Call;

const EPHEMERAL: u8 = 1;
const NAMED: u8 = 2;
/// Where `publish` is told that it is repeated.
const RETRY: usize = 0;

/// A publish. A `fresh` epoch goes with every call that may have to begin one: random numbers within Redis
/// start alike in every process.
pub(crate) fn publish(key: Bytes, publish: &Publish, fresh: Epoch, most_records: usize) -> Call {
    let mut numbers = Vec::with_capacity(16);
    let window = publish.retention.idempotency_window.as_millis();
    numbers.extend(u64::try_from(window).unwrap_or(u64::MAX).to_be_bytes());
    numbers.extend((most_records.min(MOST) as u64).to_be_bytes());
    let mut args = vec![
        flag(publish.retry),
        epoch(fresh),
        numbers.into(),
        rule(&publish.retention),
        condition(publish.condition.as_ref()),
        publish
            .items_hash
            .map(|hash| Bytes::copy_from_slice(&hash))
            .unwrap_or_default(),
    ];
    args.extend(publish.drafts.iter().flat_map(draft));
    Call {
        function: "fl1_publish",
        key,
        args,
        retry_flag: Some(RETRY),
    }
}

pub(crate) fn follow(key: Bytes, fresh: Epoch, retention: &Retention) -> Call {
    repeatable("fl1_follow", key, vec![epoch(fresh), rule(retention)])
}

pub(crate) fn read_head(key: Bytes, fresh: Epoch, follows: bool) -> Call {
    repeatable("fl1_head", key, vec![epoch(fresh), flag(follows)])
}

pub(crate) fn read(key: Bytes, fresh: Epoch, after: u64, limit: PageLimit) -> Call {
    let args = vec![
        epoch(fresh),
        text(after),
        text(limit.messages.min(MOST)),
        text(limit.bytes.min(MOST)),
    ];
    repeatable("fl1_read", key, args)
}

pub(crate) fn read_state(key: Bytes, fresh: Epoch) -> Call {
    repeatable("fl1_state", key, vec![epoch(fresh)])
}

/// Numbers within Redis are doubles.
const MOST: usize = 1 << 53;

fn repeatable(function: &'static str, key: Bytes, args: Vec<Bytes>) -> Call {
    Call {
        function,
        key,
        args,
        retry_flag: None,
    }
}

fn draft(draft: &Draft) -> [Bytes; 2] {
    let ephemeral = if draft.ephemeral { EPHEMERAL } else { 0 };
    let named = if draft.id.is_server_made() { 0 } else { NAMED };
    let key = draft.key.as_deref().unwrap_or_default().as_bytes();
    let weight = u32::try_from(draft.weight()).unwrap_or(u32::MAX);
    let mut about = Vec::with_capacity(7 + key.len() + draft.id.as_str().len());
    about.push(ephemeral | named);
    about.extend(weight.to_be_bytes());
    about.extend(u16::try_from(key.len()).unwrap_or(u16::MAX).to_be_bytes());
    about.extend(key);
    about.extend(draft.id.as_str().as_bytes());
    [about.into(), envelope::encode_draft(draft).into()]
}

fn condition(condition: Option<&Condition>) -> Bytes {
    match condition {
        None => Bytes::new(),
        Some(Condition::UnlessEqual) => Bytes::from_static(b"e"),
        Some(Condition::Version(version)) => text(format_args!("v{version:020}")),
        Some(Condition::IfPosition(Position { epoch, seq })) => {
            let mut bytes = Vec::with_capacity(17);
            bytes.push(b'p');
            bytes.extend(epoch.as_u64().to_be_bytes());
            bytes.extend(seq.to_be_bytes());
            bytes.into()
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

fn epoch(epoch: Epoch) -> Bytes {
    Bytes::copy_from_slice(&epoch.as_u64().to_be_bytes())
}

fn flag(set: bool) -> Bytes {
    Bytes::from_static(if set { b"1" } else { b"0" })
}

fn text(value: impl Display) -> Bytes {
    value.to_string().into()
}
