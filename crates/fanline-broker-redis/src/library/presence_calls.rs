//! Calls and answers of `presence.lua` and `leases.lua`. Whatever has another form is no answer.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::{Entry, PresenceChange, PresenceRevision, Roster};
use fanline_model::{ConnectionId, Epoch, UserId};
use redis::Value;

use crate::cluster::Call;
use crate::presence::{change, entry};

/// Where `enter` and `update` are told that they are repeated: they answer then what the first attempt did.
const RETRY: usize = 0;
const FIRST: Bytes = Bytes::from_static(b"0");
/// Numbers within Redis are doubles.
const MOST: u64 = 1 << 53;

/// What a partition's index has to look at.
pub(crate) struct Due {
    /// Names the claim, for whoever settles it.
    pub(crate) claim: Bytes,
    /// The channels' keys.
    pub(crate) channels: Vec<Bytes>,
}

/// What became of a channel that was looked at.
pub(crate) struct Reaped {
    /// How many entries left.
    pub(crate) left: usize,
    /// When to look again, as the index takes it.
    pub(crate) again: Bytes,
}

// === Calls ===

/// A `fresh` epoch goes with every call, in case the numbering has to change.
pub(crate) fn enter(
    key: Bytes,
    fresh: Epoch,
    entry: &Entry,
    lease: Duration,
    most_members: usize,
) -> Call {
    let args = vec![
        FIRST,
        epoch(fresh),
        millis(lease),
        count(most_members),
        entry::name(&entry.member, entry.connection),
        entry::content(entry),
    ];
    Call {
        retry_flag: Some(RETRY),
        ..call("fl1_enter", key, args)
    }
}

pub(crate) fn update(
    key: Bytes,
    fresh: Epoch,
    member: &UserId,
    connection: ConnectionId,
    data: Option<&Bytes>,
) -> Call {
    let args = vec![
        FIRST,
        epoch(fresh),
        entry::name(member, connection),
        entry::data(data),
    ];
    Call {
        retry_flag: Some(RETRY),
        ..call("fl1_update", key, args)
    }
}

pub(crate) fn leave(key: Bytes, fresh: Epoch, member: &UserId, connection: ConnectionId) -> Call {
    let args = vec![epoch(fresh), entry::name(member, connection)];
    call("fl1_leave", key, args)
}

pub(crate) fn refresh(key: Bytes, fresh: Epoch, lease: Duration, names: Vec<Bytes>) -> Call {
    let mut args = vec![epoch(fresh), millis(lease)];
    args.extend(names);
    call("fl1_refresh", key, args)
}

pub(crate) fn reap(key: Bytes, fresh: Epoch) -> Call {
    call("fl1_reap", key, vec![epoch(fresh)])
}

pub(crate) fn members(key: Bytes, fresh: Epoch) -> Call {
    call("fl1_members", key, vec![epoch(fresh)])
}

pub(crate) fn revision(key: Bytes, fresh: Epoch) -> Call {
    call("fl1_revision", key, vec![epoch(fresh)])
}

pub(crate) fn roster(
    key: Bytes,
    fresh: Epoch,
    after: Option<&(UserId, ConnectionId)>,
    limit: usize,
) -> Call {
    let after = after.map(|(member, connection)| entry::name(member, *connection));
    let args = vec![epoch(fresh), count(limit), after.unwrap_or_default()];
    call("fl1_roster", key, args)
}

/// Indexes channels of one partition: somebody must look at them within that time.
pub(crate) fn index(partition: Bytes, within: Duration, channels: Vec<Bytes>) -> Call {
    let mut args = vec![millis(within)];
    args.extend(channels);
    call("fl1_index", partition, args)
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

fn call(function: &'static str, key: Bytes, args: Vec<Bytes>) -> Call {
    Call {
        function,
        key,
        args,
        retry_flag: None,
    }
}

fn epoch(epoch: Epoch) -> Bytes {
    Bytes::copy_from_slice(&epoch.as_u64().to_be_bytes())
}

fn millis(duration: Duration) -> Bytes {
    text(duration.as_millis().min(MOST.into()))
}

fn count(count: usize) -> Bytes {
    text(u64::try_from(count).unwrap_or(MOST).min(MOST))
}

fn text(value: impl Display) -> Bytes {
    value.to_string().into()
}

// === Answers ===

/// A change.
pub(crate) fn changed(value: Value) -> Option<PresenceChange> {
    change::decode(bytes(value)?)
}

/// A change, or none.
pub(crate) fn changed_or_not(value: Value) -> Option<Option<PresenceChange>> {
    if is_nothing(&value) {
        return Some(None);
    }
    changed(value).map(Some)
}

/// The epoch, and whether each of so many entries is there.
pub(crate) fn refreshed(value: Value, asked: usize) -> Option<(Epoch, Vec<bool>)> {
    let answer = bytes(value)?;
    let (epoch, present) = answer.split_first_chunk()?;
    let present: Vec<_> = present.iter().map(|flag| *flag == b'1').collect();
    (present.len() == asked).then(|| (Epoch::from_u64(u64::from_be_bytes(*epoch)), present))
}

pub(crate) fn reaped(value: Value) -> Option<Reaped> {
    let [left, again] = list(value)?;
    Some(Reaped {
        left: integer(left)?,
        again: bytes(again)?,
    })
}

/// The revision of a roster.
pub(crate) fn numbered(value: Value) -> Option<PresenceRevision> {
    if is_nothing(&value) {
        return Some(PresenceRevision::NONE);
    }
    let Value::BulkString(bytes) = value else {
        return None;
    };
    let (epoch, number) = bytes.split_first_chunk::<8>()?;
    Some(PresenceRevision {
        epoch: Epoch::from_u64(u64::from_be_bytes(*epoch)),
        number: u64::from_be_bytes(number.try_into().ok()?),
    })
}

/// How many members there are.
pub(crate) fn counted(value: Value) -> Option<usize> {
    integer(value)
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

/// A page of the roster, or none where nobody ever entered. The library leaves small rosters unsorted and uncut.
pub(crate) fn page(value: Value, after: Option<&(UserId, ConnectionId)>) -> Option<Option<Roster>> {
    if is_nothing(&value) {
        return Some(None);
    }
    let [epoch, number, members, more, Value::Array(entries)] = list(value)? else {
        return None;
    };
    let epoch = u64::from_be_bytes(bytes(epoch)?.as_ref().try_into().ok()?);
    let mut entries = entries
        .into_iter()
        .map(|value| entry::read(&mut bytes(value)?).map(Arc::new))
        .collect::<Option<Vec<_>>>()?;
    let place = |entry: &Arc<Entry>| (entry.member.clone(), entry.connection);
    entries.retain(|entry| after.is_none_or(|after| place(entry) > *after));
    entries.sort_by_cached_key(place);
    Some(Some(Roster {
        entries,
        revision: PresenceRevision {
            epoch: Epoch::from_u64(epoch),
            number: digits(number)?,
        },
        members: usize::try_from(digits(members)?).ok()?,
        more: bytes(more)?.as_ref() == b"1",
    }))
}

fn is_nothing(value: &Value) -> bool {
    matches!(value, Value::Nil | Value::Boolean(false))
}

fn list<const N: usize>(value: Value) -> Option<[Value; N]> {
    match value {
        Value::Array(values) => values.try_into().ok(),
        _ => None,
    }
}

fn bytes(value: Value) -> Option<Bytes> {
    match value {
        Value::BulkString(bytes) => Some(bytes.into()),
        _ => None,
    }
}

fn integer(value: Value) -> Option<usize> {
    match value {
        Value::Int(number) => number.try_into().ok(),
        _ => None,
    }
}

fn digits(value: Value) -> Option<u64> {
    std::str::from_utf8(&bytes(value)?).ok()?.parse().ok()
}
