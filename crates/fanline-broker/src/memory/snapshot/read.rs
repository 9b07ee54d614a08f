//! Reading one channel of a snapshot. Whatever is not as [`write`](super::write) writes it is refused:
//! a channel whose numbers do not follow each other would give a position twice.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fanline_model::{
    AppId, Channel as Name, Durability, Epoch, Fork, History, Lineage, Message, MessageId,
    Position, Retention, StateRule, Timestamp,
};

use super::super::budget::Charge;
use super::super::channel::{Channel, Numbering};
use super::super::log::Log;
use super::super::records::{Record, Records};
use super::super::values::Values;
use crate::broker::ChannelId;
use crate::envelope;
use crate::wire::Reader;

/// A channel as it was saved.
pub(super) struct Saved {
    id: ChannelId,
    retention: Retention,
    touched: Timestamp,
    numbering: Numbering,
    version: Option<(u64, u64)>,
    log: Log,
    values: Values,
    records: Records,
}

impl Saved {
    /// The channel, charged to its app.
    pub(super) fn into_channel(self, charge: impl FnOnce(&AppId) -> Charge) -> Channel {
        Channel {
            charge: charge(&self.id.app),
            id: self.id,
            numbering: self.numbering,
            retention: self.retention,
            log: self.log,
            values: self.values,
            records: self.records,
            version: self.version,
            followed: false,
            touched: self.touched,
            due: None,
            lose: 0,
        }
    }
}

pub(super) fn read_channel(bytes: Bytes) -> Option<Saved> {
    let input = &mut Reader(bytes);
    let id = ChannelId::new(
        AppId::parse(&text(input)?).ok()?,
        Name::parse(&text(input)?).ok()?,
    );
    let retention = read_retention(input)?;
    let touched = timestamp(input)?;
    let numbering = read_numbering(input)?;
    let version = optional(input, |input| Some((input.number()?, input.number()?)))?;
    let log = read_log(input, &numbering)?;
    let values = read_values(input, &numbering, &log)?;
    let records = read_records(input)?;
    let saved = Saved {
        id,
        retention,
        touched,
        numbering,
        version,
        log,
        values,
        records,
    };
    let fits = saved.numbering.epoch.is_some() == saved.retention.history.is_some();
    (input.is_empty() && fits).then_some(saved)
}

fn read_retention(input: &mut Reader) -> Option<Retention> {
    Some(Retention {
        history: optional(input, |input| {
            Some(History {
                window: duration(input)?,
                messages: count(input)?,
                bytes: count(input)?,
            })
        })?,
        position_ttl: duration(input)?,
        idempotency_window: duration(input)?,
        state: optional(input, |input| {
            Some(StateRule {
                ttl: duration(input)?,
                keys: count(input)?,
            })
        })?,
        // A rule of another durability says so with its next publish; this broker has no replicas to wait for.
        durability: Durability::default(),
    })
}

fn read_numbering(input: &mut Reader) -> Option<Numbering> {
    let epoch = optional(input, epoch)?;
    let seq = seq(input)?;
    let forks = input.length().filter(|forks| *forks <= Lineage::MAX)?;
    let forks = (0..forks).map(|_| {
        Some(Fork {
            epoch: self::epoch(input)?,
            at: self::seq(input)?,
        })
    });
    Some(Numbering {
        epoch,
        seq,
        lineage: Lineage::new(forks.collect::<Option<_>>()?),
    })
}

/// The log: numbered without a gap from what was evicted up to the head.
fn read_log(input: &mut Reader, numbering: &Numbering) -> Option<Log> {
    let evicted_through = seq(input)?;
    let mut log = Log::after_gap(evicted_through);
    let messages = input.length()? as u64;
    if evicted_through.checked_add(messages)? != numbering.seq {
        return None;
    }
    for expected in evicted_through + 1..=numbering.seq {
        let message = envelope::decode(input.sized()?).ok()?;
        if message.position?.seq != expected {
            return None;
        }
        log.append(Arc::new(message));
    }
    Some(log)
}

fn read_values(input: &mut Reader, numbering: &Numbering, log: &Log) -> Option<Values> {
    let mut values = Values::default();
    for _ in 0..input.length()? {
        let expires = timestamp(input)?;
        let message = match input.byte()? {
            1 => Arc::clone(log.get(input.number()?)?),
            0 => older_value(input, numbering)?,
            _ => return None,
        };
        values.put(message, expires);
    }
    Some(values)
}

fn older_value(input: &mut Reader, numbering: &Numbering) -> Option<Arc<Message>> {
    let message = envelope::decode(input.sized()?).ok()?;
    (message.position?.seq <= numbering.seq).then(|| Arc::new(message))
}

fn read_records(input: &mut Reader) -> Option<Records> {
    let mut records = Records::default();
    for _ in 0..input.length()? {
        let id = MessageId::parse(&text(input)?).ok()?;
        let expires = timestamp(input)?;
        let position = optional(input, |input| {
            Some(Position::new(epoch(input)?, seq(input)?))
        })?;
        let items_hash = optional(input, |input| input.take(16)?[..].try_into().ok())?;
        records.insert(
            id,
            Record {
                position,
                items_hash,
                expires,
            },
        );
    }
    Some(records)
}

fn text(input: &mut Reader) -> Option<String> {
    String::from_utf8(input.sized()?.to_vec()).ok()
}

fn timestamp(input: &mut Reader) -> Option<Timestamp> {
    input.number().map(Timestamp::from_millis)
}

fn duration(input: &mut Reader) -> Option<Duration> {
    input.number().map(Duration::from_millis)
}

fn count(input: &mut Reader) -> Option<usize> {
    usize::try_from(input.number()?).ok()
}

fn epoch(input: &mut Reader) -> Option<Epoch> {
    input
        .number()
        .map(Epoch::from_u64)
        .filter(|epoch| *epoch != Epoch::NONE)
}

fn seq(input: &mut Reader) -> Option<u64> {
    input.number().filter(|seq| *seq <= Position::MAX_SEQ)
}

fn optional<T>(
    input: &mut Reader,
    read: impl FnOnce(&mut Reader) -> Option<T>,
) -> Option<Option<T>> {
    match input.byte()? {
        0 => Some(None),
        1 => read(input).map(Some),
        _ => None,
    }
}
