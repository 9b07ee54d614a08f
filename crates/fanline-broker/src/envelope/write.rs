//! Writing an envelope.

use fanline_model::{ConnectionId, Draft, Message, PayloadKind};

use super::{VERSION, flag, kind, tag};
use crate::wire::{write_length, write_sized};

/// The bytes of a message.
pub fn encode(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.draft.weight());
    write_draft(&mut bytes, &message.draft);
    write_place(&mut bytes, message);
    bytes
}

/// What the publisher said, without what the broker adds: a script within Redis appends timestamp, position
/// and fork to it.
pub fn encode_draft(draft: &Draft) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(draft.weight());
    write_draft(&mut bytes, draft);
    bytes
}

/// What the publisher said.
fn write_draft(bytes: &mut Vec<u8>, draft: &Draft) {
    bytes.push(VERSION);
    bytes.push(flags(draft));
    write_sized(bytes, draft.id.as_str().as_bytes());
    write_sized(bytes, &draft.payload.bytes);

    let text_field = |bytes: &mut Vec<u8>, tag, text: Option<&str>| {
        if let Some(text) = text {
            write_field(bytes, tag, &[text.as_bytes()]);
        }
    };
    text_field(bytes, tag::NAME, draft.name.as_deref());
    text_field(bytes, tag::KEY, draft.key.as_deref());
    text_field(
        bytes,
        tag::CLIENT_ID,
        draft.origin.client_id.as_ref().map(|id| id.as_str()),
    );
    write_connection(bytes, tag::CONNECTION, draft.origin.connection);
    write_connection(bytes, tag::EXCLUDE, draft.origin.exclude);
    for header in &draft.headers {
        write_pair(bytes, tag::HEADER, &header.name, header.value.as_bytes());
    }
    text_field(bytes, tag::TRACEPARENT, draft.traceparent.as_deref());
    for (protocol, value) in &draft.attributes {
        write_pair(bytes, tag::ATTRIBUTE, protocol, value);
    }
}

/// What the broker added.
fn write_place(bytes: &mut Vec<u8>, message: &Message) {
    write_field(
        bytes,
        tag::TIMESTAMP,
        &[&message.timestamp.as_millis().to_be_bytes()],
    );
    if let Some(position) = message.position {
        write_two(bytes, tag::POSITION, position.epoch.as_u64(), position.seq);
    }
    if let Some(fork) = message.fork {
        write_two(bytes, tag::FORK, fork.epoch.as_u64(), fork.at);
    }
}

fn flags(draft: &Draft) -> u8 {
    let kind = match draft.payload.kind {
        PayloadKind::Json => kind::JSON,
        PayloadKind::Text => kind::TEXT,
        PayloadKind::Bytes => kind::BYTES,
    };
    let ephemeral = if draft.ephemeral { flag::EPHEMERAL } else { 0 };
    let removed = if draft.removed { flag::REMOVED } else { 0 };
    kind | ephemeral | removed
}

fn write_connection(bytes: &mut Vec<u8>, tag: u8, connection: Option<ConnectionId>) {
    if let Some(connection) = connection {
        let (left, right) = connection.to_parts();
        write_two(bytes, tag, left, right);
    }
}

fn write_two(bytes: &mut Vec<u8>, tag: u8, first: u64, second: u64) {
    write_field(bytes, tag, &[&first.to_be_bytes(), &second.to_be_bytes()]);
}

fn write_pair(bytes: &mut Vec<u8>, tag: u8, name: &str, value: &[u8]) {
    let mut length = Vec::with_capacity(2);
    write_length(&mut length, name.len());
    write_field(bytes, tag, &[&length, name.as_bytes(), value]);
}

fn write_field(bytes: &mut Vec<u8>, tag: u8, parts: &[&[u8]]) {
    bytes.push(tag);
    write_length(bytes, parts.iter().map(|part| part.len()).sum());
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
}
