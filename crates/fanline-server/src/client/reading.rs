//! What a subscriber knows: where it stands in each channel, and what a frame changes about it.
//!
//! It follows the protocol's one table and nothing else: a position is set by `from`, by a message's own
//! place and by `through`, never by `head`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The channels that are read, and the last position of each.
#[derive(Clone, Debug)]
pub(crate) struct Reading {
    positions: BTreeMap<String, Option<Value>>,
}

/// What a frame means to whoever reads along.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    /// A message of a channel.
    Message,
    /// Something that is worth a line: about continuity, or an error.
    Note(Note),
    /// The server asks whether somebody is there.
    Ping,
    /// Nothing.
    Quiet,
}

/// A line about a channel.
pub(crate) type Note = String;

// === impl Reading ===

impl Reading {
    /// Channels of which nothing was read yet.
    pub(crate) fn new(channels: impl IntoIterator<Item = String>) -> Self {
        let positions = channels.into_iter().map(|channel| (channel, None));
        Self {
            positions: positions.collect(),
        }
    }

    /// The first frame of a connection: who asks, and for what since when.
    pub(crate) fn connect(&self, token: &str) -> Value {
        let subscribe: Vec<Value> = self
            .positions
            .iter()
            .map(|(channel, since)| match since {
                Some(since) => json!({ "channel": channel, "since": since }),
                None => json!({ "channel": channel }),
            })
            .collect();
        json!({ "type": "connect", "token": token, "subscribe": subscribe })
    }

    /// Takes a frame in.
    pub(crate) fn apply(&mut self, frame: &Value) -> Verdict {
        let channel = text(frame, "channel").unwrap_or_default();
        match text(frame, "type") {
            Some("message") => {
                if let (Some(epoch), Some(seq)) = (frame.get("epoch"), frame.get("seq")) {
                    self.set(channel, json!({ "epoch": epoch, "seq": seq }));
                }
                Verdict::Message
            }
            Some("subscribed" | "continuity") => {
                if let Some(from) = frame.get("from").filter(|from| !from.is_null()) {
                    self.set(channel, from.clone());
                }
                Verdict::Note(continuity(channel, frame))
            }
            Some("skipped") => {
                if let Some(through) = frame.get("through").filter(|through| !through.is_null()) {
                    self.set(channel, through.clone());
                }
                let count = frame.get("count").and_then(Value::as_u64).unwrap_or(1);
                let reason = text(frame, "reason").unwrap_or("policy");
                Verdict::Note(format!("{channel}: {count} skipped ({reason})"))
            }
            Some("caught_up") => Verdict::Note(format!("{channel}: caught up")),
            Some("unsubscribed") => {
                let reason = text(frame, "reason").unwrap_or("no reason given");
                Verdict::Note(format!("{channel}: unsubscribed ({reason})"))
            }
            Some("error") => {
                let message = text(frame, "message").unwrap_or("no reason given");
                Verdict::Note(format!("refused: {message}"))
            }
            Some("ping") => Verdict::Ping,
            _ => Verdict::Quiet,
        }
    }

    fn set(&mut self, channel: &str, position: Value) {
        if let Some(known) = self.positions.get_mut(channel) {
            *known = Some(position);
        }
    }
}

fn continuity(channel: &str, frame: &Value) -> String {
    let verdict = text(frame, "continuity").unwrap_or("subscribed");
    let reason = text(frame, "reason").map(|reason| format!(" ({reason})"));
    let seq = |key: &str| {
        frame
            .get(key)
            .and_then(|position| position.get("seq")?.as_u64())
    };
    let place = match (seq("from"), seq("head")) {
        (Some(from), Some(head)) if head > from => format!(", from {from}, {} behind", head - from),
        (Some(from), _) => format!(", from {from}"),
        (None, _) => ", keeps no log".to_owned(),
    };
    format!("{channel}: {verdict}{}{place}", reason.unwrap_or_default())
}

fn text<'a>(frame: &'a Value, key: &str) -> Option<&'a str> {
    frame.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn since(reading: &Reading) -> Value {
        reading.connect("t")["subscribe"][0]["since"].clone()
    }

    fn position(seq: u64) -> Value {
        json!({ "epoch": "00000000000000aa", "seq": seq })
    }

    #[test]
    fn a_position_is_set_by_from_messages_and_through_and_never_by_head() {
        let mut reading = Reading::new(["a".to_owned()]);
        assert_eq!(since(&reading), Value::Null);
        reading.apply(&json!({
            "type": "subscribed", "channel": "a", "continuity": "fresh",
            "from": position(4), "head": position(9),
        }));
        assert_eq!(since(&reading), position(4));
        reading.apply(&json!({
            "type": "message", "channel": "a", "epoch": "00000000000000aa", "seq": 5,
        }));
        assert_eq!(since(&reading), position(5));
        reading.apply(&json!({
            "type": "skipped", "channel": "a", "count": 2, "reason": "slow", "through": position(7),
        }));
        assert_eq!(since(&reading), position(7));
    }

    #[test]
    fn what_has_no_position_leaves_the_position_alone() {
        let mut reading = Reading::new(["a".to_owned()]);
        reading.apply(&json!({ "type": "subscribed", "channel": "a", "from": position(4) }));
        reading.apply(&json!({ "type": "message", "channel": "a", "data": 1 }));
        reading.apply(&json!({ "type": "subscribed", "channel": "a", "from": null }));
        reading.apply(&json!({ "type": "message", "channel": "b", "epoch": "x", "seq": 1 }));
        assert_eq!(since(&reading), position(4));
    }

    #[test]
    fn continuity_is_told_in_one_line() {
        let mut reading = Reading::new(["a".to_owned()]);
        let line = |frame: Value, reading: &mut Reading| match reading.apply(&frame) {
            Verdict::Note(note) => note,
            other => format!("{other:?}"),
        };
        let kept = json!({
            "type": "subscribed", "channel": "a", "continuity": "kept",
            "from": position(4), "head": position(7),
        });
        assert_eq!(line(kept, &mut reading), "a: kept, from 4, 3 behind");
        let lost = json!({
            "type": "continuity", "channel": "a", "continuity": "lost", "reason": "too_old",
            "from": position(9), "head": position(9),
        });
        assert_eq!(line(lost, &mut reading), "a: lost (too_old), from 9");
        let none =
            json!({ "type": "subscribed", "channel": "a", "continuity": "fresh", "from": null });
        assert_eq!(line(none, &mut reading), "a: fresh, keeps no log");
    }
}
