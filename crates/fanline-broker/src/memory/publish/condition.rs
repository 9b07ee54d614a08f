//! What must hold, or nothing happens.

use std::collections::HashMap;

use fanline_model::{Draft, Message};

use super::super::channel::Channel;
use super::super::values::key_of;
use super::open_drafts;
use crate::broker::{Condition, Outcome, Publish, UnchangedReason};

impl Channel {
    /// Why the condition does not hold for what is still open.
    pub(super) fn refusal(
        &self,
        publish: &Publish,
        drafts: &[Draft],
        outcomes: &[Outcome],
    ) -> Option<UnchangedReason> {
        let condition = publish.condition.as_ref()?;
        let mut open = open_drafts(drafts, outcomes).peekable();
        open.peek()?;
        let (holds, reason) = match condition {
            Condition::IfPosition(wanted) => (
                self.numbering.position() == Some(*wanted),
                UnchangedReason::Position,
            ),
            Condition::Version(version) => (
                self.version.is_none_or(|(last, _)| last < *version),
                UnchangedReason::Version,
            ),
            Condition::UnlessEqual => (!self.repeats_a_value(open), UnchangedReason::Equal),
        };
        (!holds).then_some(reason)
    }

    /// Whether one of the drafts says what the last value of its key says already.
    fn repeats_a_value<'a>(&self, drafts: impl Iterator<Item = &'a Draft>) -> bool {
        if self.retention.state.is_some() {
            let mut drafts = drafts;
            return drafts.any(|draft| {
                self.values
                    .get(key_of(draft))
                    .is_some_and(|last| says(last, draft))
            });
        }
        self.repeats_in_log(drafts)
    }

    /// Where no rule keeps last values, the newest message with the key that the log still has counts.
    fn repeats_in_log<'a>(&self, drafts: impl Iterator<Item = &'a Draft>) -> bool {
        let mut by_key: HashMap<&str, Vec<&Draft>> = HashMap::new();
        for draft in drafts {
            by_key.entry(key_of(draft)).or_default().push(draft);
        }
        for last in self.log.iter().rev() {
            let same_key = by_key.remove(key_of(&last.draft)).unwrap_or_default();
            if same_key.into_iter().any(|draft| says(last, draft)) {
                return true;
            }
            if by_key.is_empty() {
                break;
            }
        }
        false
    }
}

/// Byte for byte the same, of the same kind; a removal says something else than any value.
fn says(last: &Message, draft: &Draft) -> bool {
    last.draft.payload == draft.payload && last.draft.removed == draft.removed
}
