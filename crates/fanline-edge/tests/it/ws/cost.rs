//! What a connection costs: nothing while it is idle.

use std::{collections::VecDeque, task::Poll};

use bytes::Bytes;
use fanline_edge::ws::{Decoder, Incoming, WebSocketStream, encoder};
use tokio::net::TcpStream;

use super::{
    frames::{BINARY, FIN, PING, TEXT, frame},
    script::{Script, idle_context},
};
use crate::heap;

const LIMIT: usize = 64 * 1024;

#[test]
#[expect(clippy::print_stdout, reason = "a figure that people quote")]
fn a_connection_is_small() {
    let (stream, decoder) = (size_of::<WebSocketStream>(), size_of::<Decoder>());
    let socket = size_of::<TcpStream>();
    println!(
        "a connection: {stream} bytes, of which the socket {socket} and the decoder {decoder}"
    );
    assert!(stream <= 200);
    assert!(decoder <= 16);
}

#[test]
fn an_idle_decoder_holds_nothing_whatever_it_has_seen() {
    let mut decoder = Decoder::new(LIMIT);
    let before = heap::live();
    for bytes in [
        frame(FIN | TEXT, b"short"),
        frame(FIN | BINARY, &[0; 40_000]),
        [
            frame(TEXT, b"in "),
            frame(FIN | PING, b"?"),
            frame(FIN, b"two"),
        ]
        .concat(),
    ] {
        let mut pieces = bytes.chunks(7).peekable();
        while let Some(mut piece) = pieces.next() {
            while decoder.decode(&mut piece).unwrap().is_some() {}
            assert_eq!(decoder.is_idle(), pieces.peek().is_none());
        }
        assert_eq!(decoder.buffered(), 0);
    }
    drop(decoder);
    // The frames of the loop are gone as well.
    assert_eq!(heap::live(), before);
}

#[test]
fn an_idle_connection_holds_no_buffer() {
    let mut cx = idle_context();
    let mut connections: Vec<_> = (0..100)
        .map(|_| WebSocketStream::new(Script::default(), Bytes::new(), LIMIT))
        .collect();
    let mut queue = VecDeque::with_capacity(4);
    // The thread's scratch memory comes with the first read.
    assert!(connections[0].poll_receive(&mut cx).is_pending());

    let bytes = [
        frame(FIN | PING, b"are you there?"),
        frame(TEXT, b"half "),
        frame(FIN, b"and half"),
    ]
    .concat();
    let before = heap::live();
    let mut received = 0;
    for connection in &mut connections {
        // Cut into pieces, and then all in one.
        for piece in bytes.chunks(11).chain([&bytes[..]]) {
            connection.socket_mut().reads.push_back(piece.to_vec());
            while let Poll::Ready(incoming) = connection.poll_receive(&mut cx) {
                received += 1;
                if matches!(incoming.unwrap(), Incoming::Text(_)) {
                    queue.push_back(encoder::text(b"an answer"));
                }
                while !queue.is_empty() || !connection.is_flushed() {
                    assert!(connection.poll_send(&mut cx, &mut queue).is_ready());
                }
            }
        }
        assert_eq!(connection.buffered(), 0);
        *connection.socket_mut() = Script::default();
    }
    assert_eq!(received, 400);
    assert_eq!(
        heap::live() - before,
        0,
        "bytes held by 100 idle connections"
    );
}
