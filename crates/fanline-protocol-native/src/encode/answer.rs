//! Answers: each echoes the `id` of the frame, or of the entry, that it answers.

use fanline_broker::{Outcome, UnchangedReason};
use fanline_model::{Channel, Timestamp};
use fanline_protocol::{Frame, Published, Refusal, Tag, UnsubscribeReason};

use super::frame;
use crate::json::{Object, Sink};

/// `published`: one result per message; the fields of the first one stand flat, too.
pub(crate) fn published(channel: &Channel, results: &[Published], tag: &Tag) -> Frame {
    frame("published", |object| {
        object.maybe_raw("id", tag.as_deref());
        object.channel(channel);
        if let [only] = results {
            result_fields(object, only);
        }
        object.list("results", results, |sink, result| {
            let mut object = Object::begin(sink);
            result_fields(&mut object, result);
            object.end();
        });
    })
}

fn result_fields<S: Sink>(object: &mut Object<'_, S>, result: &Published) {
    object.string("message_id", result.id.as_str());
    match &result.outcome {
        Outcome::Appended { position } => {
            object.string("status", "published");
            object.flat_position(*position);
        }
        Outcome::Duplicate { position } => {
            object.string("status", "duplicate");
            object.flat_position(*position);
        }
        Outcome::Unchanged { reason, head } => {
            object.string("status", "unchanged");
            object.string("reason", unchanged_reason(*reason));
            object.position("head", *head);
        }
    }
}

/// The stable name of a condition that does not hold.
pub(crate) const fn unchanged_reason(reason: UnchangedReason) -> &'static str {
    match reason {
        UnchangedReason::Position => "position",
        UnchangedReason::Equal => "equal",
        UnchangedReason::Version => "version",
    }
}

/// `unsubscribed`; `retry` says whether subscribing again, unchanged, may be granted.
pub(crate) fn unsubscribed(channel: &Channel, reason: UnsubscribeReason, tag: &Tag) -> Frame {
    let retry = matches!(
        reason,
        UnsubscribeReason::Requested | UnsubscribeReason::RuleChanged
    );
    frame("unsubscribed", |object| {
        object.maybe_raw("id", tag.as_deref());
        object.channel(channel);
        object.string("reason", reason.as_str());
        object.boolean("retry", retry);
    })
}

/// `refreshed`.
pub(crate) fn refreshed(expires_at: Option<Timestamp>, tag: &Tag) -> Frame {
    frame("refreshed", |object| {
        object.maybe_raw("id", tag.as_deref());
        object.maybe_number("expires_at", expires_at.map(Timestamp::as_millis));
    })
}

/// `accepted`: done, and nothing more to say.
pub(crate) fn accepted(tag: &str) -> Frame {
    frame("accepted", |object| object.maybe_raw("id", Some(tag)))
}

/// `error`: a frame, or an entry of one, was refused.
pub(crate) fn refusal(refusal: &Refusal, channel: Option<&Channel>, tag: &Tag) -> Frame {
    frame("error", |object| {
        object.maybe_raw("id", tag.as_deref());
        if let Some(channel) = channel {
            object.channel(channel);
        }
        object.string("code", refusal.code.name());
        object.string("message", &refusal.detail);
        object.boolean("retryable", refusal.code.retryable());
        let millis = refusal
            .retry_after
            .map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
        object.maybe_number("retry_after_ms", millis);
        if !refusal.message_ids.is_empty() {
            object.list("message_ids", &refusal.message_ids, |sink, id| {
                sink.string(id.as_str())
            });
        }
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::{Epoch, ErrorCode, MessageId, Position};

    use super::*;

    fn text(frame: Frame) -> String {
        String::from_utf8(frame.bytes().to_vec()).unwrap()
    }

    #[test]
    fn one_message_is_answered_flat_and_in_the_list() {
        let position = Some(Position::new(Epoch::from_u64(1), 2));
        let result = |outcome| Published {
            id: MessageId::parse("m").unwrap(),
            outcome,
        };
        let channel = Channel::parse("a").unwrap();
        let one = published(
            &channel,
            &[result(Outcome::Appended { position })],
            &Some("7".into()),
        );
        assert_eq!(
            text(one),
            r#"{"type":"published","id":7,"channel":"a","message_id":"m","status":"published","epoch":"0000000000000001","seq":2,"results":[{"message_id":"m","status":"published","epoch":"0000000000000001","seq":2}]}"#
        );
        let unchanged = Outcome::Unchanged {
            reason: UnchangedReason::Equal,
            head: position,
        };
        let two = published(
            &channel,
            &[
                result(Outcome::Duplicate { position: None }),
                result(unchanged),
            ],
            &None,
        );
        assert_eq!(
            text(two),
            r#"{"type":"published","channel":"a","results":[{"message_id":"m","status":"duplicate"},{"message_id":"m","status":"unchanged","reason":"equal","head":{"epoch":"0000000000000001","seq":2}}]}"#
        );
    }

    #[test]
    fn what_is_not_known_names_the_ids_to_try_again_with() {
        let unknown = Refusal::new(ErrorCode::OutcomeUnknown, "try again")
            .with_message_ids(vec![MessageId::parse("msg_1").unwrap()]);
        assert_eq!(
            text(refusal(&unknown, None, &Some("\"p\"".into()))),
            r#"{"type":"error","id":"p","code":"outcome_unknown","message":"try again","retryable":true,"retry_after_ms":1000,"message_ids":["msg_1"]}"#
        );
    }
}
