//! The envelope: golden files, and what must hold for any message and any bytes.

mod golden;

use bytes::Bytes;
use fanline_broker::envelope::{self, EnvelopeError};
use fanline_model::{
    ConnectionId, Draft, Epoch, Fork, Header, Message, MessageId, Origin, Payload, Position,
    Timestamp, UserId,
};
use proptest::option;
use proptest::prelude::*;

fn payloads() -> impl Strategy<Value = Payload> {
    prop_oneof![
        "\\PC{0,200}".prop_map(|text| Payload::json(text.into_bytes())),
        "\\PC{0,200}".prop_map(Payload::text),
        proptest::collection::vec(any::<u8>(), 0..300).prop_map(Payload::bytes),
    ]
}

fn connections() -> impl Strategy<Value = ConnectionId> {
    any::<(u64, u64)>().prop_map(|(left, right)| ConnectionId::from_parts(left, right))
}

fn origins() -> impl Strategy<Value = Origin> {
    let users = "[a-z|+ é]{1,50}".prop_map(|text| UserId::parse(&text).unwrap());
    (
        option::of(connections()),
        option::of(connections()),
        option::of(users),
    )
        .prop_map(|(connection, exclude, client_id)| Origin {
            connection,
            exclude,
            client_id,
        })
}

fn drafts() -> impl Strategy<Value = Draft> {
    let header = ("[a-z-]{0,20}", "\\PC{0,40}").prop_map(|(name, value)| Header {
        name: name.into(),
        value: value.into(),
    });
    let attribute = ("[a-z]{0,20}", proptest::collection::vec(any::<u8>(), 0..40))
        .prop_map(|(name, value)| (name.into(), Bytes::from(value)));
    let id = "[!-~]{1,128}".prop_map(|id| MessageId::parse(&id).unwrap());
    let texts = (
        option::of("\\PC{0,200}"),
        option::of("\\PC{0,200}"),
        option::of("\\PC{0,60}"),
    );
    let lists = (
        proptest::collection::vec(header, 0..5),
        proptest::collection::vec(attribute, 0..5),
    );
    (
        id,
        payloads(),
        texts,
        origins(),
        lists,
        any::<(bool, bool)>(),
    )
        .prop_map(
            |(
                id,
                payload,
                (name, key, traceparent),
                origin,
                (headers, attributes),
                (ephemeral, removed),
            )| Draft {
                id,
                name: name.map(Into::into),
                key: key.map(Into::into),
                payload,
                origin,
                headers,
                ephemeral,
                removed,
                traceparent: traceparent.map(Into::into),
                attributes,
            },
        )
}

fn messages() -> impl Strategy<Value = Message> {
    let position = (1u64.., 1..=Position::MAX_SEQ)
        .prop_map(|(epoch, seq)| Position::new(Epoch::from_u64(epoch), seq));
    let fork = (1u64.., 0..=Position::MAX_SEQ).prop_map(|(epoch, at)| Fork {
        epoch: Epoch::from_u64(epoch),
        at,
    });
    (
        drafts(),
        any::<u64>(),
        option::of((position, option::of(fork))),
    )
        .prop_map(|(draft, millis, place)| {
            let place = place.filter(|_| !draft.ephemeral);
            Message {
                draft,
                timestamp: Timestamp::from_millis(millis),
                position: place.map(|(position, _)| position),
                fork: place.and_then(|(_, fork)| fork),
            }
        })
}

proptest! {
    #[test]
    fn every_message_reads_back(message in messages()) {
        let bytes = Bytes::from(envelope::encode(&message));
        prop_assert_eq!(envelope::decode(bytes).unwrap(), message);
    }

    #[test]
    fn a_message_cut_short_is_refused(message in messages(), cut in any::<prop::sample::Index>()) {
        let bytes = envelope::encode(&message);
        let cut = cut.index(bytes.len());
        // Cut between two fields it can be whole, if the rest was not required.
        if let Ok(read) = envelope::decode(Bytes::copy_from_slice(&bytes[..cut])) {
            prop_assert_eq!(read.draft, message.draft);
            prop_assert!(message.position.is_some(), "only the position and the fork can be missing");
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = envelope::decode(Bytes::from(bytes));
    }

    #[test]
    fn no_change_of_a_byte_breaks_the_reader(
        message in messages(),
        at in any::<prop::sample::Index>(),
        by in 1u8..,
    ) {
        let mut bytes = envelope::encode(&message);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        if let Ok(read) = envelope::decode(Bytes::from(bytes)) {
            prop_assert_eq!(envelope::decode(envelope::encode(&read).into()).unwrap(), read);
        }
    }

    #[test]
    fn unknown_fields_are_skipped(message in messages(), tag in 35u8.., value in proptest::collection::vec(any::<u8>(), 0..100)) {
        let mut bytes = envelope::encode(&message);
        bytes.extend([tag, value.len() as u8]);
        bytes.extend(value);
        prop_assert_eq!(envelope::decode(Bytes::from(bytes)).unwrap(), message);
    }
}

#[test]
fn payload_and_attributes_share_the_input() {
    let mut draft = Draft::new(MessageId::parse("a").unwrap(), Payload::text("shared"));
    draft.attributes = vec![("pusher".into(), Bytes::from_static(b"too"))];
    let message = Message {
        draft,
        timestamp: Timestamp::from_millis(1),
        position: None,
        fork: None,
    };
    let input = Bytes::from(envelope::encode(&message));
    let within = |part: &Bytes| input.as_ptr_range().contains(&part.as_ptr());
    let read = envelope::decode(input.clone()).unwrap();
    assert!(within(&read.draft.payload.bytes) && within(&read.draft.attributes[0].1));
}

#[test]
fn another_version_is_named() {
    let error = envelope::decode(Bytes::from_static(&[2, 0, 1, b'a', 0])).unwrap_err();
    assert_eq!(error, EnvelopeError::Version(2));
    assert!(error.to_string().contains("upgrade this node"), "{error}");
}

#[test]
fn a_length_beyond_the_input_allocates_nothing() {
    // A payload that says it has 2^48 bytes.
    let bytes = [&[1, 0, 1, b'a'][..], &[0x80; 6], &[1]].concat();
    assert_eq!(
        envelope::decode(Bytes::from(bytes)),
        Err(EnvelopeError::Damaged("payload"))
    );
}

#[test]
fn what_no_writer_writes_is_refused() {
    let head = [1, 0, 1, b'a', 1, b'1'];
    let timestamp = [32, 8, 0, 0, 0, 0, 0, 0, 0, 1];
    let read = |parts: &[&[u8]]| envelope::decode(Bytes::from(parts.concat()));
    read(&[&head, &timestamp]).unwrap();
    let first = [
        &[33, 16][..],
        &[0, 0, 0, 0, 0, 0, 0, 9],
        &[0, 0, 0, 0, 0, 0, 0, 1],
    ]
    .concat();
    read(&[&head, &timestamp, &first]).unwrap();
    let ephemeral = [1, 0b0100, 1, b'a', 1, b'1'];
    read(&[&ephemeral, &timestamp]).unwrap();
    let position = [&[33, 16][..], &[1; 16]].concat();
    let damaged = |what| Err(EnvelopeError::Damaged(what));
    assert_eq!(read(&[&head]), damaged("timestamp"));
    assert_eq!(
        read(&[&ephemeral, &timestamp, &first]),
        damaged("position"),
        "ephemeral with a place"
    );
    assert_eq!(
        read(&[&head, &timestamp, &[34, 16], &[1; 16]]),
        damaged("fork"),
        "a seq beyond 2^53 - 1"
    );
    assert_eq!(read(&[&head, &timestamp, &timestamp]), damaged("timestamp"));
    assert_eq!(
        read(&[&[1, 0b0001_0000], &head[2..], &timestamp]),
        damaged("flags")
    );
    assert_eq!(read(&[&[1, 3], &head[2..], &timestamp]), damaged("kind"));
    assert_eq!(
        read(&[&head, &[1, 0x80, 0], &timestamp]),
        damaged("fields"),
        "a length in two forms"
    );
    assert_eq!(
        read(&[&head, &timestamp, &position]),
        damaged("position"),
        "a seq beyond 2^53 - 1"
    );
    assert_eq!(
        read(&[&head, &[33, 16], &[0; 16], &timestamp]),
        damaged("position"),
        "no epoch"
    );
    assert_eq!(read(&[&[1, 0, 1, b' ', 0], &timestamp]), damaged("id"));
    assert_eq!(
        read(&[&[1, 1, 1, b'a', 1, 0xff], &timestamp]),
        damaged("payload")
    );
}
