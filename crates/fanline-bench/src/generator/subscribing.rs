//! More subscriptions for connections that are open.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::Generator;

/// Between two looks at the budget.
const TURN: Duration = Duration::from_millis(100);
/// Subscriptions that a server has not answered, at most: its own queues shall not be what is measured.
const UNANSWERED: usize = 4_000;
/// No more than an app allows in one frame unless it says otherwise.
const IN_ONE_FRAME: usize = 100;

impl Generator<'_> {
    /// Subscribes every connection to the channels that are its own, and says how long it took until the last
    /// one was answered.
    pub(crate) fn subscribe_more(
        &mut self,
        channels_of: impl Fn(usize) -> Vec<String>,
        budget: Duration,
    ) -> Result<Duration> {
        let start = self.clock.elapsed();
        let mut asked = self.roster.joined;
        for index in 0..self.subscribers.len() {
            let channels = channels_of(index);
            for channels in channels.chunks(IN_ONE_FRAME) {
                let wire = self.server.node(index).wire();
                let frame = wire.subscribe_frame(channels);
                let frame = frame.context("this target subscribes to no list of channels")?;
                let roster = &mut self.roster;
                self.subscribers[index].say(&frame, &mut |happening| roster.note(happening));
            }
            asked += channels.len();
            while asked - self.roster.joined > UNANSWERED {
                self.turn(TURN)?;
                self.require_progress(asked, start + budget)?;
            }
        }
        while self.roster.joined < asked {
            self.turn(TURN)?;
            self.require_progress(asked, start + budget)?;
        }
        Ok(self.clock.elapsed() - start)
    }

    fn require_progress(&self, asked: usize, deadline: Duration) -> Result<()> {
        let roster = &self.roster;
        if roster.ended > 0 || !roster.troubles.is_empty() || self.clock.elapsed() > deadline {
            let (joined, troubles) = (roster.joined, roster.troubles.join("; "));
            bail!("only {joined} of {asked} subscriptions are answered: {troubles}");
        }
        Ok(())
    }
}
