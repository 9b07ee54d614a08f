//! Who is on a channel, as the listeners of this node know it.
//!
//! Changes of members are numbered, and reach a node at most once. A node that sees a jump, or another numbering,
//! reads the roster again and tells its listeners the difference, so that a lost leave is no ghost for ever. Pure: it
//! never asks the broker itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanline_broker::{Entry, PresenceChange, PresenceRevision, Roster};
use fanline_model::{ConnectionId, UserId};

/// What may be held while the roster is read.
const HELD_CHANGES: usize = 4_096;

/// The entries of one channel in the order in which rosters have them.
type Entries = BTreeMap<(UserId, ConnectionId), Arc<Entry>>;

/// A channel's roster on this node, kept while somebody listens to its members.
#[derive(Default)]
pub(super) struct NodeRoster {
    /// What the listeners were told; none until it was read for the first time.
    known: Option<Known>,
    /// While it is read, what came meanwhile.
    held: Option<Vec<PresenceChange>>,
    /// The revision that the last comparison saw; whoever has not reached it by the next one has missed something.
    expected: Option<PresenceRevision>,
}

struct Known {
    revision: PresenceRevision,
    entries: Entries,
}

/// What a change asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// Tell the listeners.
    Tell,
    /// It is known already, or is told with what is being read.
    Nothing,
    /// Something is missing before it: the caller reads the roster, and nobody else does.
    Read,
}

/// A roster as it stands, to be told in pages.
pub(super) struct Standing {
    pub(super) entries: Vec<Arc<Entry>>,
    pub(super) members: usize,
    pub(super) revision: PresenceRevision,
}

// === impl NodeRoster ===

impl NodeRoster {
    /// A change came from the broker.
    pub(super) fn hear(&mut self, change: &PresenceChange) -> Heard {
        if let Some(held) = &mut self.held {
            if held.len() < HELD_CHANGES {
                held.push(change.clone());
            }
            // Whoever listens already and knows no roster yet hears changes alone.
            return if self.known.is_some() {
                Heard::Nothing
            } else {
                Heard::Tell
            };
        }
        let Some(known) = &mut self.known else {
            self.held = Some(vec![change.clone()]);
            return Heard::Read;
        };
        let revision = change.revision();
        if known.is_next(revision) || (known.entries.is_empty() && revision.number == 1) {
            known.apply(change);
            return Heard::Tell;
        }
        if known.has(revision) {
            return Heard::Nothing;
        }
        self.held = Some(vec![change.clone()]);
        Heard::Read
    }

    /// Changes may have been missed. True if the caller must read the roster.
    pub(super) fn suspect(&mut self) -> bool {
        let is_read = self.held.is_some();
        self.held.get_or_insert_default();
        !is_read
    }

    /// Whether it was never read, and nobody does it. Then the caller must.
    pub(super) fn begin(&mut self) -> bool {
        self.known.is_none() && self.suspect()
    }

    /// Compares with the broker's word. True if the caller must read the roster. What is on its way for a while is
    /// not missing: only whoever has not reached the word of the last comparison is behind.
    pub(super) fn compare(&mut self, revision: PresenceRevision) -> bool {
        let Some(known) = &self.known else {
            return self.begin();
        };
        let is_behind = self.expected.is_some_and(|expected| !known.has(expected));
        self.expected = Some(revision);
        is_behind && self.suspect()
    }

    /// Takes in a roster that was read in pages, and answers what the listeners have to be told. `None`: what came
    /// meanwhile does not join on to it, and it must be read again.
    pub(super) fn learn(&mut self, pages: &[Roster]) -> Option<Vec<PresenceChange>> {
        let Some(held) = self.held.take() else {
            return Some(Vec::new());
        };
        let (mut read, later) = match join(pages, held) {
            Some(joined) => joined,
            None => {
                self.held = Some(Vec::new());
                return None;
            }
        };
        let mut told = match &self.known {
            Some(known) => difference(&known.entries, &read.entries, read.revision),
            // What the listeners have to know they ask for.
            None => Vec::new(),
        };
        let was_known = self.known.is_some();
        for change in later {
            read.apply(&change);
            if was_known {
                told.push(change);
            }
        }
        self.known = Some(read);
        Some(told)
    }

    /// Whether it was read.
    pub(super) fn is_known(&self) -> bool {
        self.known.is_some()
    }

    /// The roster, once it was read.
    pub(super) fn standing(&self) -> Option<Standing> {
        let known = self.known.as_ref()?;
        let mut members = 0;
        let mut last = None;
        for (member, _) in known.entries.keys() {
            members += usize::from(last != Some(member));
            last = Some(member);
        }
        Some(Standing {
            entries: known.entries.values().cloned().collect(),
            members,
            revision: known.revision,
        })
    }
}

// === impl Known ===

impl Known {
    fn is_next(&self, revision: PresenceRevision) -> bool {
        revision.epoch == self.revision.epoch && revision.number == self.revision.number + 1
    }

    fn has(&self, revision: PresenceRevision) -> bool {
        revision.epoch == self.revision.epoch && revision.number <= self.revision.number
    }

    fn apply(&mut self, change: &PresenceChange) {
        self.revision = change.revision();
        match change {
            PresenceChange::Entered { entry, .. } | PresenceChange::Updated { entry, .. } => {
                self.entries.insert(key(entry), Arc::clone(entry));
            }
            PresenceChange::Left { entry, .. } => {
                self.entries.remove(&key(entry));
            }
        }
    }
}

/// The roster at the revision of its last page, and the changes after it. Pages of a busy roster show different
/// revisions; each change says what became of a whole entry, so those between the first page and the last are laid
/// over all of them.
fn join(pages: &[Roster], held: Vec<PresenceChange>) -> Option<(Known, Vec<PresenceChange>)> {
    let (first, last) = (pages.first()?.revision, pages.last()?.revision);
    if pages.iter().any(|page| page.revision.epoch != first.epoch) {
        return None;
    }
    let entries = pages.iter().flat_map(|page| &page.entries);
    let mut read = Known {
        revision: first,
        entries: entries
            .map(|entry| (key(entry), Arc::clone(entry)))
            .collect(),
    };
    let mut later = Vec::new();
    let mut reached = first;
    for change in held {
        let revision = change.revision();
        if revision.epoch == first.epoch && revision.number <= reached.number {
            continue;
        }
        if revision.epoch != first.epoch || revision.number != reached.number + 1 {
            return None;
        }
        reached = revision;
        if revision.number <= last.number {
            read.apply(&change);
        } else {
            later.push(change);
        }
    }
    (read.revision == last).then_some((read, later))
}

/// What became of one roster that is now the other. Those who came are told before those who went, so that a member
/// who changed their connection is never away.
fn difference(
    before: &Entries,
    after: &Entries,
    revision: PresenceRevision,
) -> Vec<PresenceChange> {
    let mut counts: BTreeMap<&UserId, usize> = BTreeMap::new();
    for (member, _) in before.keys() {
        *counts.entry(member).or_default() += 1;
    }
    let mut told = Vec::new();
    for (key, entry) in after {
        match before.get(key) {
            None => {
                let count = counts.entry(&key.0).or_default();
                *count += 1;
                told.push(PresenceChange::Entered {
                    entry: Arc::clone(entry),
                    first: *count == 1,
                    revision,
                });
            }
            Some(old) if old != entry => told.push(PresenceChange::Updated {
                entry: Arc::clone(entry),
                revision,
            }),
            Some(_) => {}
        }
    }
    for (key, entry) in before {
        if after.contains_key(key) {
            continue;
        }
        let count = counts.entry(&key.0).or_default();
        *count = count.saturating_sub(1);
        told.push(PresenceChange::Left {
            entry: Arc::clone(entry),
            last: *count == 0,
            revision,
        });
    }
    told
}

fn key(entry: &Entry) -> (UserId, ConnectionId) {
    (entry.member.clone(), entry.connection)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::Epoch;

    use super::*;

    fn at(number: u64) -> PresenceRevision {
        PresenceRevision {
            epoch: Epoch::from_u64(7),
            number,
        }
    }

    fn entry(member: &str, connection: u64) -> Arc<Entry> {
        Arc::new(Entry {
            member: UserId::parse(member).unwrap(),
            connection: ConnectionId::from_parts(connection, 1),
            info: None,
            data: None,
        })
    }

    fn entered(member: &str, connection: u64, first: bool, number: u64) -> PresenceChange {
        PresenceChange::Entered {
            entry: entry(member, connection),
            first,
            revision: at(number),
        }
    }

    fn left(member: &str, connection: u64, last: bool, number: u64) -> PresenceChange {
        PresenceChange::Left {
            entry: entry(member, connection),
            last,
            revision: at(number),
        }
    }

    fn page(entries: &[(&str, u64)], number: u64) -> Roster {
        Roster {
            entries: entries
                .iter()
                .map(|(member, connection)| entry(member, *connection))
                .collect(),
            revision: at(number),
            members: entries.len(),
            more: false,
        }
    }

    fn reading(entries: &[(&str, u64)], number: u64) -> NodeRoster {
        let mut roster = NodeRoster::default();
        assert!(roster.begin());
        assert_eq!(roster.learn(&[page(entries, number)]), Some(Vec::new()));
        roster
    }

    #[test]
    fn a_change_that_is_next_is_told_and_one_that_is_known_is_not() {
        let mut roster = reading(&[("ann", 1)], 4);
        assert_eq!(roster.hear(&entered("ann", 1, true, 4)), Heard::Nothing);
        assert_eq!(roster.hear(&entered("ben", 2, true, 5)), Heard::Tell);
        let standing = roster.standing().unwrap();
        assert_eq!(
            (standing.entries.len(), standing.members, standing.revision),
            (2, 2, at(5))
        );
    }

    #[test]
    fn a_jump_is_read_and_the_difference_told() {
        let mut roster = reading(&[("ann", 1), ("ben", 2)], 4);
        // Ben's leave was lost.
        let cid = entered("cid", 3, true, 6);
        assert_eq!(roster.hear(&cid), Heard::Read);
        assert_eq!(
            roster.hear(&left("ann", 1, true, 7)),
            Heard::Nothing,
            "it is being read"
        );
        let told = roster.learn(&[page(&[("ann", 1), ("cid", 3)], 6)]).unwrap();
        let difference = [entered("cid", 3, true, 6), left("ben", 2, true, 6)];
        assert_eq!(told, [&difference[..], &[left("ann", 1, true, 7)]].concat());
        assert_eq!(roster.standing().unwrap().revision, at(7));
    }

    #[test]
    fn the_first_entry_of_a_numbering_follows_on_from_nobody() {
        let mut roster = NodeRoster::default();
        assert!(roster.begin());
        let nobody = Roster {
            revision: PresenceRevision::NONE,
            ..page(&[], 0)
        };
        assert_eq!(roster.learn(&[nobody]), Some(Vec::new()));
        assert_eq!(roster.hear(&entered("ann", 1, true, 1)), Heard::Tell);
        assert_eq!(roster.standing().unwrap().revision, at(1));
    }

    #[test]
    fn another_numbering_is_read() {
        let mut roster = reading(&[("ann", 1)], 4);
        let other = PresenceChange::Entered {
            entry: entry("ben", 2),
            first: true,
            revision: PresenceRevision {
                epoch: Epoch::from_u64(8),
                number: 5,
            },
        };
        assert_eq!(roster.hear(&other), Heard::Read);
    }

    #[test]
    fn who_listens_before_the_first_roster_was_read_hears_changes_alone() {
        let mut roster = NodeRoster::default();
        assert!(roster.begin() && !roster.begin());
        assert_eq!(roster.hear(&entered("ann", 1, true, 1)), Heard::Tell);
        assert_eq!(roster.learn(&[page(&[], 0)]), Some(Vec::new()));
        assert_eq!(roster.standing().unwrap().entries, [entry("ann", 1)]);
    }

    #[test]
    fn a_roster_that_what_came_meanwhile_does_not_join_is_read_again() {
        let mut roster = reading(&[("ann", 1)], 4);
        assert_eq!(roster.hear(&entered("ben", 2, true, 6)), Heard::Read);
        assert_eq!(roster.hear(&entered("dan", 4, true, 9)), Heard::Nothing);
        assert_eq!(roster.learn(&[page(&[("ann", 1), ("ben", 2)], 7)]), None);
        assert!(!roster.suspect(), "it still is to be read");
        let told = roster.learn(&[page(&[("ann", 1)], 9)]);
        assert_eq!(told, Some(Vec::new()));
    }

    #[test]
    fn pages_of_different_revisions_are_made_one_by_the_changes_between_them() {
        let mut roster = NodeRoster::default();
        assert!(roster.begin());
        // Ann left after her page was read, and ben entered before his.
        roster.hear(&left("ann", 1, true, 5));
        roster.hear(&entered("ben", 2, true, 6));
        roster.hear(&entered("cid", 3, true, 7));
        let pages = [page(&[("ann", 1)], 4), page(&[("ben", 2)], 6)];
        assert_eq!(roster.learn(&pages), Some(Vec::new()));
        let standing = roster.standing().unwrap();
        assert_eq!(standing.entries, [entry("ben", 2), entry("cid", 3)]);
        // Without the changes between them nobody could say what is true.
        assert!(join(&pages, Vec::new()).is_none());
    }

    #[test]
    fn a_member_who_changed_their_connection_is_never_away() {
        let mut roster = reading(&[("ann", 1)], 4);
        assert!(roster.suspect());
        let told = roster.learn(&[page(&[("ann", 2)], 6)]).unwrap();
        assert_eq!(
            told,
            [entered("ann", 2, false, 6), left("ann", 1, false, 6)]
        );
    }

    #[test]
    fn a_comparison_gives_what_is_on_its_way_until_the_next_one() {
        let mut roster = reading(&[("ann", 1)], 4);
        assert!(!roster.compare(at(5)));
        assert_eq!(roster.hear(&left("ann", 1, true, 5)), Heard::Tell);
        assert!(!roster.compare(at(6)), "what the last one saw has come");
        assert!(roster.compare(at(6)), "what the last one saw has not come");
    }
}
