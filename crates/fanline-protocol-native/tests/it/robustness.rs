//! Whatever a client sends, it gets an answer and nothing breaks.

use fanline_protocol::{Command, Frame, Protocol};
use fanline_protocol_native::NativeProtocol;
use proptest::prelude::*;
use serde_json::Value;

use crate::session::{Session, open};
use crate::world::{APP_KEY, World};

/// An open connection.
fn connected() -> Session {
    let mut session = Session::new(World::new(), &open("", None));
    session.receive(Frame::text(format!(
        r#"{{"type":"connect","app":"{APP_KEY}"}}"#
    )));
    session.sent.clear();
    session
}

/// Text that comes near to a frame.
fn nearly_a_frame() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("type"),
        Just("connect"),
        Just("subscribe"),
        Just("publish"),
        Just("channel"),
        Just("channels"),
        Just("id"),
        Just("since"),
        Just("epoch"),
        Just("seq"),
        Just("data"),
        Just("messages"),
        Just("headers"),
        Just("rewind"),
        Just("token"),
        Just("app"),
        Just("a"),
    ];
    let leaf = prop_oneof![
        word.clone().prop_map(|word| format!("{word:?}")),
        any::<i64>().prop_map(|number| number.to_string()),
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("\"\\ud800\"".to_owned()),
        Just("1e999".to_owned()),
    ];
    let value = leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6)
                .prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec((word.clone(), inner), 0..6).prop_map(|fields| {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(key, value)| format!("{key:?}:{value}"))
                    .collect();
                format!("{{{}}}", fields.join(","))
            }),
        ]
    });
    let kind = prop_oneof![
        Just("connect"),
        Just("subscribe"),
        Just("publish"),
        Just("unsubscribe"),
        Just("refresh"),
        Just("x")
    ];
    prop_oneof![
        ".*",
        value.clone(),
        (kind, value).prop_map(|(kind, rest)| match rest.strip_prefix('{') {
            Some(fields) if fields.len() > 1 => format!("{{\"type\":\"{kind}\",{fields}"),
            _ => rest,
        }),
    ]
}

proptest! {
    #[test]
    fn no_first_frame_breaks_the_dialect(text in nearly_a_frame(), binary: bool) {
        let bytes = text.into_bytes();
        let frame = if binary { Frame::Binary(bytes.into()) } else { Frame::Text(bytes.into()) };
        let mut commands = Vec::new();
        NativeProtocol.open(&open("", None), &mut commands).decode(frame, &mut commands);
        prop_assert!(!commands.is_empty());
        for command in commands {
            check(&command)?;
        }
    }

    #[test]
    fn no_later_frame_breaks_the_dialect(texts in proptest::collection::vec(nearly_a_frame(), 1..4)) {
        let mut session = connected();
        for text in texts {
            session.receive(Frame::text(text));
        }
        for text in &session.sent {
            check_frame(text.as_bytes())?;
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused(bytes: Vec<u8>) {
        let mut commands = Vec::new();
        NativeProtocol.open(&open("", None), &mut commands).decode(Frame::Text(bytes.into()), &mut commands);
        prop_assert_eq!(commands.len(), 1);
    }
}

fn check(command: &Command) -> Result<(), TestCaseError> {
    match command {
        Command::Reply(frame) | Command::Fault(frame) => check_frame(frame.bytes()),
        Command::Close { frames, close } => {
            prop_assert!(close.reason.len() <= 123);
            frames
                .iter()
                .try_for_each(|frame| check_frame(frame.bytes()))
        }
        _ => Ok(()),
    }
}

fn check_frame(text: &[u8]) -> Result<(), TestCaseError> {
    let type_first = text.starts_with(br#"{"type":""#);
    prop_assert!(type_first, "{}", String::from_utf8_lossy(text));
    prop_assert!(
        serde_json::from_slice::<Value>(text).is_ok(),
        "{}",
        String::from_utf8_lossy(text)
    );
    Ok(())
}

#[test]
fn ten_thousand_subscriptions_in_a_frame_are_one_error_that_names_the_limit() {
    let mut session = connected();
    let entries: Vec<_> = (0..10_000)
        .map(|n| format!(r#"{{"channel":"c{n}"}}"#))
        .collect();
    session.receive(Frame::text(format!(
        r#"{{"type":"subscribe","id":1,"channels":[{}]}}"#,
        entries.join(",")
    )));
    let answer: Value = serde_json::from_str(&session.sent.pop_front().unwrap()).unwrap();
    assert_eq!(answer["code"], "too_many");
    assert_eq!(answer["id"], 1);
    assert_eq!(
        answer["message"],
        "there are 10000 subscriptions at once, at most 200 are allowed: send them in parts"
    );
    assert!(session.sent.is_empty() && session.closed.is_none());
}

#[test]
fn a_frame_of_two_hundred_subscriptions_is_taken_whole() {
    let mut session = connected();
    let entries: Vec<_> = (0..200)
        .map(|n| format!(r#"{{"channel":"c{n}"}}"#))
        .collect();
    session.receive(Frame::text(format!(
        r#"{{"type":"subscribe","channels":[{}]}}"#,
        entries.join(",")
    )));
    assert_eq!(
        session.sent.len(),
        400,
        "a subscribed and a caught_up for each"
    );
}

#[test]
fn a_message_larger_than_the_app_allows_is_refused_and_the_connection_lives() {
    let mut session = Session::new(World::new(), &open("", None));
    session.receive(Frame::text(format!(
        r#"{{"type":"connect","app":"{APP_KEY}","token":"{}"}}"#,
        crate::world::TOKEN
    )));
    session.sent.clear();
    let data = "x".repeat(65 * 1024);
    session.receive(Frame::text(format!(
        r#"{{"type":"publish","id":"big","channel":"a","data":"{data}"}}"#
    )));
    let answer: Value = serde_json::from_str(&session.sent.pop_front().unwrap()).unwrap();
    assert_eq!(
        (&answer["code"], &answer["id"]),
        (&"too_large".into(), &"big".into())
    );
    assert!(session.closed.is_none());
}
