//! Calls and answers of `presence.lua`. Whatever has another form is no answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_broker::{Entry, PresenceChange, PresenceRevision, Roster};
use fanline_model::{ConnectionId, Epoch, UserId};
use redis::Value;

use super::form::{bytes, call, count, digits, epoch, integer, is_nothing, list, millis};
use crate::cluster::Call;
use crate::presence::{change, entry};

/// Where `enter` and `update` are told that they are repeated: they answer then what the first attempt did.
const RETRY: usize = 0;
const FIRST: Bytes = Bytes::from_static(b"0");

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
