//! I7: who is gone is gone, who is there is there, and each leaves once.
//!
//! A *change* is known by its revision: however many watchers hear of it, it is one. In the order of revisions an
//! entry does not leave twice without having entered between. In the end the roster shows every entry whose own last
//! word is that it is present, and none that left or died. Watchers may miss a change, since a failover interrupts
//! them; but where every revision up to the final one was heard, whoever entered and is not there has left by word.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::Verdicts;
use super::world::World;
use crate::log::{Event, Member, Place, PresenceKind, Revision, Topic};

/// The changes of one numbering of a channel's members, by number.
type Changes<'a> = BTreeMap<u64, (PresenceKind, &'a Member, &'a Place)>;

/// The last word of an entry's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    /// It is there.
    Present,
    /// It left, or died.
    Gone,
    /// Something was asked and not answered, or failed.
    Unclear,
}

/// What the auditor read.
struct Roster<'a> {
    place: &'a Place,
    members: BTreeSet<&'a Member>,
    revision: &'a Revision,
}

pub(super) fn check(world: &World<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    let rosters = rosters(world);
    for ((topic, epoch), changes) in &changes(&mut verdicts, world) {
        let entered = leaves(&mut verdicts, topic, changes);
        let last = rosters
            .get(topic)
            .filter(|roster| roster.revision.epoch == *epoch);
        if let Some(roster) = last {
            vanished(&mut verdicts, topic, changes, &entered, roster);
        }
    }
    in_the_end(&mut verdicts, world, &rosters);
    verdicts
}

fn own_words<'a>(world: &World<'a>) -> HashMap<(&'a Topic, &'a Member), (Own, Place)> {
    let mut own = HashMap::new();
    for (place, event) in &world.events {
        let (topic, member, word) = match event {
            Event::Present { topic, member } => (topic, member, Own::Present),
            Event::Gone { topic, member } | Event::Died { topic, member } => {
                (topic, member, Own::Gone)
            }
            Event::Entering { topic, member }
            | Event::Leaving { topic, member }
            | Event::LeaseLost { topic, member } => (topic, member, Own::Unclear),
            _ => continue,
        };
        own.insert((topic, member), (word, place.clone()));
    }
    own
}

/// Every change once; two that claim one revision are a violation of their own.
fn changes<'a>(
    verdicts: &mut Verdicts,
    world: &'a World<'a>,
) -> BTreeMap<(&'a Topic, &'a str), Changes<'a>> {
    let mut changes: BTreeMap<(&Topic, &str), Changes<'_>> = BTreeMap::new();
    for (place, event) in &world.events {
        let Event::PresenceChanged {
            topic,
            kind,
            member,
            revision,
            ..
        } = event
        else {
            continue;
        };
        verdicts.looks();
        let of_epoch = changes.entry((topic, &revision.epoch)).or_default();
        let (first, who, where_) = *of_epoch
            .entry(revision.number)
            .or_insert((*kind, member, place));
        if (first, who) != (*kind, member) {
            let number = revision.number;
            let text = format!("two changes of {topic} have the revision {number}");
            verdicts.violation(text, [where_, place]);
        }
    }
    changes
}

/// Who left twice, within one numbering. Answers who entered and was not heard to leave, and with which number.
fn leaves<'a>(
    verdicts: &mut Verdicts,
    topic: &Topic,
    changes: &Changes<'a>,
) -> HashMap<&'a Member, (u64, &'a Place)> {
    let mut left: HashMap<&Member, &Place> = HashMap::new();
    let mut entered = HashMap::new();
    for (number, (kind, member, place)) in changes {
        match kind {
            PresenceKind::Entered => {
                left.remove(*member);
                entered.insert(*member, (*number, *place));
            }
            PresenceKind::Updated => {}
            PresenceKind::Left => {
                entered.remove(*member);
                if let Some(before) = left.insert(*member, *place) {
                    let text = format!("{} left {topic} twice", member.member);
                    verdicts.violation(text, [before, *place]);
                }
            }
        }
    }
    entered
}

/// Who is not in the final roster, although every change since it entered was heard and none was its leave.
fn vanished(
    verdicts: &mut Verdicts,
    topic: &Topic,
    changes: &Changes<'_>,
    entered: &HashMap<&Member, (u64, &Place)>,
    roster: &Roster<'_>,
) {
    let last = roster.revision.number;
    for (member, (number, place)) in entered {
        let heard = changes.range(*number..=last.max(*number)).count();
        let is_whole = usize::try_from((last + 1).saturating_sub(*number)) == Ok(heard);
        if is_whole && !roster.members.contains(*member) {
            let text = format!("{} went from {topic} without a leave", member.member);
            verdicts.violation(text, [*place, roster.place]);
        }
    }
}

/// The auditor's last look at each channel.
fn rosters<'a>(world: &'a World<'a>) -> HashMap<&'a Topic, Roster<'a>> {
    let mut rosters = HashMap::new();
    for (place, event) in &world.events {
        let Event::Roster {
            topic,
            members,
            revision,
        } = event
        else {
            continue;
        };
        if place.actor.starts_with("auditor") {
            let roster = Roster {
                place,
                members: members.iter().collect(),
                revision,
            };
            rosters.insert(topic, roster);
        }
    }
    rosters
}

/// Each entry's own last word against the final roster.
fn in_the_end(verdicts: &mut Verdicts, world: &World<'_>, rosters: &HashMap<&Topic, Roster<'_>>) {
    for ((topic, member), (word, place)) in own_words(world) {
        let Some(roster) = rosters.get(topic) else {
            continue;
        };
        verdicts.looks();
        let name = &member.member;
        let problem = match (word, roster.members.contains(member)) {
            (Own::Gone, true) => {
                format!("{name} is a ghost in {topic}: gone, and in the final roster")
            }
            (Own::Present, false) => {
                format!("{name} is present in {topic}, and not in the final roster")
            }
            _ => continue,
        };
        verdicts.violation(problem, [&place, roster.place]);
    }
}

#[cfg(test)]
mod tests {
    use super::check;
    use crate::checker::forge::*;
    use crate::log::{Event, Member, PresenceKind, Revision, Topic};

    fn ann() -> (Topic, Member) {
        let member = Member {
            member: "ann".to_owned(),
            connection: "1.1".to_owned(),
        };
        (topic(), member)
    }

    fn own(word: fn(Topic, Member) -> Event) -> Event {
        let (topic, member) = ann();
        word(topic, member)
    }

    fn present(topic: Topic, member: Member) -> Event {
        Event::Present { topic, member }
    }

    fn died(topic: Topic, member: Member) -> Event {
        Event::Died { topic, member }
    }

    fn revision(number: u64) -> Revision {
        Revision {
            epoch: "a".to_owned(),
            number,
        }
    }

    fn change(kind: PresenceKind, number: u64) -> Event {
        let (topic, member) = ann();
        Event::PresenceChanged {
            topic,
            kind,
            member,
            edge: true,
            revision: revision(number),
        }
    }

    /// A member's own words, what was heard of it, and who is there at revision 2.
    fn story(words: Vec<Event>, heard: Vec<Event>, there: Vec<Member>) -> Forged {
        let roster = Event::Roster {
            topic: topic(),
            members: there,
            revision: revision(2),
        };
        Forged::default()
            .actor("member", words)
            .actor("watcher", heard)
            .audits(roster)
    }

    const ENTERED: PresenceKind = PresenceKind::Entered;
    const LEFT: PresenceKind = PresenceKind::Left;

    #[test]
    fn one_leave_for_a_death_is_well_however_many_heard_it() {
        let heard = || vec![change(ENTERED, 1), change(LEFT, 2)];
        let logs = story(vec![own(present), own(died)], heard(), Vec::new());
        logs.actor("watcher", heard()).passes(check);
    }

    #[test]
    fn a_ghost_is_found() {
        let logs = story(vec![own(present), own(died)], Vec::new(), vec![ann().1]);
        logs.fails(check, "a ghost");
    }

    #[test]
    fn a_member_that_is_there_and_not_shown_is_found() {
        story(vec![own(present)], Vec::new(), Vec::new()).fails(check, "not in the final roster");
    }

    #[test]
    fn two_leaves_of_one_death_are_found() {
        let heard = vec![change(ENTERED, 1), change(LEFT, 2), change(LEFT, 3)];
        story(vec![own(died)], heard, Vec::new()).fails(check, "left alpha/acked.1 twice");
    }

    #[test]
    fn whoever_enters_again_may_leave_again() {
        let heard = vec![change(LEFT, 0), change(ENTERED, 1), change(LEFT, 2)];
        story(vec![own(died)], heard, Vec::new()).passes(check);
    }

    #[test]
    fn going_without_a_leave_is_found_where_everything_was_heard() {
        let heard = vec![change(ENTERED, 1), change(PresenceKind::Updated, 2)];
        story(vec![own(died)], heard, Vec::new()).fails(check, "without a leave");
        // With a hole in what was heard the leave may have been in it.
        story(vec![own(died)], vec![change(ENTERED, 1)], Vec::new()).passes(check);
    }

    #[test]
    fn two_changes_of_one_revision_are_found() {
        let heard = vec![change(ENTERED, 1), change(LEFT, 1)];
        story(Vec::new(), heard, vec![ann().1]).fails(check, "have the revision 1");
    }
}
