//! Subscribing and unsubscribing: whose signature, over which text.

use std::borrow::Cow;
use std::sync::Arc;

use fanline_model::{Channel, ConnectionId, ErrorCode};
use fanline_protocol::{Command, Frame, Start, Subscribe, UnsubscribeReason};
use fanline_tenancy::{Proof, SignatureOf};
use serde_json::value::RawValue;

use super::Fault;
use super::refusal::SubscriptionRefusal;
use crate::envelope::{Envelope, SubscriptionData, object, string};
use crate::event::channel_text;
use crate::frames;
use crate::json::clip;
use crate::mark::Mark;
use crate::name::{self, Family, InvalidName};

/// Why a subscription is not even handed to the engine.
type Problem = (ErrorCode, String);

/// Reads a `pusher:subscribe`. It is always answered: a client waits for it until its connection drops.
pub(super) fn subscribe(
    envelope: &Envelope<'_>,
    connection: ConnectionId,
    commands: &mut Vec<Command>,
) -> Result<(), Fault> {
    let data = data(envelope)?;
    let channel = channel(&data)?;
    match wanted(&channel, &data, connection) {
        Ok(subscribe) => commands.push(Command::Subscribe(subscribe)),
        Err((code, message)) => {
            let refusal = SubscriptionRefusal {
                channel: &channel,
                code,
                message,
            };
            commands.extend(refusal.frames().into_iter().map(Command::Reply));
        }
    }
    Ok(())
}

/// Reads a `pusher:unsubscribe`. It has no answer, and for a channel that cannot be subscribed no effect.
pub(super) fn unsubscribe(
    envelope: &Envelope<'_>,
    commands: &mut Vec<Command>,
) -> Result<(), Fault> {
    let data = data(envelope)?;
    if let Ok((channel, _)) = name::parse(&channel(&data)?) {
        commands.push(Command::Unsubscribe { channel, tag: None });
    }
    Ok(())
}

/// What a client is told of a subscription that ended. Its own wish it knows.
pub(super) fn ended(channel: &Channel, reason: UnsubscribeReason) -> Option<Frame> {
    let message = match reason {
        UnsubscribeReason::Requested => return None,
        UnsubscribeReason::NotAllowed => "The credential no longer covers this channel",
        UnsubscribeReason::RuleChanged => {
            "The rule of this channel changed and no longer admits the connection"
        }
        UnsubscribeReason::Revoked => "What allowed this subscription was taken back",
        UnsubscribeReason::Removed => "The app ended this subscription",
    };
    Some(frames::subscription_error(
        &channel_text(channel),
        "AuthError",
        message,
        403,
    ))
}

fn data<'a>(envelope: &Envelope<'a>) -> Result<SubscriptionData<'a>, Fault> {
    let data = envelope.data.and_then(|raw| object(raw.get()));
    let event = &envelope.event;
    data.ok_or_else(|| format!("{event} needs data, an object with the field channel").into())
}

fn channel<'a>(data: &SubscriptionData<'a>) -> Result<Cow<'a, str>, Fault> {
    let channel = data.channel.and_then(string);
    channel.ok_or("The field channel must be there and be a string".into())
}

fn wanted(
    channel: &str,
    data: &SubscriptionData<'_>,
    connection: ConnectionId,
) -> Result<Subscribe, Problem> {
    let (parsed, family) = name::parse(channel).map_err(|invalid| {
        let code = match invalid {
            InvalidName::User => ErrorCode::NotSupported,
            _ => ErrorCode::InvalidChannel,
        };
        let channel = clip(channel);
        (
            code,
            format!("Cannot subscribe to channel '{channel}': {invalid}"),
        )
    })?;
    not_yet(channel, family)?;
    if !family.is_signed() {
        // pusher-js sends an empty `auth`, others none; whatever it is, it proves nothing here.
        return Ok(Subscribe::new(
            parsed,
            Start::Fresh,
            Mark::Subscription.to_tag(),
        ));
    }
    let auth = auth(channel, data.auth)?;
    let signed = match data.channel_data.map(string) {
        None => format!("{connection}:{channel}"),
        // As received, on private channels too: whatever is sent enters what is signed.
        Some(Some(member)) => format!("{connection}:{channel}:{member}"),
        Some(None) => {
            let message =
                "The field channel_data must be a string, as the auth endpoint answered it";
            return Err((ErrorCode::InvalidRequest, message.to_owned()));
        }
    };
    let mark = Mark::Signed {
        auth: &auth,
        text: &signed,
    };
    let mut subscribe = Subscribe::new(parsed, Start::Fresh, mark.to_tag());
    let (key, signature) = auth.split_once(':').unwrap_or((&auth, ""));
    subscribe.proof = Some(Proof::Signature {
        of: SignatureOf::Channel,
        key: Arc::from(key),
        signature: Arc::from(signature),
        signed: vec![signed.into()],
    });
    Ok(subscribe)
}

/// The `auth`, if it is a key and a signature at all.
fn auth<'a>(channel: &str, raw: Option<&'a RawValue>) -> Result<Cow<'a, str>, Problem> {
    let refuse = |problem: &str| {
        let subject = format!("Auth value for subscription to {channel}");
        (
            ErrorCode::Unauthorized,
            format!("{subject} is {problem}: should be of format 'key:signature'"),
        )
    };
    match raw.map(string) {
        None => Err(refuse("missing")),
        Some(None) => Err(refuse("not a string")),
        Some(Some(auth)) => match auth.split_once(':') {
            _ if auth.is_empty() => Err(refuse("missing")),
            Some((key, signature)) if !key.is_empty() && !signature.is_empty() => Ok(auth),
            _ => Err(refuse("invalid")),
        },
    }
}

/// Refuses what is not built yet rather than serving half of it.
fn not_yet(channel: &str, family: Family) -> Result<(), Problem> {
    let kind = match family {
        _ if family.is_presence() => "Presence channels",
        _ if family.is_cache() => "Cache channels",
        _ => return Ok(()),
    };
    let message = "are not served over the Pusher protocol yet";
    Err((
        ErrorCode::NotSupported,
        format!("Cannot subscribe to channel {channel}: {kind} {message}"),
    ))
}
