//! One subscriber: a WebSocket that reads into a buffer it shares with all others.

use std::io::{self, Read, Write};
use std::sync::Arc;

use super::{Stamp, frame, response, socket};
use crate::target::{Reaction, Wire};

/// What became of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// One more subscription holds, or the connection of who opens without any.
    Joined,
    Delivery(Stamp),
    /// The server said something that a measurement does not expect.
    Trouble(String),
    /// The connection is over.
    Ended(String),
}

/// Holds no buffer while it is idle.
#[derive(Debug)]
pub(crate) struct Subscriber<S> {
    stream: S,
    /// What it opens with.
    channel: Option<Arc<str>>,
    state: State,
    /// The beginning of a frame or of the server's handshake.
    partial: Vec<u8>,
    unsent: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Upgrading,
    Open,
    Ended,
}

impl<S: Read + Write> Subscriber<S> {
    pub(crate) fn new(stream: S, channel: Option<Arc<str>>) -> Self {
        let state = State::Connecting;
        Self {
            stream,
            channel,
            state,
            partial: Vec::new(),
            unsent: Vec::new(),
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    pub(crate) fn writable(&mut self, wire: &dyn Wire, on: &mut impl FnMut(Happening)) {
        if self.state == State::Connecting {
            self.state = State::Upgrading;
            self.unsent = wire.handshake(self.channel.as_deref()).into_bytes();
        }
        self.flush(on);
    }

    /// Reads what is there. `ended` is the poller's word that nothing follows: then it reads until
    /// the end shows, because no further event would tell.
    pub(crate) fn readable(
        &mut self,
        wire: &dyn Wire,
        scratch: &mut [u8],
        ended: bool,
        on: &mut impl FnMut(Happening),
    ) {
        while self.state != State::Ended {
            match self.stream.read(scratch) {
                Ok(0) => self.end("the server closed the connection", on),
                Ok(count) => {
                    self.take(&scratch[..count], wire, on);
                    // A short read emptied the socket (epoll(7), edge-triggered).
                    if count < scratch.len() && !ended {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => self.end(&format!("reading: {error}"), on),
            }
        }
        self.flush(on);
    }

    /// Says something more, once it is open.
    pub(crate) fn say(&mut self, text: &str, on: &mut impl FnMut(Happening)) {
        frame::write_text(text, &mut self.unsent);
        self.flush(on);
    }

    fn take(&mut self, bytes: &[u8], wire: &dyn Wire, on: &mut impl FnMut(Happening)) {
        if self.partial.is_empty() {
            let used = self.consume(bytes, wire, on);
            self.partial.extend_from_slice(&bytes[used..]);
            return;
        }
        let mut whole = std::mem::take(&mut self.partial);
        whole.extend_from_slice(bytes);
        let used = self.consume(&whole, wire, on);
        if used < whole.len() {
            whole.drain(..used);
            self.partial = whole;
        }
    }

    /// Works off every whole frame and says how many bytes that were.
    fn consume(&mut self, bytes: &[u8], wire: &dyn Wire, on: &mut impl FnMut(Happening)) -> usize {
        let mut used = 0;
        loop {
            let step = match self.state {
                State::Upgrading => self.upgrade(&bytes[used..], wire, on),
                State::Open => self.frame(&bytes[used..], wire, on),
                State::Connecting | State::Ended => return bytes.len(),
            };
            match step {
                Some(length) => used += length,
                None => return used,
            }
        }
    }

    fn upgrade(
        &mut self,
        bytes: &[u8],
        wire: &dyn Wire,
        on: &mut impl FnMut(Happening),
    ) -> Option<usize> {
        match response::parse(bytes) {
            response::Parsed::Incomplete => None,
            response::Parsed::Response {
                status: 101,
                length,
                ..
            } => {
                self.state = State::Open;
                match wire.opening_frame(self.channel.as_deref()) {
                    Some(text) => frame::write_text(&text, &mut self.unsent),
                    None if wire.joins_by_handshake() => on(Happening::Joined),
                    None => {}
                }
                Some(length)
            }
            response::Parsed::Response {
                status,
                body,
                length,
            } => {
                let body = String::from_utf8_lossy(body);
                self.end(
                    &format!("the upgrade was answered with {status}: {body}"),
                    on,
                );
                Some(length)
            }
            response::Parsed::Invalid(why) => {
                self.end(why, on);
                Some(bytes.len())
            }
        }
    }

    fn frame(
        &mut self,
        bytes: &[u8],
        wire: &dyn Wire,
        on: &mut impl FnMut(Happening),
    ) -> Option<usize> {
        match frame::parse(bytes) {
            frame::Parsed::Incomplete => None,
            frame::Parsed::Invalid(why) => {
                self.end(why, on);
                Some(bytes.len())
            }
            frame::Parsed::Frame {
                kind,
                payload,
                length,
            } => {
                match kind {
                    frame::Kind::Message => self.message(payload, wire, on),
                    frame::Kind::Ping => frame::write_pong(payload, &mut self.unsent),
                    frame::Kind::Pong => {}
                    frame::Kind::Close => {
                        self.end(&format!("the server closed: {}", close_reason(payload)), on);
                    }
                }
                Some(length)
            }
        }
    }

    fn message(&mut self, payload: &[u8], wire: &dyn Wire, on: &mut impl FnMut(Happening)) {
        if let Some(stamp) = Stamp::find(payload) {
            return on(Happening::Delivery(stamp));
        }
        match wire.read_text(self.channel.as_deref(), &String::from_utf8_lossy(payload)) {
            Reaction::Nothing => {}
            Reaction::Joined => on(Happening::Joined),
            Reaction::Answer(text) => frame::write_text(&text, &mut self.unsent),
            Reaction::Trouble(what) => on(Happening::Trouble(what)),
        }
    }

    fn flush(&mut self, on: &mut impl FnMut(Happening)) {
        if self.state == State::Ended || self.unsent.is_empty() {
            return;
        }
        if let Err(error) = socket::write_some(&mut self.stream, &mut self.unsent) {
            self.end(&format!("writing: {error}"), on);
        }
    }

    fn end(&mut self, why: &str, on: &mut impl FnMut(Happening)) {
        self.state = State::Ended;
        on(Happening::Ended(why.to_owned()));
    }
}

/// Code and text of a close frame (RFC 6455, 7.1.5 and 7.1.6).
fn close_reason(payload: &[u8]) -> String {
    match payload {
        [a, b, text @ ..] => {
            format!(
                "{} {}",
                u16::from_be_bytes([*a, *b]),
                String::from_utf8_lossy(text)
            )
        }
        _ => "without a code".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::script::Script;
    use super::*;

    /// Greets, waits for an answer, and then subscribes.
    struct TestWire;

    impl Wire for TestWire {
        fn handshake(&self, channel: Option<&str>) -> String {
            format!("GET /{} HTTP/1.1\r\n\r\n", channel.unwrap_or_default())
        }

        fn opening_frame(&self, _channel: Option<&str>) -> Option<String> {
            Some("hello".to_owned())
        }

        fn read_text(&self, _channel: Option<&str>, text: &str) -> Reaction {
            match text {
                "in" => Reaction::Joined,
                "ask" => Reaction::Answer("answer".to_owned()),
                other => Reaction::Trouble(other.to_owned()),
            }
        }

        fn publish(&self, _: &str, _: &[u8], _: u64, _: &mut Vec<u8>) {}
    }

    const STAMP: Stamp = Stamp {
        stream: 1,
        number: 2,
        sent: 3,
    };

    fn conversation() -> Vec<u8> {
        let message = format!("{{\"data\":\"~{:08x}{:08x}{:016x}\"}}", 1, 2, 3);
        let mut bytes = b"HTTP/1.1 101 Switching Protocols\r\n\r\n".to_vec();
        for text in ["in", &message, "ask", &message, "odd"] {
            bytes.extend([0x81, text.len() as u8]);
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes
    }

    fn play(script: Script, scratch: usize) -> (Subscriber<Script>, Vec<Happening>) {
        let mut subscriber = Subscriber::new(script, Some("bench".into()));
        let mut happened = Vec::new();
        let mut scratch = vec![0; scratch];
        subscriber.writable(&TestWire, &mut |happening| happened.push(happening));
        let last = subscriber.stream.gives.len().max(1);
        for _ in 0..=last {
            let mut on = |happening| happened.push(happening);
            subscriber.readable(&TestWire, &mut scratch, false, &mut on);
        }
        (subscriber, happened)
    }

    #[test]
    fn a_conversation_cut_at_any_byte_is_understood_alike() {
        let bytes = conversation();
        let whole = [
            Happening::Joined,
            Happening::Delivery(STAMP),
            Happening::Delivery(STAMP),
            Happening::Trouble("odd".to_owned()),
        ];
        for cut in 1..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let (subscriber, happened) = play(Script::giving(&[first, second]), 4_096);
            assert_eq!(happened, whole, "cut at {cut}");
            assert_eq!(
                subscriber.partial.capacity(),
                0,
                "an idle subscriber holds no buffer"
            );
        }
        let (_, happened) = play(Script::giving(&[&bytes]), 7);
        assert_eq!(happened, whole, "read by 7 bytes");
    }

    #[test]
    fn it_speaks_when_it_is_asked() {
        let (subscriber, _) = play(Script::giving(&[&conversation()]), 4_096);
        let mut expected = b"GET /bench HTTP/1.1\r\n\r\n".to_vec();
        frame::write_text("hello", &mut expected);
        frame::write_text("answer", &mut expected);
        assert_eq!(subscriber.stream.taken, expected);
    }

    #[test]
    fn what_the_socket_does_not_take_is_said_later() {
        let mut script = Script::giving(&[]);
        script.takes = 0;
        let mut subscriber = Subscriber::new(script, Some("bench".into()));
        subscriber.writable(&TestWire, &mut |_| ());
        assert!(subscriber.stream.taken.is_empty());
        subscriber.stream.takes = 3;
        subscriber.writable(&TestWire, &mut |_| ());
        assert_eq!(subscriber.stream.taken, b"GET /bench HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn a_refused_upgrade_and_a_close_tell_why() {
        let refused = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\norigin";
        let (_, happened) = play(Script::giving(&[refused]), 4_096);
        let Some(Happening::Ended(why)) = happened.first() else {
            unreachable!("{happened:?}")
        };
        assert!(why.contains("403") && why.contains("origin"), "{why}");

        let mut bytes = conversation();
        bytes.extend([0x88, 5, 0x0f, 0xa1, b'g', b'o', b'!']);
        let (_, happened) = play(Script::giving(&[&bytes]), 4_096);
        let Some(Happening::Ended(why)) = happened.last() else {
            unreachable!("{happened:?}")
        };
        assert!(why.contains("4001 go!"), "{why}");
    }

    #[test]
    fn an_end_behind_the_last_message_is_seen_when_the_poller_tells() {
        let mut script = Script::giving(&[&conversation()]);
        script.then_ends = true;
        let mut subscriber = Subscriber::new(script, Some("bench".into()));
        let mut happened = Vec::new();
        subscriber.writable(&TestWire, &mut |_| ());
        let mut on = |happening| happened.push(happening);
        subscriber.readable(&TestWire, &mut [0; 4_096], true, &mut on);
        assert!(
            matches!(happened.last(), Some(Happening::Ended(_))),
            "{happened:?}"
        );
    }
}
