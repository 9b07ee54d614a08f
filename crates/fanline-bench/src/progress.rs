//! What a person sees meanwhile: one line on stderr, on a terminal only.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::clock::Clock;

/// Drawing is not free, and the loop that measures must not pay for it.
const SELDOM: Duration = Duration::from_millis(250);

/// Counts rows; never drawn where stderr is no terminal.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    clock: Clock,
    next: Cell<Duration>,
    row: RefCell<String>,
}

impl Progress {
    pub(crate) fn rows(rows: u64) -> Self {
        // indicatif draws on stderr and hides itself where that is no terminal.
        let bar = ProgressBar::new(rows);
        if let Ok(style) = ProgressStyle::with_template("{bar:20} {pos}/{len} {elapsed} {msg}") {
            bar.set_style(style);
        }
        let (clock, next) = (Clock::start(), Cell::new(Duration::ZERO));
        Self {
            bar,
            clock,
            next,
            row: RefCell::new(String::new()),
        }
    }

    /// The row that is being measured.
    pub(crate) fn row(&self, name: String) {
        self.bar.set_message(name.clone());
        self.row.replace(name);
    }

    /// How far it is; may be called as often as one likes.
    pub(crate) fn say_seldom(&self, what: impl FnOnce() -> String) {
        let now = self.clock.elapsed();
        if now >= self.next.get() {
            self.next.set(now + SELDOM);
            self.bar
                .set_message(format!("{}: {}", self.row.borrow(), what()));
        }
    }

    pub(crate) fn row_done(&self) {
        self.bar.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
