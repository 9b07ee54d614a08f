//! Calls and answers of `index.lua` and `sweep.lua`. Whatever has another form is no answer.

use std::time::Duration;

use bytes::Bytes;
use redis::Value;

use super::form::{bytes, call, count, is_nothing, list, millis};
use crate::cluster::Call;

/// What a partition's index has to look at.
pub(crate) struct Due {
    /// Names the claim, for whoever settles it.
    pub(crate) claim: Bytes,
    /// The channels' keys.
    pub(crate) channels: Vec<Bytes>,
}

/// Indexes channels of one partition: somebody must look at them within that time.
pub(crate) fn index(partition: Bytes, within: Duration, channels: Vec<Bytes>) -> Call {
    let mut args = vec![millis(within)];
    args.extend(channels);
    call("fl1_index", partition, args)
}

/// Indexes a channel of one partition: nobody looks at it before that time.
pub(crate) fn index_later(partition: Bytes, after: Duration, channel: Bytes) -> Call {
    call("fl1_index_later", partition, vec![millis(after), channel])
}

/// Claims what a partition has to look at, at most so many channels.
pub(crate) fn claim_due(partition: Bytes, most: usize) -> Call {
    call("fl1_due", partition, vec![count(most)])
}

/// Settles a claim: channels, and when to look at each again.
pub(crate) fn settle(partition: Bytes, claim: Bytes, looked_at: Vec<(Bytes, Bytes)>) -> Call {
    let mut args = vec![claim];
    args.extend(looked_at.into_iter().flat_map(<[Bytes; 2]>::from));
    call("fl1_settle", partition, args)
}

/// Removes from a channel what is too old.
pub(crate) fn sweep(key: Bytes) -> Call {
    call("fl1_sweep", key, Vec::new())
}

/// What is due, or nothing.
pub(crate) fn due(value: Value) -> Option<Option<Due>> {
    if is_nothing(&value) {
        return Some(None);
    }
    let [claim, Value::Array(channels)] = list(value)? else {
        return None;
    };
    Some(Some(Due {
        claim: bytes(claim)?,
        channels: channels.into_iter().map(bytes).collect::<Option<_>>()?,
    }))
}

/// When to look at the channel again, as the index takes it.
pub(crate) fn swept(value: Value) -> Option<Bytes> {
    bytes(value)
}
