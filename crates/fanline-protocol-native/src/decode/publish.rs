//! `publish`: one message, or several to one channel as one act.
//!
//! In frames `id` is always the client's mark on the frame; the message's own id is `message_id`.

use fanline_broker::Condition;
use fanline_model::{Channel, ErrorCode, Limits};
use fanline_protocol::{Command, Item, PublishCommand, Refusal};
use serde::Deserialize;

use super::{Decoder, Head};
use crate::input::{self, Entries, MessageFields};

/// The most messages in one frame, whatever an app's batches may hold.
const MAX_MESSAGES: usize = 1_000;

#[derive(Deserialize)]
struct PublishFields<'a> {
    channel: String,
    echo: Option<bool>,
    #[serde(borrow)]
    messages: Option<Entries<'a>>,
}

/// `publish`.
pub(crate) fn publish(decoder: &mut Decoder<'_>, head: &Head, text: &str) -> Result<(), Refusal> {
    let fields: PublishFields<'_> = input::parse(text)?;
    let channel = input::channel(&fields.channel)?;
    let (items, condition) = match fields.messages {
        None => {
            let (item, condition) = message(text, &channel, decoder.limits)?;
            (vec![item], condition)
        }
        Some(messages) => several(messages, decoder.limits, &channel)?,
    };
    decoder.push(Command::Publish(PublishCommand {
        channel,
        items,
        condition,
        echo: fields.echo,
        subscribed_only: false,
        tag: head.tag.clone(),
    }));
    Ok(())
}

fn several(
    messages: Entries<'_>,
    limits: &Limits,
    channel: &Channel,
) -> Result<(Vec<Item>, Option<Condition>), Refusal> {
    let messages = messages.within(limits.batch_items.min(MAX_MESSAGES), "messages")?;
    if messages.is_empty() {
        return Err(Refusal::new(ErrorCode::InvalidRequest, "messages is empty"));
    }
    let mut items = Vec::with_capacity(messages.len());
    for (index, text) in messages.into_iter().enumerate() {
        let (item, condition) =
            message(text.get(), channel, limits).map_err(|refusal| of_message(index, refusal))?;
        if condition.is_some() {
            let sentence = "a condition holds for one message: publish it in a frame of its own";
            return Err(of_message(
                index,
                Refusal::new(ErrorCode::InvalidRequest, sentence),
            ));
        }
        items.push(item);
    }
    Ok((items, None))
}

fn message(
    text: &str,
    channel: &Channel,
    limits: &Limits,
) -> Result<(Item, Option<Condition>), Refusal> {
    let fields: MessageFields<'_> = input::parse(text)?;
    Ok((
        fields.item_for(channel, fields.message_id.as_deref(), limits)?,
        fields.condition()?,
    ))
}

fn of_message(index: usize, mut refusal: Refusal) -> Refusal {
    refusal.detail = format!("messages[{index}]: {}", refusal.detail);
    refusal
}
