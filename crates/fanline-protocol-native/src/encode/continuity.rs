//! What a subscriber is told of its position (PROTOCOL, Continuity).

use fanline_model::{Channel, Position};
use fanline_protocol::{Continuity, Frame, SkipReason, SubscribedEvent};

use super::frame;
use crate::json::{Object, Sink};

/// `subscribed`.
pub(crate) fn subscribed(event: &SubscribedEvent) -> Frame {
    frame("subscribed", |object| {
        object.maybe_raw("id", event.tag.as_deref());
        object.channel(&event.channel);
        continuity_fields(object, event.continuity, event.from, event.head);
        object.flag("open_by_preset", event.open_by_preset);
    })
}

/// `continuity`: the verdict has changed.
pub(crate) fn continuity(
    channel: &Channel,
    verdict: Continuity,
    from: Option<Position>,
    head: Option<Position>,
) -> Frame {
    frame("continuity", |object| {
        object.channel(channel);
        continuity_fields(object, verdict, from, head);
    })
}

/// `skipped`: left out by policy.
pub(crate) fn skipped(
    channel: &Channel,
    count: u64,
    through: Position,
    reason: SkipReason,
) -> Frame {
    frame("skipped", |object| {
        object.channel(channel);
        object.number("count", count);
        object.position("through", Some(through));
        object.string("reason", reason.as_str());
    })
}

/// `caught_up`.
pub(crate) fn caught_up(channel: &Channel) -> Frame {
    frame("caught_up", |object| object.channel(channel))
}

/// The one table: `continuity`, `reason`, `forked_at`, `from`, `head`.
pub(crate) fn continuity_fields<S: Sink>(
    object: &mut Object<'_, S>,
    verdict: Continuity,
    from: Option<Position>,
    head: Option<Position>,
) {
    match verdict {
        Continuity::Fresh => object.string("continuity", "fresh"),
        Continuity::Kept => object.string("continuity", "kept"),
        Continuity::Forked { at } => {
            object.string("continuity", "forked");
            object.position("forked_at", Some(at));
        }
        Continuity::Lost(reason) => {
            object.string("continuity", "lost");
            object.string("reason", reason.as_str());
        }
    }
    object.position("from", from);
    object.position("head", head);
}
