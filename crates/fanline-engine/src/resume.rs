//! The resume rule: what a position is worth, against a head. Pure.
//!
//! One function judges a client that comes back, a reader between two pages, and a live subscriber across
//! a change of epoch, so that all three hear the same truth.

use fanline_broker::Head;
use fanline_model::Position;
use fanline_protocol::{Continuity, LostReason};

/// What a position is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What the client is told.
    pub continuity: Continuity,
    /// Where it stands now: after this follows the replay, or the live messages.
    pub from: Position,
}

/// Judges `since` against `head`.
pub fn resume(since: Position, head: &Head) -> Verdict {
    let lost = |reason| Verdict {
        continuity: Continuity::Lost(reason),
        from: head.position,
    };
    let within_log = since.seq >= head.evicted_through;
    if since.epoch == head.position.epoch {
        return match since.seq <= head.position.seq {
            false => lost(LostReason::Diverged),
            true if !within_log => lost(LostReason::TooOld),
            true => Verdict {
                continuity: Continuity::Kept,
                from: since,
            },
        };
    }
    let Some(at) = head.lineage.survived(since.epoch) else {
        return lost(LostReason::UnknownEpoch);
    };
    if since.seq > at {
        lost(LostReason::Diverged)
    } else if !within_log {
        lost(LostReason::TooOld)
    } else {
        let at = Position::new(since.epoch, at);
        Verdict {
            continuity: Continuity::Forked { at },
            from: Position::new(head.position.epoch, since.seq),
        }
    }
}

/// Of several positions that a cursor offers for one name hash: the one whose epoch the channel knows.
///
/// A position of [`Epoch::NONE`](fanline_model::Epoch::NONE) says that the channel kept no log; nothing was
/// promised and nothing is lost, so it counts as none.
pub fn choose(candidates: &[Position], head: &Head) -> Option<Position> {
    let known = |position: &&Position| {
        position.epoch == head.position.epoch || head.lineage.survived(position.epoch).is_some()
    };
    let offered = || {
        candidates
            .iter()
            .filter(|position| position.epoch != fanline_model::Epoch::NONE)
    };
    offered().find(known).or_else(|| offered().next()).copied()
}

#[cfg(test)]
mod tests {
    use fanline_model::{Epoch, Fork, Lineage};
    use proptest::prelude::*;

    use super::*;

    const OLD: Epoch = Epoch::from_u64(1);
    const NOW: Epoch = Epoch::from_u64(2);

    fn head(seq: u64, evicted_through: u64, forks: &[(u64, u64)]) -> Head {
        let forks = forks
            .iter()
            .map(|(epoch, at)| Fork {
                epoch: Epoch::from_u64(*epoch),
                at: *at,
            })
            .collect();
        Head {
            position: Position::new(NOW, seq),
            lineage: Lineage::new(forks),
            evicted_through,
        }
    }

    fn verdict(epoch: Epoch, seq: u64, head: &Head) -> Continuity {
        resume(Position::new(epoch, seq), head).continuity
    }

    #[test]
    fn within_one_epoch_a_position_is_kept_evicted_or_ahead() {
        let head = head(10, 4, &[]);
        assert_eq!(verdict(NOW, 10, &head), Continuity::Kept);
        assert_eq!(verdict(NOW, 4, &head), Continuity::Kept);
        assert_eq!(verdict(NOW, 3, &head), Continuity::Lost(LostReason::TooOld));
        assert_eq!(
            verdict(NOW, 11, &head),
            Continuity::Lost(LostReason::Diverged)
        );
    }

    #[test]
    fn across_a_fork_what_survived_is_forked_and_what_did_not_is_diverged() {
        let head = head(95, 0, &[(1, 90)]);
        assert_eq!(
            verdict(OLD, 90, &head),
            Continuity::Forked {
                at: Position::new(OLD, 90)
            }
        );
        assert_eq!(
            verdict(OLD, 91, &head),
            Continuity::Lost(LostReason::Diverged)
        );
        assert_eq!(
            resume(Position::new(OLD, 80), &head).from,
            Position::new(NOW, 80)
        );
        assert_eq!(
            verdict(Epoch::from_u64(9), 1, &head),
            Continuity::Lost(LostReason::UnknownEpoch)
        );
    }

    #[test]
    fn whoever_is_lost_stands_at_the_head() {
        let head = head(10, 4, &[]);
        assert_eq!(resume(Position::new(NOW, 1), &head).from, head.position);
    }

    #[test]
    fn a_cursor_without_a_log_offers_nothing() {
        let head = head(10, 0, &[(1, 5)]);
        assert_eq!(choose(&[Position::new(Epoch::NONE, 0)], &head), None);
        let foreign = Position::new(Epoch::from_u64(77), 3);
        assert_eq!(
            choose(&[foreign, Position::new(OLD, 3)], &head),
            Some(Position::new(OLD, 3))
        );
        assert_eq!(choose(&[foreign], &head), Some(foreign));
    }

    proptest! {
        #[test]
        fn nobody_is_kept_beyond_the_head_or_below_what_is_kept(seq in 0u64..50, top in 0u64..50, evicted in 0u64..50, at in 0u64..50, old: bool) {
            let head = head(top.max(evicted).max(at), evicted, &[(1, at)]);
            let since = Position::new(if old { OLD } else { NOW }, seq);
            let verdict = resume(since, &head);
            match verdict.continuity {
                Continuity::Kept => prop_assert!(!old && seq <= head.position.seq && seq >= evicted && verdict.from == since),
                Continuity::Forked { at: fork } => prop_assert!(old && seq <= at && fork.seq == at && seq >= evicted && verdict.from == Position::new(NOW, seq)),
                Continuity::Lost(_) => prop_assert_eq!(verdict.from, head.position),
                Continuity::Fresh => prop_assert!(false),
            }
        }
    }
}
