//! Where the frames of a RESP3 stream end, and which of them are messages.

use std::io;

/// A stream that is cut into its frames.
#[derive(Debug, Default)]
pub(super) struct Frames {
    bytes: Vec<u8>,
    taken: usize,
}

/// One whole frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame<'a>(&'a [u8]);

// === impl Frames ===

impl Frames {
    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame. An error means that this is no RESP.
    pub(super) fn next(&mut self) -> io::Result<Option<Frame<'_>>> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some(length) = length(rest)? else {
            return Ok(None);
        };
        self.taken += length;
        Ok(rest.get(..length).map(Frame))
    }
}

// === impl Frame ===

impl<'a> Frame<'a> {
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.0
    }

    /// Whether it is a message of a channel, sharded or not.
    pub(super) fn is_message(&self) -> bool {
        let mut lines = self.0.split(|byte| *byte == b'\n');
        let is_push = lines.next().is_some_and(|line| line.starts_with(b">"));
        let kind = lines.nth(1).map(<[u8]>::trim_ascii_end);
        is_push && matches!(kind, Some(b"message" | b"smessage" | b"pmessage"))
    }
}

/// How long the first frame is, if it is there as a whole.
fn length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let mut at = 0;
    let mut wanted: u64 = 1;
    while wanted > 0 {
        let Some(line) = line(bytes, at) else {
            return Ok(None);
        };
        at += line.len() + 2;
        wanted -= 1;
        let (kind, rest) = line.split_first().ok_or_else(unreadable)?;
        match kind {
            b'+' | b'-' | b':' | b'_' | b'#' | b',' | b'(' => {}
            b'$' | b'=' | b'!' => {
                // None has no bytes, and no line end after them.
                if let Some(count) = number(rest)? {
                    at += usize::try_from(count).map_err(|_| unreadable())? + 2;
                }
            }
            b'*' | b'~' | b'>' => wanted += number(rest)?.unwrap_or(0),
            b'%' => wanted += 2 * number(rest)?.unwrap_or(0),
            // Attributes stand before what they belong to.
            b'|' => wanted += 2 * number(rest)?.unwrap_or(0) + 1,
            _ => return Err(unreadable()),
        }
        if at > bytes.len() {
            return Ok(None);
        }
    }
    Ok(Some(at))
}

/// From there to the next line end, without it.
fn line(bytes: &[u8], at: usize) -> Option<&[u8]> {
    let rest = bytes.get(at..)?;
    let end = rest.windows(2).position(|pair| pair == b"\r\n")?;
    rest.get(..end)
}

/// None if it is negative.
fn number(digits: &[u8]) -> io::Result<Option<u64>> {
    let text = std::str::from_utf8(digits).map_err(|_| unreadable())?;
    let number: i64 = text.parse().map_err(|_| unreadable())?;
    Ok(u64::try_from(number).ok())
}

fn unreadable() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "this is no RESP")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b">3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$4\r\n>\r\n1\r\n";
    const STREAM: [&[u8]; 6] = [
        b"+OK\r\n",
        MESSAGE,
        b"*3\r\n$-1\r\n%1\r\n+a\r\n:1\r\n$0\r\n\r\n",
        b">3\r\n$10\r\nssubscribe\r\n$8\r\nsmessage\r\n:1\r\n",
        b"|1\r\n+ttl\r\n:3\r\n_\r\n",
        b"=7\r\ntxt:a\r\n\r\n",
    ];

    #[test]
    fn frames_are_found_wherever_the_stream_is_cut() {
        let stream = STREAM.concat();
        for size in 1..=stream.len() {
            let mut frames = Frames::default();
            let mut found = Vec::new();
            for part in stream.chunks(size) {
                frames.add(part);
                while let Some(frame) = frames.next().unwrap() {
                    found.push((frame.bytes().to_vec(), frame.is_message()));
                }
            }
            let expected = STREAM.map(|frame| (frame.to_vec(), frame == MESSAGE));
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[test]
    fn what_is_no_resp_is_an_error() {
        let mut frames = Frames::default();
        frames.add(b"hello\r\n");
        assert!(frames.next().is_err());
    }
}
