//! When the next message is due.

use std::time::Duration;

/// `epoll_wait` counts whole milliseconds; what is due within one is sent now.
const GRAIN: u64 = 1_000_000;

/// How messages follow each other.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pacing {
    /// Closed loop: as soon as fewer than `window` are undelivered.
    Window(usize),
    /// Open loop: at a rate, whatever the server does.
    Rate {
        /// Nanoseconds from one message to the next.
        interval: u64,
        /// When the next one is due.
        next: u64,
    },
}

impl Pacing {
    pub(crate) fn rate(per_second: f64, now: u64) -> Self {
        Self::Rate {
            interval: ((1e9 / per_second) as u64).max(1),
            next: now,
        }
    }

    /// The time that a message sent now is stamped with; nothing if none is due. At a rate this is
    /// the time it was *due*, so that a server that makes publishers wait is charged for the wait
    /// ("coordinated omission").
    pub(crate) fn due(&self, now: u64, undelivered: usize) -> Option<u64> {
        match self {
            Self::Window(window) => (undelivered < *window).then_some(now),
            Self::Rate { next, .. } => (*next < now + GRAIN).then_some(now.min(*next)),
        }
    }

    /// One message was sent.
    pub(crate) fn sent(&mut self) {
        if let Self::Rate { interval, next } = self {
            *next += *interval;
        }
    }

    /// How long nothing will be due.
    pub(crate) fn wait(&self, now: u64, longest: Duration) -> Duration {
        match self {
            Self::Window(_) => longest,
            Self::Rate { next, .. } => {
                Duration::from_millis(next.saturating_sub(now) / GRAIN).min(longest)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    #[test]
    fn a_closed_loop_sends_while_its_window_has_room() {
        assert_eq!(Pacing::Window(2).due(7, 1), Some(7));
        assert_eq!(Pacing::Window(2).due(7, 2), None);
    }

    #[test]
    fn an_open_loop_keeps_its_rate_when_it_was_late() {
        let mut pacing = Pacing::rate(100.0, 0);
        let sent: Vec<_> = std::iter::from_fn(|| {
            let due = pacing.due(25 * MILLI, 99);
            pacing.sent();
            due
        })
        .collect();
        assert_eq!(
            sent,
            [0, 10 * MILLI, 20 * MILLI],
            "each stamped with when it was due"
        );
    }

    #[test]
    fn an_open_loop_sleeps_until_shortly_before_the_next() {
        let pacing = Pacing::Rate {
            interval: 1,
            next: 5 * MILLI + 300,
        };
        assert_eq!(
            pacing.wait(0, Duration::from_secs(1)),
            Duration::from_millis(5)
        );
        assert_eq!(pacing.due(4 * MILLI, 0), None);
        assert_eq!(
            pacing.due(5 * MILLI, 0),
            Some(5 * MILLI),
            "stamped with when it is sent"
        );
    }
}
