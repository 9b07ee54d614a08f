//! Client events: what clients publish among themselves on private and presence channels.
//!
//! In the model they are ephemeral messages without `client-` in their names; the JSON value itself is
//! the payload, its text untouched. The engine sees to the app's setting, the subscription and the rate.

use std::borrow::Cow;

use bytes::Bytes;
use fanline_model::{ErrorCode, Payload};
use fanline_protocol::{Command, Frame, Item, PublishCommand, Refusal};

use super::Fault;
use crate::ciphertext::{self, is_ciphertext};
use crate::ending::CLIENT_EVENT_RATE;
use crate::envelope::{Envelope, string};
use crate::frames;
use crate::json::{clip, is_readable};
use crate::limits::{DATA_BYTES, DATA_TOO_LONG, EVENT_NAME};
use crate::mark::Mark;
use crate::name::{self, Family};

/// Reads a client event; `frame` is what the envelope was read from.
pub(super) fn publish(
    name: &str,
    envelope: &Envelope<'_>,
    frame: &Bytes,
    commands: &mut Vec<Command>,
) -> Result<(), Fault> {
    let channel = envelope.channel.and_then(string);
    let channel = channel.ok_or(Fault::Borrowed(
        "A client event needs the field channel, a string",
    ))?;
    if name.is_empty() || envelope.event.chars().count() > EVENT_NAME {
        return Err(format!(
            "The name of a client event has at most {EVENT_NAME} characters, and some after client-"
        )
        .into());
    }
    let read = name::parse(&channel)
        .map_err(|invalid| Cow::Owned(format!("Cannot broadcast client event: {invalid}")));
    let checked = read.and_then(|(parsed, family)| Ok((parsed, payload(envelope, frame, family)?)));
    commands.push(match checked {
        Err(message) => Command::Reply(frames::channel_error(&message, clip(&channel))),
        Ok((channel, payload)) => {
            let mut item = Item::new(payload);
            item.name = Some(name.into());
            item.ephemeral = true;
            Command::Publish(PublishCommand {
                channel,
                items: vec![item],
                condition: None,
                echo: Some(false),
                subscribed_only: true,
                tag: Mark::ClientEvent.to_tag(),
            })
        }
    });
    Ok(())
}

/// The JSON value as it stands in the frame; one that is absent is null, since receivers need one.
fn payload(
    envelope: &Envelope<'_>,
    frame: &Bytes,
    family: Family,
) -> Result<Payload, Cow<'static, str>> {
    let (text, bytes) = match envelope.data {
        Some(raw) => (raw.get(), frame.slice_ref(raw.get().as_bytes())),
        None => ("null", Bytes::from_static(b"null")),
    };
    let string = envelope.data.and_then(string);
    let length = string.map_or(text.len(), |string| string.len());
    if !family.takes_client_events() {
        Err("Client event rejected - only supported on private and presence channels".into())
    } else if length > DATA_BYTES {
        Err(DATA_TOO_LONG.into())
    } else if !is_readable(text) {
        Err("Client event rejected - its data is JSON that not every reader takes".into())
    } else if family.is_encrypted() && !is_ciphertext(text) {
        Err(ciphertext::NEEDED.into())
    } else {
        Ok(Payload::json(bytes))
    }
}

/// Says that the engine refused one. The connection stays open in any case.
pub(super) fn refused(refusal: &Refusal, channel: &str) -> Frame {
    match refusal.code {
        ErrorCode::RateLimited => frames::error(Some(CLIENT_EVENT_RATE), &refusal.detail),
        ErrorCode::NotSubscribed => {
            let message = format!(
                "Cannot broadcast client event (connection not subscribed to channel {channel})"
            );
            frames::channel_error(&message, channel)
        }
        _ => frames::channel_error(
            &format!("Cannot broadcast client event: {}", refusal.detail),
            channel,
        ),
    }
}
