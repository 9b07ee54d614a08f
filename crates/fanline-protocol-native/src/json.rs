//! Writing JSON by hand: a shared message frame is one allocation of exactly its length.
//!
//! Everything is written twice through the same code, first into a [`Length`], then into a `Vec` of that
//! capacity. What comes from outside passes through [`Sink::string`], or was checked to be JSON before.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fanline_model::{Channel, Epoch, Position};

/// Where JSON text goes.
pub(crate) trait Sink {
    /// Text as it stands.
    fn put(&mut self, text: &[u8]);

    /// A JSON value that was checked before; CR and LF, which can only stand between its tokens, become
    /// spaces so that the frame is one line (PROTOCOL, SSE).
    fn value(&mut self, json: &[u8]);

    /// Bytes as base64, without quotes.
    fn base64(&mut self, bytes: &[u8]);

    /// A string, with quotes.
    fn string(&mut self, text: &str) {
        self.put(b"\"");
        self.escaped(text);
        self.put(b"\"");
    }

    /// The inside of a string.
    fn escaped(&mut self, text: &str) {
        let mut rest = text.as_bytes();
        while let Some(at) = rest.iter().position(|byte| must_be_escaped(*byte)) {
            self.put(&rest[..at]);
            escape(rest[at], |text| self.put(text));
            rest = &rest[at + 1..];
        }
        self.put(rest);
    }

    /// A whole number.
    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.put(&digits[start..]);
    }

    /// An epoch, in quotes.
    fn epoch(&mut self, epoch: Epoch) {
        let mut text = [b'"'; 18];
        for (index, digit) in text[1..17].iter_mut().enumerate() {
            *digit = HEX[(epoch.as_u64() >> (60 - 4 * index) & 0xf) as usize];
        }
        self.put(&text);
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

/// How long the text will be.
#[derive(Default)]
pub(crate) struct Length(pub(crate) usize);

/// An object that is being written.
pub(crate) struct Object<'a, S: Sink> {
    sink: &'a mut S,
    empty: bool,
}

// === impl Length ===

impl Sink for Length {
    fn put(&mut self, text: &[u8]) {
        self.0 += text.len();
    }

    fn value(&mut self, json: &[u8]) {
        self.0 += json.len();
    }

    fn base64(&mut self, bytes: &[u8]) {
        self.0 += bytes.len().div_ceil(3) * 4;
    }
}

// === impl Sink for Vec ===

impl Sink for Vec<u8> {
    fn put(&mut self, text: &[u8]) {
        self.extend_from_slice(text);
    }

    fn value(&mut self, json: &[u8]) {
        let start = self.len();
        self.extend_from_slice(json);
        for byte in &mut self[start..] {
            if matches!(*byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
    }

    fn base64(&mut self, bytes: &[u8]) {
        let start = self.len();
        self.resize(start + bytes.len().div_ceil(3) * 4, b'=');
        // The slice is as long as the text, so that this cannot fail.
        let _ = STANDARD.encode_slice(bytes, &mut self[start..]);
    }
}

// === impl Object ===

impl<'a, S: Sink> Object<'a, S> {
    /// Begins an object.
    pub(crate) fn begin(sink: &'a mut S) -> Self {
        sink.put(b"{");
        Self { sink, empty: true }
    }

    /// Begins a frame: `type` stands first.
    pub(crate) fn frame(sink: &'a mut S, kind: &str) -> Self {
        let mut object = Self::begin(sink);
        object.string("type", kind);
        object
    }

    /// Begins a field; its value must follow. Keys are our own and need no escape.
    pub(crate) fn key(&mut self, key: &str) -> &mut S {
        self.sink.put(if self.empty { b"\"" } else { b",\"" });
        self.empty = false;
        self.sink.put(key.as_bytes());
        self.sink.put(b"\":");
        self.sink
    }

    /// Begins a field whose key comes from outside.
    pub(crate) fn escaped_key(&mut self, key: &str) -> &mut S {
        if !self.empty {
            self.sink.put(b",");
        }
        self.empty = false;
        self.sink.string(key);
        self.sink.put(b":");
        self.sink
    }

    /// A text.
    pub(crate) fn string(&mut self, key: &str, text: &str) {
        self.key(key).string(text);
    }

    /// A text, if there is one.
    pub(crate) fn maybe_string(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.string(key, text);
        }
    }

    /// A whole number.
    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.key(key).number(number);
    }

    /// A whole number, if there is one.
    pub(crate) fn maybe_number(&mut self, key: &str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(key, number);
        }
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&mut self, key: &str, value: bool) {
        self.key(key).put(if value { b"true" } else { b"false" });
    }

    /// `true`, or no field.
    pub(crate) fn flag(&mut self, key: &str, set: bool) {
        if set {
            self.boolean(key, true);
        }
    }

    /// JSON text that was checked before, if there is any.
    pub(crate) fn maybe_raw(&mut self, key: &str, json: Option<&str>) {
        if let Some(json) = json {
            self.key(key).value(json.as_bytes());
        }
    }

    /// A channel.
    pub(crate) fn channel(&mut self, channel: &Channel) {
        let sink = self.key("channel");
        match channel {
            Channel::Named(name) => sink.string(name.as_str()),
            Channel::User(user) => {
                sink.put(b"\"#user:");
                sink.escaped(user.as_str());
                sink.put(b"\"");
            }
        }
    }

    /// A position as one value; `null` where there is none.
    pub(crate) fn position(&mut self, key: &str, position: Option<Position>) {
        let sink = self.key(key);
        match position {
            None => sink.put(b"null"),
            Some(position) => {
                let mut object = Object::begin(sink);
                object.flat_position(Some(position));
                object.end();
            }
        }
    }

    /// A position as the fields `epoch` and `seq`, if there is one.
    pub(crate) fn flat_position(&mut self, position: Option<Position>) {
        if let Some(Position { epoch, seq }) = position {
            self.key("epoch").epoch(epoch);
            self.number("seq", seq);
        }
    }

    /// A list; `write` writes each element.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        items: impl IntoIterator<Item = T>,
        write: impl Fn(&mut S, T),
    ) {
        let sink = self.key(key);
        sink.put(b"[");
        for (index, item) in items.into_iter().enumerate() {
            if index > 0 {
                sink.put(b",");
            }
            write(sink, item);
        }
        sink.put(b"]");
    }

    /// Ends the object.
    pub(crate) fn end(self) {
        self.sink.put(b"}");
    }
}

/// RFC 8259, section 7.
fn must_be_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(byte: u8, mut put: impl FnMut(&[u8])) {
    match byte {
        b'"' => put(b"\\\""),
        b'\\' => put(b"\\\\"),
        b'\n' => put(b"\\n"),
        b'\r' => put(b"\\r"),
        b'\t' => put(b"\\t"),
        control => {
            let digit = |shift: u8| HEX[usize::from(control >> shift & 0xf)];
            put(&[b'\\', b'u', b'0', b'0', digit(4), digit(0)]);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_string_reads_back_and_its_length_is_known_before(text in ".*") {
            let (mut written, mut length) = (Vec::new(), Length::default());
            written.string(&text);
            length.string(&text);
            prop_assert_eq!(length.0, written.len());
            prop_assert_eq!(serde_json::from_slice::<String>(&written).unwrap(), text);
        }

        #[test]
        fn numbers_epochs_and_bytes_are_written_as_everybody_reads_them(number: u64, bytes: Vec<u8>) {
            let (mut written, mut length) = (Vec::new(), Length::default());
            written.number(number);
            prop_assert_eq!(&written, &number.to_string().into_bytes());
            written.clear();
            written.epoch(Epoch::from_u64(number));
            prop_assert_eq!(&written, &format!("\"{}\"", Epoch::from_u64(number)).into_bytes());
            written.clear();
            written.base64(&bytes);
            length.base64(&bytes);
            prop_assert_eq!(length.0, written.len());
            prop_assert_eq!(STANDARD.decode(&written).unwrap(), bytes);
        }
    }

    #[test]
    fn line_ends_between_tokens_become_spaces() {
        let mut written = Vec::new();
        written.value(b"{\r\n\"a\\n\":\t1}");
        assert_eq!(written, b"{  \"a\\n\":\t1}");
    }
}
