//! What Pusher's protocol cannot say: positions, and what became of them.

use fanline_model::{Channel, Epoch, Position};
use fanline_protocol::{Continuity, Event, LostReason, SkipReason, UnsubscribeReason};
use serde_json::{Value, json};

use crate::world::World;

fn channel() -> Channel {
    Channel::parse("news").unwrap()
}

fn position(seq: u64) -> Position {
    Position::new(Epoch::from_u64(7), seq)
}

fn verdict(continuity: Continuity) -> Event {
    Event::Continuity {
        channel: channel(),
        continuity,
        from: Some(position(3)),
        head: Some(position(9)),
    }
}

#[tokio::test]
async fn a_moved_slot_cuts_nobody() {
    let mut client = World::new().connect().await;
    client.subscribe("news").await;
    client.hear(verdict(Continuity::Kept));
    client.hear(verdict(Continuity::Forked { at: position(3) }));
    client.hear(Event::CaughtUp { channel: channel() });
    let reason = SkipReason::Excluded;
    client.hear(Event::Skipped {
        channel: channel(),
        count: 1,
        through: position(4),
        reason,
    });
    assert!(client.take().is_empty() && client.closed().is_none());
}

#[tokio::test]
async fn a_lost_continuity_makes_the_client_connect_again() {
    for reason in [
        LostReason::TooOld,
        LostReason::Diverged,
        LostReason::UnknownEpoch,
    ] {
        let mut client = World::new().connect().await;
        client.subscribe("news").await;
        client.hear(verdict(Continuity::Lost(reason)));
        let frames = client.take();
        assert_eq!(
            (frames.len(), &frames[0]["data"]["code"]),
            (1, &json!(4200))
        );
        let (code, text) = client.closed().unwrap();
        assert!(
            code == 4200 && text.contains("messages may be missing"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_subscription_that_the_server_ends_is_told_to_the_channel() {
    let mut client = World::new().connect().await;
    client.subscribe("news").await;
    for reason in [
        UnsubscribeReason::NotAllowed,
        UnsubscribeReason::RuleChanged,
    ] {
        client.hear(Event::Unsubscribed {
            channel: channel(),
            reason,
            tag: None,
        });
        let frames = client.take();
        assert_eq!(
            (frames.len(), &frames[0]["event"]),
            (1, &json!("pusher:subscription_error"))
        );
        assert_eq!(frames[0]["channel"], "news");
        let data: Value = serde_json::from_str(frames[0]["data"].as_str().unwrap()).unwrap();
        assert_eq!(
            (&data["type"], &data["status"]),
            (&json!("AuthError"), &json!(403))
        );
    }
}
