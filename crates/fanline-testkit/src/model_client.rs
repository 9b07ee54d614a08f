//! A client that follows the table of PROTOCOL, "Continuity", and nothing else.
//!
//! It believes the server word for word and says what no client could explain: a gap, a duplicate, a jump
//! after *kept*, a word after `unsubscribed`, a `caught_up` too early, too late or twice. It must never know
//! anything of the engine.

use std::collections::{BTreeMap, VecDeque};

use crate::stub_guest::{Place, Said, Verdict};

/// Something that the contract does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation(pub String);

/// One client, over all its connections.
#[derive(Clone, Debug, Default)]
pub struct ModelClient {
    channels: BTreeMap<String, Standing>,
}

/// How a client stands in one channel.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The last message that was applied.
    pub position: Option<Place>,
    /// What was offered with each subscription that is not answered yet.
    offered: VecDeque<Option<Place>>,
    /// Whether a `subscribed` is in force.
    pub attached: bool,
    /// The newest head that was named, until it is reached.
    goal: Option<u64>,
    /// Whether `caught_up` is still to come for the present `subscribed`.
    owed: bool,
    /// Everything that was told, in order.
    pub told: Vec<Told>,
}

/// One thing that a client was told of a channel and can be held against the truth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// A verdict on the position held before, and where it stands now.
    Verdict {
        /// What was held.
        since: Option<Place>,
        /// What it is worth.
        verdict: Verdict,
        /// Where the client stands now.
        from: Option<Place>,
    },
    /// A message.
    Message {
        /// Its place.
        place: Option<Place>,
        /// Its id.
        id: String,
    },
    /// Left out.
    Skipped {
        /// The last that was left out.
        through: Place,
        /// How many.
        count: u64,
        /// Why.
        reason: String,
    },
}

impl ModelClient {
    /// How it stands in a channel.
    pub fn standing(&self, channel: &str) -> Option<&Standing> {
        self.channels.get(channel)
    }

    /// Every channel it has ever named.
    pub fn channels(&self) -> impl Iterator<Item = (&str, &Standing)> {
        self.channels
            .iter()
            .map(|(channel, standing)| (channel.as_str(), standing))
    }

    /// The position to offer when it subscribes now.
    pub fn subscribes(&mut self, channel: &str) -> Option<Place> {
        let standing = self.channels.entry(channel.to_owned()).or_default();
        standing.offered.push_back(standing.position);
        standing.position
    }

    /// The line is gone; the positions stay.
    pub fn loses_its_line(&mut self) {
        for standing in self.channels.values_mut() {
            standing.attached = false;
            standing.goal = None;
            standing.owed = false;
            standing.offered.clear();
        }
    }

    /// Takes a frame.
    pub fn hear(&mut self, said: &Said) -> Result<(), Violation> {
        let Some(channel) = said.channel() else {
            return Ok(());
        };
        let standing = self.channels.entry(channel.to_owned()).or_default();
        standing
            .hear(said)
            .map_err(|text| Violation(format!("{channel}: {text}: {said:?}")))
    }
}

impl Standing {
    fn hear(&mut self, said: &Said) -> Result<(), String> {
        if self.is_due() && !matches!(said, Said::CaughtUp { .. } | Said::Detached { .. }) {
            return Err("the goal was reached and caught_up did not follow at once".to_owned());
        }
        match said {
            Said::Attached {
                verdict,
                from,
                head,
                ..
            } => self.welcomed(*verdict, *from, *head),
            Said::Detached { .. } => {
                self.attached = false;
                self.owed = false;
                self.goal = None;
                Ok(())
            }
            _ if !self.attached => Err("nothing may follow until the next subscribed".to_owned()),
            Said::Message { place, id, .. } => self.message(*place, id),
            Said::Continuity {
                verdict,
                from,
                head,
                ..
            } => self.changed(*verdict, *from, *head),
            Said::Skipped {
                count,
                through,
                reason,
                ..
            } => self.skipped(*count, *through, reason),
            Said::CaughtUp { .. } => self.caught_up(),
            _ => Ok(()),
        }
    }

    fn welcomed(
        &mut self,
        verdict: Verdict,
        from: Option<Place>,
        head: Option<Place>,
    ) -> Result<(), String> {
        let offered = self.offered.pop_front().flatten();
        let since = if self.attached {
            self.position
        } else {
            offered
        };
        if self.attached {
            if self.position.is_some() && (verdict != Verdict::Kept || from != self.position) {
                return Err(format!(
                    "subscribing what is subscribed answers kept from {:?}",
                    self.position
                ));
            }
        } else {
            Self::judge(offered, verdict, from)?;
        }
        self.stand(since, verdict, from, head);
        self.attached = true;
        self.owed = true;
        Ok(())
    }

    fn changed(
        &mut self,
        verdict: Verdict,
        from: Option<Place>,
        head: Option<Place>,
    ) -> Result<(), String> {
        if matches!(verdict, Verdict::Fresh | Verdict::Kept) {
            return Err("a continuity that changes is forked or lost".to_owned());
        }
        Self::judge(self.position, verdict, from)?;
        self.stand(self.position, verdict, from, head);
        Ok(())
    }

    fn judge(since: Option<Place>, verdict: Verdict, from: Option<Place>) -> Result<(), String> {
        let right = match (verdict, since) {
            (Verdict::Fresh, since) => since.is_none(),
            (Verdict::Kept, since) => since.is_some() && from == since,
            (Verdict::Forked(at), Some(since)) => {
                since.1 <= at.1 && from.is_some_and(|from| from.1 == since.1 && from.0 != since.0)
            }
            (Verdict::Forked(_), None) => false,
            (_, since) => since.is_some(),
        };
        if right {
            Ok(())
        } else {
            Err(format!("no verdict on {since:?}"))
        }
    }

    fn stand(
        &mut self,
        since: Option<Place>,
        verdict: Verdict,
        from: Option<Place>,
        head: Option<Place>,
    ) {
        self.told.push(Told::Verdict {
            since,
            verdict,
            from,
        });
        self.position = from;
        self.goal = Some(head.map_or(0, |head| head.1));
    }

    fn message(&mut self, place: Option<Place>, id: &str) -> Result<(), String> {
        if let Some((_, seq)) = place {
            let held = self.position.map_or(seq - 1, |(_, seq)| seq);
            if seq != held + 1 {
                return Err(format!("{seq} does not follow {held}"));
            }
            self.position = place;
        }
        self.told.push(Told::Message {
            place,
            id: id.to_owned(),
        });
        Ok(())
    }

    fn skipped(&mut self, count: u64, through: Place, reason: &str) -> Result<(), String> {
        let held = self.position.map_or(through.1 - count, |(_, seq)| seq);
        if through.1 != held + count || count == 0 {
            return Err(format!("{count} skipped after {held} do not end there"));
        }
        self.position = Some(through);
        self.told.push(Told::Skipped {
            through,
            count,
            reason: reason.to_owned(),
        });
        Ok(())
    }

    fn caught_up(&mut self) -> Result<(), String> {
        if !self.is_due() {
            return Err(format!(
                "caught_up is not due (owed {}, at {:?}, goal {:?})",
                self.owed, self.position, self.goal
            ));
        }
        self.owed = false;
        Ok(())
    }

    fn is_due(&self) -> bool {
        self.attached
            && self.owed
            && self
                .goal
                .is_some_and(|goal| self.position.map_or(0, |(_, seq)| seq) >= goal)
    }

    /// Whether it waits for `caught_up`.
    pub fn is_behind(&self) -> bool {
        self.owed
    }
}
