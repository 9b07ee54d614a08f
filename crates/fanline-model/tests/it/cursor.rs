//! `fixtures/cursor.json`, written from the description of the format and not by this code: a client in
//! any language is tested against the same file.

use std::collections::HashSet;

use fanline_model::{Channel, Cursor, Epoch, InvalidCursor, Position, name_hash};
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/cursor.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field]
        .as_str()
        .unwrap_or_else(|| panic!("{field} of {value} is no text"))
}

/// The channel and the position that an entry of the file describes.
fn entry(value: &Value) -> (Channel, Position) {
    let channel = Channel::parse(text(value, "channel")).unwrap();
    let epoch = value["epoch"]
        .as_str()
        .map_or(Epoch::NONE, |epoch| Epoch::parse(epoch).unwrap());
    (
        channel,
        Position::new(epoch, value["seq"].as_u64().unwrap()),
    )
}

#[test]
fn the_hash_of_a_name_is_as_published() {
    for vector in vectors()["cursors"].as_array().unwrap() {
        for value in vector["entries"].as_array().unwrap() {
            let hash = format!("{:08x}", name_hash(&entry(value).0));
            assert_eq!(hash, text(value, "name_hash"), "{value}");
        }
    }
}

#[test]
fn positions_become_the_published_cursor_in_whatever_order_they_come() {
    for vector in vectors()["cursors"].as_array().unwrap() {
        let entries = vector["entries"].as_array().unwrap().iter().map(entry);
        let positions = entries.map(|(channel, position)| (name_hash(&channel), position));
        assert_eq!(
            Cursor::new(positions.clone()).to_string(),
            text(vector, "cursor"),
            "{vector}"
        );
        assert_eq!(
            Cursor::new(positions.rev()).to_string(),
            text(vector, "cursor"),
            "{vector}"
        );
    }
}

#[test]
fn the_published_cursor_becomes_the_positions() {
    for vector in vectors()["cursors"].as_array().unwrap() {
        let cursor = Cursor::parse(text(vector, "cursor")).unwrap();
        let entries: Vec<_> = vector["entries"]
            .as_array()
            .unwrap()
            .iter()
            .map(entry)
            .collect();
        assert_eq!(cursor.entries().len(), entries.len(), "{vector}");
        for (channel, position) in &entries {
            assert!(
                cursor
                    .candidates(channel)
                    .any(|candidate| candidate == *position),
                "{vector}"
            );
        }
    }
}

#[test]
fn the_file_has_two_names_that_share_a_hash() {
    let shared = vectors()["cursors"]
        .as_array()
        .unwrap()
        .iter()
        .any(|vector| {
            let entries: Vec<_> = vector["entries"]
                .as_array()
                .unwrap()
                .iter()
                .map(entry)
                .collect();
            let hashes: HashSet<_> = entries
                .iter()
                .map(|(channel, _)| name_hash(channel))
                .collect();
            hashes.len() < entries.len()
        });
    assert!(shared);
}

#[test]
fn what_is_no_cursor_is_refused_with_its_reason() {
    for vector in vectors()["refused"].as_array().unwrap() {
        let problem = match Cursor::parse(text(vector, "cursor")).unwrap_err() {
            InvalidCursor::Damaged => "damaged",
            InvalidCursor::Version(_) => "version",
            InvalidCursor::TooLong => "too long",
        };
        assert_eq!(problem, text(vector, "problem"), "{vector}");
    }
}
