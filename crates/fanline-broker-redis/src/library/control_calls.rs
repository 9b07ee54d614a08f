//! Calls and answers of `signals.lua` and `nodes.lua`.

use std::time::Duration;

use bytes::Bytes;
use fanline_broker::BootId;
use fanline_model::{NodeId, Timestamp};
use redis::Value;

use super::form::{call, millis, text};
use crate::cluster::Call;

/// What the registry holds of a node.
pub(crate) struct Listed {
    pub(crate) started_at: Timestamp,
    pub(crate) announced_at: Timestamp,
    /// What it said.
    pub(crate) document: Vec<u8>,
}

/// Hands a signal to whoever listens. Sent twice it is heard once: its counter tells.
pub(crate) fn signal(key: Bytes, signal: Bytes) -> Call {
    call("fl1_signal", key, vec![signal])
}

pub(crate) fn announce(
    key: Bytes,
    (id, boot): (&NodeId, BootId),
    uptime: Duration,
    lease: Duration,
    document: Vec<u8>,
) -> Call {
    let args = vec![
        text(id),
        number(boot),
        millis(uptime),
        millis(lease),
        document.into(),
    ];
    call("fl1_announce", key, args)
}

pub(crate) fn withdraw(key: Bytes, id: &NodeId, boot: BootId) -> Call {
    call("fl1_withdraw", key, vec![text(id), number(boot)])
}

pub(crate) fn nodes(key: Bytes) -> Call {
    call("fl1_nodes", key, Vec::new())
}

fn number(boot: BootId) -> Bytes {
    Bytes::copy_from_slice(&boot.as_u64().to_be_bytes())
}

/// The nodes of an answer.
pub(crate) fn listed(value: Value) -> Option<Vec<Listed>> {
    let Value::Array(entries) = value else {
        return None;
    };
    entries.into_iter().map(entry).collect()
}

fn entry(value: Value) -> Option<Listed> {
    let Value::BulkString(bytes) = value else {
        return None;
    };
    let (_lease, rest) = bytes.split_first_chunk::<8>()?;
    let (started_at, rest) = rest.split_first_chunk()?;
    let (announced_at, rest) = rest.split_first_chunk()?;
    let (_boot, document) = rest.split_first_chunk::<8>()?;
    let time = |bytes: &[u8; 8]| Timestamp::from_millis(u64::from_be_bytes(*bytes));
    Some(Listed {
        started_at: time(started_at),
        announced_at: time(announced_at),
        document: document.to_vec(),
    })
}
