//! Whether every message arrived once and in order.
//!
//! "In order" is meant for each numbering: two publishers may be interleaved as the server likes.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::{Audience, Stamp};

/// What went wrong with messages; all zero is what a server promises.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) duplicated: u64,
    pub(crate) out_of_order: u64,
    /// Arrived at a subscriber of another channel.
    pub(crate) misdelivered: u64,
}

/// Compares what arrives with what was published.
#[derive(Debug)]
pub(crate) struct Verifier {
    audience: Audience,
    /// The next number, for each pair of subscriber and numbering.
    expected: Vec<u32>,
    /// Numbers that were jumped over and may still come late, for each pair that has any.
    missing: HashMap<usize, HashSet<u32>>,
    faults: Faults,
}

impl Verifier {
    pub(crate) fn new(audience: Audience) -> Self {
        Self {
            expected: vec![0; audience.pairs()],
            missing: HashMap::new(),
            faults: Faults::default(),
            audience,
        }
    }

    /// Whether this is the first time that this subscriber hears this message.
    pub(crate) fn delivered(&mut self, subscriber: usize, stamp: Stamp) -> bool {
        let Some(pair) = self.audience.pair(subscriber, stamp.stream) else {
            self.faults.misdelivered += 1;
            return false;
        };
        let expected = &mut self.expected[pair];
        if stamp.number == *expected {
            *expected += 1;
            return true;
        }
        if stamp.number > *expected {
            self.missing
                .entry(pair)
                .or_default()
                .extend(*expected..stamp.number);
            *expected = stamp.number + 1;
            return true;
        }
        let was_missing = self
            .missing
            .get_mut(&pair)
            .is_some_and(|missing| missing.remove(&stamp.number));
        if was_missing {
            self.faults.out_of_order += 1;
        } else {
            self.faults.duplicated += 1;
        }
        was_missing
    }

    /// The verdict, once nothing more will come: `published` counts by numbering, `refused` names
    /// the numbers that nobody was to hear.
    pub(crate) fn faults(&self, published: &[u32], refused: &HashSet<(u32, u32)>) -> Faults {
        let mut unheard = 0;
        for (pair, expected) in self.expected.iter().enumerate() {
            let stream = self.audience.stream_of_pair(pair);
            let tail = *expected..published[stream];
            let jumped = self.missing.get(&pair).into_iter().flatten().copied();
            unheard += jumped
                .chain(tail)
                .filter(|number| !refused.contains(&(stream as u32, *number)))
                .count() as u64;
        }
        Faults {
            lost: unheard,
            ..self.faults
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifier() -> Verifier {
        Verifier::new(Audience::Everyone {
            channel: "c".to_owned(),
            subscribers: 2,
            publishers: 2,
        })
    }

    fn heard(verifier: &mut Verifier, subscriber: usize, stream: u32, numbers: &[u32]) {
        for number in numbers {
            verifier.delivered(
                subscriber,
                Stamp {
                    stream,
                    number: *number,
                    sent: 0,
                },
            );
        }
    }

    #[test]
    fn publishers_may_be_interleaved_in_any_way() {
        let mut verifier = verifier();
        for (stream, number) in [(1, 0), (0, 0), (0, 1), (1, 1)] {
            heard(&mut verifier, 0, stream, &[number]);
            heard(&mut verifier, 1, stream, &[number]);
        }
        assert_eq!(verifier.faults(&[2, 2], &HashSet::new()), Faults::default());
    }

    #[test]
    fn a_gap_is_a_loss() {
        let mut verifier = verifier();
        heard(&mut verifier, 0, 0, &[0, 1, 4]);
        heard(&mut verifier, 1, 0, &[0, 1, 2, 3, 4]);
        assert_eq!(
            verifier.faults(&[5, 0], &HashSet::new()),
            Faults {
                lost: 2,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn what_never_came_at_the_end_is_a_loss() {
        let mut verifier = verifier();
        heard(&mut verifier, 0, 1, &[0, 1, 2]);
        heard(&mut verifier, 1, 1, &[0]);
        assert_eq!(
            verifier.faults(&[0, 3], &HashSet::new()),
            Faults {
                lost: 2,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn what_the_server_refused_is_no_loss() {
        let mut verifier = verifier();
        heard(&mut verifier, 0, 0, &[0, 2]);
        heard(&mut verifier, 1, 0, &[0, 2]);
        let refused = HashSet::from([(0, 1), (0, 3)]);
        assert_eq!(verifier.faults(&[4, 0], &refused), Faults::default());
    }

    #[test]
    fn a_late_message_is_out_of_order_and_not_lost() {
        let mut verifier = verifier();
        heard(&mut verifier, 0, 0, &[0, 2, 1]);
        heard(&mut verifier, 1, 0, &[0, 1, 2]);
        assert_eq!(
            verifier.faults(&[3, 0], &HashSet::new()),
            Faults {
                out_of_order: 1,
                ..Faults::default()
            }
        );
    }

    #[test]
    fn a_second_copy_is_a_duplicate_also_of_a_late_message() {
        let mut verifier = verifier();
        heard(&mut verifier, 0, 0, &[0, 0, 2, 1, 1]);
        heard(&mut verifier, 1, 0, &[0, 1, 2]);
        let expected = Faults {
            duplicated: 2,
            out_of_order: 1,
            ..Faults::default()
        };
        assert_eq!(verifier.faults(&[3, 0], &HashSet::new()), expected);
    }

    #[test]
    fn a_message_of_another_channel_is_misdelivered() {
        let mut verifier = Verifier::new(Audience::OwnChannels {
            prefix: "own".to_owned(),
            channels: 2,
            listeners: 1,
            publishers: 1,
        });
        heard(&mut verifier, 0, 1, &[0]);
        heard(&mut verifier, 1, 1, &[0]);
        assert_eq!(
            verifier.faults(&[0, 1], &HashSet::new()),
            Faults {
                misdelivered: 1,
                ..Faults::default()
            }
        );
    }
}
