//! When which channel must be looked at again, so that a sweep costs nothing for channels at rest.

use std::collections::BTreeMap;

use fanline_model::Timestamp;

use crate::broker::ChannelId;

/// Channels by the whole second at which something of theirs is due.
///
/// An entry is never removed early: the channel knows which of its entries counts, older ones are ignored
/// when their time comes. [`Agenda::HORIZON_SECS`] bounds how many there can be.
#[derive(Default)]
pub(super) struct Agenda(BTreeMap<u64, Vec<ChannelId>>);

impl Agenda {
    /// Nothing is entered further ahead than this; what is due later is looked at in between.
    const HORIZON_SECS: u64 = 600;

    /// The second in which something due at `at` is looked at.
    pub(super) fn second(at: Timestamp, now: Timestamp) -> u64 {
        let soonest = now.as_secs() + 1;
        at.as_millis()
            .div_ceil(1000)
            .clamp(soonest, soonest + Self::HORIZON_SECS)
    }

    pub(super) fn enter(&mut self, second: u64, channel: ChannelId) {
        self.0.entry(second).or_default().push(channel);
    }

    /// Takes what is due.
    pub(super) fn take(&mut self, now: Timestamp) -> BTreeMap<u64, Vec<ChannelId>> {
        let later = self.0.split_off(&(now.as_secs() + 1));
        std::mem::replace(&mut self.0, later)
    }
}
