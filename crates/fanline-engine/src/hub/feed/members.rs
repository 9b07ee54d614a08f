//! The members of a followed channel: who is there, and telling it in the order in which it became so.
//!
//! A roster is kept only while somebody listens to members. Whoever asks for it is told what the node holds, from
//! within the feed's lock: every change that is told afterwards follows on from it.

use std::sync::Arc;
use std::time::Duration;

use fanline_broker::{Presence, PresenceChange, PresenceError, PresenceRevision, Roster};
use fanline_protocol::Tag;

use super::{ChannelFeed, State};
use crate::hub::listeners::ListenerKey;
use crate::hub::roster::{Heard, NodeRoster, Standing};
use crate::outbox::RosterPage;

/// Entries that are read at once.
const PAGE: usize = 1_000;
/// How long to wait before a roster that could not be read, or did not join on, is read again.
const AGAIN: Duration = Duration::from_millis(200);

// === impl ChannelFeed ===

impl ChannelFeed {
    /// Members changed. True if the caller must read the roster.
    pub(in crate::hub) fn presence(&self, change: &PresenceChange) -> bool {
        let mut state = self.state.lock();
        let Some(roster) = &mut state.roster else {
            return false;
        };
        let heard = roster.hear(change);
        if heard == Heard::Tell {
            state.listeners.presence(change);
        }
        heard == Heard::Read
    }

    /// Which roster is kept, if somebody listens to members.
    fn roster_number(&self) -> Option<u32> {
        let state = self.state.lock();
        state.roster.as_ref().map(|_| state.rosters)
    }

    /// Whether somebody here listens to members.
    pub(in crate::hub) fn watches_members(&self) -> bool {
        self.state.lock().roster.is_some()
    }

    /// True if the roster was never read and the caller must do it.
    pub(in crate::hub) fn begin_members(&self) -> bool {
        self.with_roster(NodeRoster::begin)
    }

    /// Changes may have been missed. True if the caller must read the roster.
    pub(in crate::hub) fn suspect_members(&self) -> bool {
        self.with_roster(NodeRoster::suspect)
    }

    /// Compares with the broker's word. True if the caller must read the roster.
    pub(in crate::hub) fn compare_members(&self, revision: PresenceRevision) -> bool {
        self.with_roster(|roster| roster.compare(revision))
    }

    /// Reads the roster and tells the listeners what they have missed; goes on until it succeeds, or until they are
    /// gone. Those who come after them have another roster, which others read.
    pub(in crate::hub) async fn read_members(&self, presence: &dyn Presence) {
        let Some(roster) = self.roster_number() else {
            return;
        };
        let mut well = true;
        loop {
            match self.pages(presence).await {
                Ok(pages) if self.learn(roster, &pages) => {
                    return self.roster_read.notify_waiters();
                }
                Ok(_) => {}
                Err(error) if well => {
                    tracing::warn!(channel = %self.id, %error, "a roster cannot be read; trying on");
                    well = false;
                }
                Err(_) => {}
            }
            if self.roster_number() != Some(roster) {
                return;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// Returns once the roster was read.
    pub(crate) async fn members_read(&self) {
        loop {
            let notified = self.roster_read.notified();
            if self.with_roster(|roster| roster.is_known()) {
                return;
            }
            notified.await;
        }
    }

    /// Tells one listener who is there, in pages. False if that is not known.
    pub(crate) fn tell_roster(&self, key: ListenerKey, page: usize, tag: &Tag) -> bool {
        let state = self.state.lock();
        let standing = state.roster.as_ref().and_then(|roster| roster.standing());
        let Some(standing) = standing else {
            return false;
        };
        state
            .listeners
            .roster(key, in_pages(&standing, page.max(1), tag));
        true
    }

    async fn pages(&self, presence: &dyn Presence) -> Result<Vec<Roster>, PresenceError> {
        let (mut pages, mut after) = (Vec::new(), None);
        loop {
            let page = presence.roster(&self.id, after.take(), PAGE).await?;
            let last = page.entries.last();
            after = last.map(|entry| (entry.member.clone(), entry.connection));
            let is_last = !page.more || after.is_none();
            pages.push(page);
            if is_last {
                return Ok(pages);
            }
        }
    }

    /// False if the roster must be read again.
    fn learn(&self, number: u32, pages: &[Roster]) -> bool {
        let mut state = self.state.lock();
        let State {
            roster,
            rosters,
            listeners,
            ..
        } = &mut *state;
        let Some(roster) = roster.as_mut().filter(|_| *rosters == number) else {
            return true;
        };
        let told = roster.learn(pages);
        for change in told.iter().flatten() {
            listeners.presence(change);
        }
        told.is_some()
    }

    fn with_roster(&self, ask: impl FnOnce(&mut NodeRoster) -> bool) -> bool {
        let mut state = self.state.lock();
        state.roster.as_deref_mut().is_some_and(ask)
    }
}

fn in_pages(standing: &Standing, page: usize, tag: &Tag) -> Vec<RosterPage> {
    let about = |entries: &[Arc<_>], last| RosterPage {
        entries: entries.to_vec(),
        revision: standing.revision,
        members: standing.members,
        last,
        tag: tag.clone(),
    };
    let mut pages: Vec<_> = standing
        .entries
        .chunks(page)
        .map(|entries| about(entries, false))
        .collect();
    match pages.last_mut() {
        Some(page) => page.last = true,
        // That nobody is there is an answer too.
        None => pages.push(about(&[], true)),
    }
    pages
}
