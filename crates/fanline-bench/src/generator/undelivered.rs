//! Publications that not everyone has heard yet: what a closed loop's window bounds.

use std::collections::VecDeque;

use super::Stamp;

/// Counts down each publication's listeners.
#[derive(Debug)]
pub(crate) struct Undelivered {
    streams: Vec<Stream>,
    listeners: u32,
    open: usize,
}

/// The publications of one numbering from the oldest that is still open.
#[derive(Debug, Default)]
struct Stream {
    oldest: u32,
    remaining: VecDeque<u32>,
}

impl Undelivered {
    pub(crate) fn new(streams: usize, listeners: u32) -> Self {
        Self {
            streams: std::iter::repeat_with(Stream::default)
                .take(streams)
                .collect(),
            listeners,
            open: 0,
        }
    }

    /// How many publications somebody still waits for.
    pub(crate) fn open(&self) -> usize {
        self.open
    }

    /// Opens the next number of a stream.
    pub(crate) fn published(&mut self, stream: usize) {
        self.streams[stream].remaining.push_back(self.listeners);
        self.open += 1;
    }

    /// The server refused it: nobody waits for it.
    pub(crate) fn withdrawn(&mut self, stamp: Stamp) {
        self.count_down(stamp, u32::MAX);
    }

    /// One listener more has heard it.
    pub(crate) fn delivered(&mut self, stamp: Stamp) {
        self.count_down(stamp, 1);
    }

    fn count_down(&mut self, stamp: Stamp, by: u32) {
        let stream = &mut self.streams[stamp.stream as usize];
        let Some(place) = stamp.number.checked_sub(stream.oldest) else {
            return;
        };
        let Some(remaining) = stream.remaining.get_mut(place as usize) else {
            return;
        };
        if *remaining == 0 {
            return;
        }
        *remaining = remaining.saturating_sub(by);
        if *remaining == 0 {
            self.open -= 1;
            while stream.remaining.front() == Some(&0) {
                stream.remaining.pop_front();
                stream.oldest += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(stream: u32, number: u32) -> Stamp {
        Stamp {
            stream,
            number,
            sent: 0,
        }
    }

    #[test]
    fn a_publication_is_open_until_its_last_listener_heard_it() {
        let mut undelivered = Undelivered::new(2, 2);
        undelivered.published(0);
        undelivered.published(1);
        undelivered.delivered(stamp(0, 0));
        assert_eq!(undelivered.open(), 2);
        undelivered.delivered(stamp(0, 0));
        assert_eq!(undelivered.open(), 1);
    }

    #[test]
    fn a_later_publication_may_finish_first() {
        let mut undelivered = Undelivered::new(1, 1);
        undelivered.published(0);
        undelivered.published(0);
        undelivered.delivered(stamp(0, 1));
        assert_eq!(undelivered.open(), 1);
        undelivered.delivered(stamp(0, 0));
        assert_eq!(undelivered.open(), 0);
        undelivered.published(0);
        undelivered.delivered(stamp(0, 2));
        assert_eq!(undelivered.open(), 0);
    }

    #[test]
    fn a_refused_publication_waits_for_nobody() {
        let mut undelivered = Undelivered::new(1, 9);
        undelivered.published(0);
        undelivered.published(0);
        undelivered.withdrawn(stamp(0, 0));
        assert_eq!(undelivered.open(), 1);
        undelivered.withdrawn(stamp(0, 1));
        assert_eq!(undelivered.open(), 0);
    }

    #[test]
    fn a_delivery_too_many_changes_nothing() {
        let mut undelivered = Undelivered::new(1, 1);
        undelivered.delivered(stamp(0, 0));
        undelivered.published(0);
        undelivered.delivered(stamp(0, 0));
        undelivered.delivered(stamp(0, 0));
        undelivered.delivered(stamp(0, 9));
        assert_eq!(undelivered.open(), 0);
    }
}
