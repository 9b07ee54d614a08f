//! The entries of one channel: who is there, on which connection, until when.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;
use fanline_model::{ConnectionId, Epoch, Timestamp, UserId};

use crate::presence::{Entry, PresenceChange, PresenceError, PresenceRevision, Roster};

/// Entries in order of member and connection, each with its lease.
pub(super) struct Entries {
    by_key: BTreeMap<(UserId, ConnectionId), Lease>,
    members: usize,
    revision: PresenceRevision,
    /// No lease ends before this moment; a refresh leaves it behind the truth until the next look.
    earliest: Timestamp,
}

struct Lease {
    entry: Arc<Entry>,
    until: Timestamp,
}

impl Entries {
    pub(super) fn new(epoch: Epoch) -> Self {
        Self {
            by_key: BTreeMap::new(),
            members: 0,
            revision: PresenceRevision { epoch, number: 0 },
            earliest: Timestamp::from_millis(u64::MAX),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    pub(super) fn members(&self) -> usize {
        self.members
    }

    pub(super) fn revision(&self) -> PresenceRevision {
        self.revision
    }

    pub(super) fn enter(
        &mut self,
        entry: Entry,
        until: Timestamp,
        limit: usize,
    ) -> Result<PresenceChange, PresenceError> {
        let first = !self.is_member(&entry.member);
        if first && self.members >= limit {
            return Err(PresenceError::Full(limit));
        }
        let (key, entry) = ((entry.member.clone(), entry.connection), Arc::new(entry));
        self.earliest = self.earliest.min(until);
        let before = self.by_key.insert(
            key,
            Lease {
                entry: Arc::clone(&entry),
                until,
            },
        );
        self.members += usize::from(first);
        let revision = self.advance();
        Ok(match before {
            Some(_) => PresenceChange::Updated { entry, revision },
            None => PresenceChange::Entered {
                entry,
                first,
                revision,
            },
        })
    }

    pub(super) fn update(
        &mut self,
        member: &UserId,
        connection: ConnectionId,
        data: Option<Bytes>,
    ) -> Result<PresenceChange, PresenceError> {
        let lease = self
            .by_key
            .get_mut(&(member.clone(), connection))
            .ok_or(PresenceError::NotEntered)?;
        let entry = Arc::new(Entry {
            data,
            ..Entry::clone(&lease.entry)
        });
        lease.entry = Arc::clone(&entry);
        Ok(PresenceChange::Updated {
            entry,
            revision: self.advance(),
        })
    }

    pub(super) fn leave(
        &mut self,
        member: &UserId,
        connection: ConnectionId,
    ) -> Option<PresenceChange> {
        let entry = self.by_key.remove(&(member.clone(), connection))?.entry;
        let last = !self.is_member(member);
        self.members -= usize::from(last);
        Some(PresenceChange::Left {
            entry,
            last,
            revision: self.advance(),
        })
    }

    /// Prolongs the lease of an entry that is there.
    pub(super) fn refresh(
        &mut self,
        member: &UserId,
        connection: ConnectionId,
        until: Timestamp,
    ) -> bool {
        match self.by_key.get_mut(&(member.clone(), connection)) {
            Some(lease) => {
                lease.until = until;
                self.earliest = self.earliest.min(until);
                true
            }
            None => false,
        }
    }

    /// Ends what outlived its lease, in the order in which the leases ended.
    pub(super) fn reap(&mut self, now: Timestamp) -> Vec<PresenceChange> {
        if self.earliest > now {
            return Vec::new();
        }
        let mut ended: Vec<_> = self
            .by_key
            .iter()
            .filter(|(_, lease)| lease.until <= now)
            .map(|((member, connection), lease)| (lease.until, member.clone(), *connection))
            .collect();
        ended.sort();
        let left = ended
            .iter()
            .filter_map(|(_, member, connection)| self.leave(member, *connection))
            .collect();
        self.earliest = self
            .by_key
            .values()
            .map(|lease| lease.until)
            .min()
            .unwrap_or(Timestamp::from_millis(u64::MAX));
        left
    }

    pub(super) fn page(&self, after: Option<(UserId, ConnectionId)>, limit: usize) -> Roster {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut rest = self
            .by_key
            .range((begin, Bound::Unbounded))
            .map(|(_, lease)| &lease.entry);
        let entries = rest.by_ref().take(limit).cloned().collect();
        Roster {
            entries,
            revision: self.revision,
            members: self.members,
            more: rest.next().is_some(),
        }
    }

    fn is_member(&self, member: &UserId) -> bool {
        let first = (member.clone(), ConnectionId::from_parts(0, 0));
        let last = (member.clone(), ConnectionId::from_parts(u64::MAX, u64::MAX));
        self.by_key.range(first..=last).next().is_some()
    }

    fn advance(&mut self) -> PresenceRevision {
        self.revision.number += 1;
        self.revision
    }
}
