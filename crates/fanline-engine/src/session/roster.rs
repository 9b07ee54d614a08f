//! Telling a subscriber to members who is there: in its own order with the changes that follow.
//!
//! The roster is the node's, told from within the feed's lock. One that is asked for before the subscription hears the
//! feed waits until it does: between the two a change would be heard by nobody.

use std::sync::Arc;
use std::time::Duration;

use fanline_model::{Channel, ErrorCode};
use fanline_protocol::{Event, Refusal, Tag};

use super::subscriptions::Phase;
use super::{Done, Session};
use crate::outbox::{RosterPage, Slot};

/// How long a roster may stay unanswered.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A roster that was asked for.
pub(super) struct OwedRoster {
    slot: Slot,
    /// Entries a page.
    page: usize,
    tag: Tag,
    /// Whether its pages wait in the outbox.
    told: bool,
}

impl Session {
    /// The subscription that hears of the channel's members, or soon will.
    pub(super) fn watching(&mut self, channel: &Channel) -> Option<Slot> {
        let slot = self.subscriptions.find(channel)?;
        let subscription = self.subscriptions.get(slot)?;
        subscription.modes().presence.then_some(slot)
    }

    /// Answers with the roster once it is known.
    pub(super) fn owe_roster(&mut self, slot: Slot, page: usize, tag: Tag) {
        let Some(standing) = &mut self.member else {
            return;
        };
        let owed = OwedRoster {
            slot,
            page,
            tag,
            told: false,
        };
        standing.rosters.push(owed);
        if self.hears(slot) {
            self.read_roster(slot);
        }
    }

    /// The subscription hears the feed now.
    pub(super) fn read_owed_rosters(&mut self, slot: Slot) {
        if self.owed().iter().any(|owed| owed.slot == slot) {
            self.read_roster(slot);
        }
    }

    pub(super) fn roster_read(&mut self, slot: Slot, in_time: bool) {
        let Some(subscription) = self.subscriptions.get(slot) else {
            return;
        };
        let feed = Arc::clone(&subscription.feed);
        let Some(key) = subscription.listener() else {
            return;
        };
        let mut all_told = true;
        for owed in self.owed().iter_mut().filter(|one| one.slot == slot) {
            owed.told = owed.told || (in_time && feed.tell_roster(key, owed.page, &owed.tag));
            all_told &= owed.told;
        }
        if !all_told {
            let detail = "who is there could not be read in time; ask again";
            self.refuse_rosters(slot, &feed.id.channel, ErrorCode::Unavailable, detail);
        }
    }

    /// A page leaves the outbox.
    pub(super) fn put_roster(&mut self, slot: Slot, channel: Channel, page: RosterPage) {
        if page.last {
            self.take_owed(|owed| owed.slot == slot && owed.tag == page.tag);
        }
        self.tell(Event::PresencePage {
            channel,
            entries: page.entries,
            revision: page.revision,
            members: page.members,
            last: page.last,
            tag: page.tag,
        });
    }

    /// The subscription ended: what waits of its rosters is nobody's, but each was promised an answer.
    pub(super) fn forget_rosters(&mut self, slot: Slot, channel: &Channel) {
        let detail = "the channel was unsubscribed before its roster was told; ask again";
        self.refuse_rosters(slot, channel, ErrorCode::InvalidRequest, detail);
    }

    fn refuse_rosters(&mut self, slot: Slot, channel: &Channel, code: ErrorCode, detail: &str) {
        for owed in self.take_owed(|owed| owed.slot == slot) {
            let refusal = Refusal::new(code, detail);
            self.refuse(refusal, Some(channel.clone()), owed.tag);
        }
    }

    fn read_roster(&mut self, slot: Slot) {
        let Some(subscription) = self.subscriptions.get(slot) else {
            return;
        };
        let feed = Arc::clone(&subscription.feed);
        self.start(async move {
            let read = tokio::time::timeout(ANSWER_WITHIN, feed.members_read()).await;
            let in_time = read.is_ok();
            Done::RosterRead { slot, in_time }
        });
    }

    fn hears(&mut self, slot: Slot) -> bool {
        let subscription = self.subscriptions.get(slot);
        subscription.is_some_and(|one| one.phase() == Phase::Live)
    }

    fn owed(&mut self) -> &mut [OwedRoster] {
        let standing = self.member.as_deref_mut();
        standing.map_or(&mut [], |one| one.rosters.as_mut_slice())
    }

    fn take_owed(&mut self, which: impl Fn(&OwedRoster) -> bool) -> Vec<OwedRoster> {
        let Some(standing) = &mut self.member else {
            return Vec::new();
        };
        let taken = standing.rosters.extract_if(.., |owed| which(owed));
        taken.collect()
    }
}
