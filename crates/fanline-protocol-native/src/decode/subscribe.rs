//! `subscribe` and `unsubscribe`, for one channel or a list.

use std::time::Duration;

use fanline_model::{Channel, Cursor, Epoch, ErrorCode, Position};
use fanline_protocol::{Command, Refusal, Start, Subscribe, Tag};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::connect::cursor;
use super::{Decoder, Head, tag};
use crate::encode;
use crate::input::{self, AsObject, Entries, Whole};
use crate::position::PositionText;

/// The furthest `rewind`; what is kept no longer cannot be replayed anyway.
const MAX_REWIND: Duration = Duration::from_secs(24 * 3600);

/// What a frame for one channel, and an entry of a list, say.
#[derive(Deserialize)]
struct EntryFields<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    channel: String,
    since: Option<AsObject<PositionText>>,
    rewind: Option<AsObject<Rewind>>,
    #[serde(default)]
    state: bool,
    #[serde(borrow)]
    modes: Option<Entries<'a>>,
}

#[derive(Deserialize)]
struct Rewind {
    messages: Option<Whole>,
    seconds: Option<Whole>,
}

/// What a `subscribe` frame says beside its channel or channels.
#[derive(Deserialize)]
struct ListFields<'a> {
    #[serde(borrow)]
    channels: Option<Entries<'a>>,
    cursor: Option<String>,
}

#[derive(Deserialize)]
struct UnsubscribeFields<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    channel: String,
}

/// `subscribe`.
pub(crate) fn subscribe(decoder: &mut Decoder<'_>, head: &Head, text: &str) -> Result<(), Refusal> {
    let list: ListFields<'_> = input::parse(text)?;
    let cursor = list.cursor.as_deref().map(cursor).transpose()?;
    let Some(channels) = list.channels else {
        entry(decoder, text, cursor.as_ref());
        return Ok(());
    };
    let channels = channels.within(decoder.limits.subscriptions_per_frame, "subscriptions")?;
    accept(decoder, head);
    decoder.entries(&channels, cursor.as_ref());
    Ok(())
}

/// `unsubscribe`.
pub(crate) fn unsubscribe(
    decoder: &mut Decoder<'_>,
    head: &Head,
    text: &str,
) -> Result<(), Refusal> {
    let list: ListFields<'_> = input::parse(text)?;
    let Some(channels) = list.channels else {
        unsubscribe_entry(decoder, text);
        return Ok(());
    };
    let channels = channels.within(decoder.limits.channels_per_connection, "channels")?;
    accept(decoder, head);
    for entry in channels {
        unsubscribe_entry(decoder, entry.get());
    }
    Ok(())
}

impl Decoder<'_> {
    /// The entries of a list; a faulty one is answered by itself.
    pub(crate) fn entries(&mut self, entries: &[&RawValue], cursor: Option<&Cursor>) {
        for text in entries {
            entry(self, text.get(), cursor);
        }
    }
}

/// A list's own `id` is answered at once; each of its entries is by itself.
fn accept(decoder: &mut Decoder<'_>, head: &Head) {
    if let Some(tag) = &head.tag {
        decoder.push(Command::Reply(encode::accepted(tag)));
    }
}

fn entry(decoder: &mut Decoder<'_>, text: &str, cursor: Option<&Cursor>) {
    let (fields, tag): (EntryFields<'_>, Tag) =
        match read(text, |fields: &EntryFields<'_>| fields.id) {
            Ok(read) => read,
            Err((refusal, tag)) => return decoder.fault(&refusal, &tag),
        };
    if !only_messages(fields.modes.as_ref()) {
        return decoder.not_supported("the only mode built yet is messages", &tag);
    }
    let state = fields.state;
    match subscription(fields, cursor) {
        Ok((channel, start)) => {
            let subscribe = Subscribe {
                state,
                ..Subscribe::new(channel, start, tag)
            };
            decoder.push(Command::Subscribe(subscribe));
        }
        Err(refusal) => decoder.fault(&refusal, &tag),
    }
}

fn unsubscribe_entry(decoder: &mut Decoder<'_>, text: &str) {
    match read(text, |fields: &UnsubscribeFields<'_>| fields.id) {
        Err((refusal, tag)) => decoder.fault(&refusal, &tag),
        Ok((fields, tag)) => match input::channel(&fields.channel) {
            Ok(channel) => decoder.push(Command::Unsubscribe { channel, tag }),
            Err(refusal) => decoder.fault(&refusal, &tag),
        },
    }
}

/// Reads an entry and its tag. Where the entry cannot be read, its tag perhaps can.
fn read<'a, T: Deserialize<'a>>(
    text: &'a str,
    id: impl Fn(&T) -> Option<&'a RawValue>,
) -> Result<(T, Tag), (Refusal, Tag)> {
    match input::parse::<T>(text) {
        Ok(fields) => match tag(id(&fields)) {
            Ok(tag) => Ok((fields, tag)),
            Err(refusal) => Err((refusal, None)),
        },
        Err(refusal) => {
            #[derive(Deserialize)]
            struct OnlyId<'a> {
                #[serde(borrow)]
                id: Option<&'a RawValue>,
            }
            let id = input::parse::<OnlyId<'_>>(text)
                .ok()
                .and_then(|entry| tag(entry.id).ok().flatten());
            Err((refusal, id))
        }
    }
}

fn subscription(
    fields: EntryFields<'_>,
    cursor: Option<&Cursor>,
) -> Result<(Channel, Start), Refusal> {
    let channel = input::channel(&fields.channel)?;
    let rewind = fields.rewind.map(|rewind| rewind.0.start()).transpose()?;
    let start = match (fields.since, rewind) {
        (Some(_), Some(_)) => {
            let sentence = "give since or rewind, not both: a position already says where to begin";
            return Err(Refusal::new(ErrorCode::InvalidRequest, sentence));
        }
        (Some(since), None) => since_position(since.read()?),
        (None, rewind) => from_cursor(cursor, &channel).or(rewind).unwrap_or_default(),
    };
    Ok((channel, start))
}

/// A position of a channel that kept no log is nothing to resume from.
fn since_position(position: Position) -> Start {
    if position.epoch == Epoch::NONE {
        Start::Fresh
    } else {
        Start::Since(position)
    }
}

fn from_cursor(cursor: Option<&Cursor>, channel: &Channel) -> Option<Start> {
    let mut candidates: Vec<Position> = cursor?.candidates(channel).collect();
    if candidates.is_empty() {
        return None;
    }
    candidates.retain(|position| position.epoch != Epoch::NONE);
    Some(match candidates.as_slice() {
        [] => Start::Fresh,
        [only] => Start::Since(*only),
        _ => Start::SinceOneOf(candidates),
    })
}

/// Whether nothing but messages is asked for.
fn only_messages(modes: Option<&Entries<'_>>) -> bool {
    modes.is_none_or(|modes| modes.texts().all(|mode| mode == "\"messages\""))
}

// === impl Rewind ===

impl Rewind {
    fn start(&self) -> Result<Start, Refusal> {
        match (self.messages, self.seconds) {
            (Some(messages), None) => Ok(Start::RewindMessages(
                usize::try_from(messages.0).unwrap_or(usize::MAX),
            )),
            (None, Some(seconds)) => Ok(Start::RewindFor(
                Duration::from_secs(seconds.0).min(MAX_REWIND),
            )),
            _ => {
                let sentence = "rewind has either messages or seconds";
                Err(Refusal::new(ErrorCode::InvalidRequest, sentence))
            }
        }
    }
}
