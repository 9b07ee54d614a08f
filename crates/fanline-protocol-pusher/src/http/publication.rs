//! An event that a backend publishes: checked here, made a draft, handed to the waist.

use std::sync::Arc;

use fanline_model::{Channel, ConnectionId, Payload, validate_event_name};
use fanline_protocol::{ChannelInfo, Item, PublishBatch, PublishCall};
use serde_json::value::RawValue;

use super::attributes::{Attributes, Wanted};
use super::signed::Signed;
use super::{Api, Failure};
use crate::ciphertext::{self, is_ciphertext};
use crate::json::{clip, is_readable, quoted};
use crate::limits::{DATA_BYTES, DATA_TOO_LONG};
use crate::name::{self, Family};

/// An event that is fit to be published.
#[derive(Debug)]
pub(super) struct Event {
    item: Item,
    exclude: Option<ConnectionId>,
}

/// Reads a body. Its problems are the caller's, whatever they are.
pub(super) fn body<T: serde::de::DeserializeOwned>(signed: &Signed) -> Result<T, Failure> {
    // A derived struct would take an array, too.
    if signed.body.trim_ascii_start().first() != Some(&b'{') {
        return Err(Failure::bad_request("The body must be a JSON object"));
    }
    serde_json::from_slice(&signed.body).map_err(|problem| {
        Failure::bad_request(format!("The body is not as it should be: {problem}"))
    })
}

/// Reads a channel to publish to.
pub(super) fn channel(text: &str) -> Result<(Channel, Family), Failure> {
    name::parse(text).map_err(|invalid| {
        let message = format!("Invalid channel {}: {invalid}", quoted(clip(text)));
        match invalid {
            name::InvalidName::User => Failure::not_yet(message),
            _ => Failure::bad_request(message),
        }
    })
}

/// Publishes, all or nothing. Events for one channel keep their order.
pub(super) async fn publish(
    api: &Api,
    signed: &Signed,
    events: Vec<(Channel, Event)>,
) -> Result<(), Failure> {
    let mut calls: Vec<PublishCall> = Vec::with_capacity(events.len());
    for (channel, event) in events {
        let last = calls.iter_mut().rev().find(|call| call.channel == channel);
        match last {
            Some(call) if call.exclude == event.exclude => call.items.push(event.item),
            _ => calls.push(PublishCall {
                channel,
                items: vec![event.item],
                condition: None,
                exclude: event.exclude,
            }),
        }
    }
    let batch = PublishBatch {
        calls,
        all_or_nothing: true,
        traceparent: signed.traceparent.clone(),
        ..PublishBatch::default()
    };
    let results = api.publish(&signed.caller, batch).await?;
    results
        .into_iter()
        .find_map(Result::err)
        .map_or(Ok(()), |refusal| Err(refusal.into()))
}

/// What a caller that has published wants to know. The events are out: what cannot be known now is absent.
pub(super) async fn attributes(
    api: &Api,
    signed: &Signed,
    channel: &Channel,
    wanted: Wanted,
) -> Attributes {
    if wanted == Wanted::default() {
        return Attributes::default();
    }
    let info: Option<ChannelInfo> = api.channel(&signed.caller, channel).await.ok();
    info.map(|info| wanted.answer(&info)).unwrap_or_default()
}

// === impl Event ===

impl Event {
    /// Checks an event for a channel of this family.
    pub(super) fn new(
        name: &str,
        data: &RawValue,
        socket_id: Option<&str>,
        encrypted: bool,
    ) -> Result<Self, Failure> {
        validate_event_name(name)
            .map_err(|invalid| Failure::bad_request(format!("Invalid event name: {invalid}")))?;
        let payload = payload(data)?;
        if encrypted && !payload.as_text().is_some_and(is_ciphertext) {
            return Err(Failure::bad_request(ciphertext::NEEDED));
        }
        let mut item = Item::new(payload);
        item.name = Some(Arc::from(name));
        Ok(Self {
            item,
            exclude: exclude(socket_id)?,
        })
    }

    /// The same event for another channel; the payload is shared.
    pub(super) fn again(&self) -> Self {
        Self {
            item: self.item.clone(),
            exclude: self.exclude,
        }
    }
}

/// The data of an event: a string that holds JSON is that JSON, byte for byte; any other string is text,
/// also one that holds JSON which not every reader takes.
fn payload(data: &RawValue) -> Result<Payload, Failure> {
    let payload = if data.get().starts_with('"') {
        let text: String = serde_json::from_str(data.get())
            .map_err(|problem| Failure::bad_request(format!("data is no text: {problem}")))?;
        if is_readable(&text) {
            Payload::json(text)
        } else {
            Payload::text(text)
        }
    } else if !is_readable(data.get()) {
        return Err(Failure::bad_request(
            "data is JSON that not every reader takes; send it as a string",
        ));
    } else {
        // Not Pusher's form, which is always a string; but there is no doubt about what is meant.
        Payload::json(data.get().to_owned())
    };
    if payload.bytes.len() > DATA_BYTES {
        Err(Failure::too_large(DATA_TOO_LONG))
    } else {
        Ok(payload)
    }
}

/// The connection to leave out. One that we cannot have given is nobody's, and leaves nobody out.
fn exclude(socket_id: Option<&str>) -> Result<Option<ConnectionId>, Failure> {
    let Some(text) = socket_id else {
        return Ok(None);
    };
    let digits = |half: &str| !half.is_empty() && half.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('.') {
        Some((left, right)) if digits(left) && digits(right) => Ok(ConnectionId::parse(text).ok()),
        _ => Err(Failure::bad_request(format!(
            "Invalid socket_id {}: its form is digits.digits",
            quoted(clip(text))
        ))),
    }
}
