//! Any bytes from a client: no panic, no more memory than the limit allows, and the same messages
//! and the same error wherever the network cuts them.
#![no_main]

use fanline_edge::ws::{DecodeError, Decoder, Incoming};
use libfuzzer_sys::fuzz_target;

/// The most that a decoder holds beyond twice its limit: its bookkeeping and the least buffers.
const OVERHEAD: usize = 1_024;

fuzz_target!(|input: (u16, Vec<u8>, &[u8])| {
    let (limit, sizes, bytes) = input;
    let limit = usize::from(limit);
    let whole = decode(bytes, limit, std::iter::repeat(usize::MAX));
    let sizes = sizes
        .into_iter()
        .map(usize::from)
        .chain(std::iter::repeat(1));
    assert_eq!(decode(bytes, limit, sizes), whole);
});

fn decode(
    mut bytes: &[u8],
    limit: usize,
    sizes: impl Iterator<Item = usize>,
) -> (Vec<Incoming>, Option<DecodeError>) {
    let mut decoder = Decoder::new(limit);
    let mut decoded = Vec::new();
    for size in sizes {
        if bytes.is_empty() {
            break;
        }
        let (mut piece, rest) = bytes.split_at(size.min(bytes.len()));
        bytes = rest;
        loop {
            match decoder.decode(&mut piece) {
                Ok(Some(incoming)) => {
                    assert_sound(&incoming, limit);
                    decoded.push(incoming);
                    if matches!(decoded.last(), Some(Incoming::Close(_))) {
                        return (decoded, None);
                    }
                }
                Ok(None) => break,
                Err(error) => return (decoded, Some(error)),
            }
        }
        assert!(piece.is_empty());
        assert!(decoder.buffered() <= 2 * limit + OVERHEAD);
        assert_eq!(decoder.buffered() == 0, decoder.is_idle());
    }
    (decoded, None)
}

fn assert_sound(incoming: &Incoming, limit: usize) {
    match incoming {
        Incoming::Text(payload) => {
            assert!(payload.len() <= limit);
            assert!(std::str::from_utf8(payload).is_ok());
        }
        Incoming::Binary(payload) => assert!(payload.len() <= limit),
        Incoming::Ping(payload) | Incoming::Pong(payload) => assert!(payload.len() <= 125),
        Incoming::Close(Some(close)) => assert!(close.reason.len() <= 123),
        Incoming::Close(None) => {}
    }
}
