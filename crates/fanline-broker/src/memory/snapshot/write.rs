//! Writing one channel of a snapshot. [`read`](super::read) reads the same in the same order.

use std::time::Duration;

use fanline_model::{Position, Retention, Timestamp};

use super::super::channel::Channel;
use super::super::records::Record;
use crate::envelope;
use crate::wire::{write_length, write_number, write_sized};

/// Writes a channel, if there is anything to remember of it.
pub(super) fn write_channel(snapshot: &mut Vec<u8>, channel: &Channel, now: Timestamp) {
    let unknown = channel.numbering.epoch.is_none()
        && channel.records.is_empty()
        && channel.version.is_none();
    if unknown || channel.is_over(now) {
        return;
    }
    let mut bytes = Vec::with_capacity(channel.log.bytes() + 256);
    let out = &mut bytes;
    write_sized(out, channel.id.app.as_str().as_bytes());
    write_sized(out, channel.id.channel.to_string().as_bytes());
    write_retention(out, &channel.retention);
    // A follower keeps its channel alive; the time without one begins now.
    let touched = if channel.followed {
        now
    } else {
        channel.touched
    };
    write_number(out, touched.as_millis());
    write_numbering(out, channel);
    write_optional(out, channel.version, |out, (version, seq)| {
        write_number(out, version);
        write_number(out, seq);
    });
    write_log(out, channel);
    write_values(out, channel);
    write_records(out, channel);
    write_sized(snapshot, &bytes);
}

fn write_retention(out: &mut Vec<u8>, retention: &Retention) {
    write_optional(out, retention.history, |out, history| {
        write_duration(out, history.window);
        write_number(out, history.messages as u64);
        write_number(out, history.bytes as u64);
    });
    write_duration(out, retention.position_ttl);
    write_duration(out, retention.idempotency_window);
    write_optional(out, retention.state, |out, rule| {
        write_duration(out, rule.ttl);
        write_number(out, rule.keys as u64);
    });
}

fn write_numbering(out: &mut Vec<u8>, channel: &Channel) {
    write_optional(out, channel.numbering.epoch, |out, epoch| {
        write_number(out, epoch.as_u64())
    });
    write_number(out, channel.numbering.seq);
    let forks = channel.numbering.lineage.forks();
    write_length(out, forks.len());
    for fork in forks {
        write_number(out, fork.epoch.as_u64());
        write_number(out, fork.at);
    }
}

fn write_log(out: &mut Vec<u8>, channel: &Channel) {
    write_number(out, channel.log.evicted_through());
    write_length(out, channel.log.iter().count());
    for message in channel.log.iter() {
        write_sized(out, &envelope::encode(message));
    }
}

/// A value that the log holds too is named by its number alone, so that the two share it again.
fn write_values(out: &mut Vec<u8>, channel: &Channel) {
    write_length(out, channel.values.len());
    for (message, expires) in channel.values.iter() {
        write_number(out, expires.as_millis());
        let logged = message
            .position
            .filter(|position| channel.log.get(position.seq).is_some());
        match logged {
            Some(position) => {
                out.push(1);
                write_number(out, position.seq);
            }
            None => {
                out.push(0);
                write_sized(out, &envelope::encode(message));
            }
        }
    }
}

fn write_records(out: &mut Vec<u8>, channel: &Channel) {
    write_length(out, channel.records.len());
    for (
        id,
        Record {
            position,
            items_hash,
            expires,
        },
    ) in channel.records.iter()
    {
        write_sized(out, id.as_str().as_bytes());
        write_number(out, expires.as_millis());
        write_optional(out, *position, |out, Position { epoch, seq }| {
            write_number(out, epoch.as_u64());
            write_number(out, seq);
        });
        write_optional(out, *items_hash, |out, hash| out.extend_from_slice(&hash));
    }
}

fn write_duration(out: &mut Vec<u8>, duration: Duration) {
    write_number(out, u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
}

fn write_optional<T>(out: &mut Vec<u8>, value: Option<T>, write: impl FnOnce(&mut Vec<u8>, T)) {
    out.push(u8::from(value.is_some()));
    if let Some(value) = value {
        write(out, value);
    }
}
