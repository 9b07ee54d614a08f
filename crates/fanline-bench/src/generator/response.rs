//! The answers of an HTTP/1.1 server, as far as a client needs that sends one request at a time.

/// The first response of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Response {
        status: u16,
        body: &'a [u8],
        /// How long the response is, its head included.
        length: usize,
    },
    /// More bytes are needed.
    Incomplete,
    /// No response that this client understands.
    Invalid(&'static str),
}

/// Reads the first response. A body without a `Content-Length` is refused, but for an upgrade,
/// which has none.
pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        return Parsed::Incomplete;
    };
    let Ok(head) = std::str::from_utf8(&bytes[..end]) else {
        return Parsed::Invalid("the head of a response is no text");
    };
    let Some(status) = status_of(head) else {
        return Parsed::Invalid("no HTTP/1.1 status line");
    };
    let announced = match (content_length(head), status) {
        (Some(length), _) => length,
        (None, 101 | 204 | 304) => 0,
        (None, _) => return Parsed::Invalid("a response without Content-Length"),
    };
    let body_at = end + 4;
    match bytes.get(body_at..body_at.saturating_add(announced)) {
        Some(body) => Parsed::Response {
            status,
            body,
            length: body_at + announced,
        },
        None => Parsed::Incomplete,
    }
}

fn status_of(head: &str) -> Option<u16> {
    head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()
}

fn content_length(head: &str) -> Option<usize> {
    head.lines().skip(1).find_map(|line| {
        let (name, value) = line.split_once(':')?;
        if !name.eq_ignore_ascii_case("content-length") {
            return None;
        }
        value.trim().parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_ends_where_its_length_says() {
        let bytes = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200";
        let length = bytes.len() - b"HTTP/1.1 200".len();
        assert_eq!(
            parse(bytes),
            Parsed::Response {
                status: 201,
                body: b"{}",
                length
            }
        );
    }

    #[test]
    fn an_upgrade_ends_with_its_head() {
        let bytes = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00";
        let length = bytes.len() - 2;
        assert_eq!(
            parse(bytes),
            Parsed::Response {
                status: 101,
                body: b"",
                length
            }
        );
    }

    #[test]
    fn a_response_cut_anywhere_is_incomplete() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        for end in 0..bytes.len() {
            assert_eq!(parse(&bytes[..end]), Parsed::Incomplete, "cut at {end}");
        }
    }

    #[test]
    fn what_cannot_be_delimited_is_refused() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"[..],
            b"SSH-2.0-x\r\n\r\n",
            b"HTTP/1.1 xyz\r\n\r\n",
            b"\xff\xff\r\n\r\n",
        ] {
            assert!(matches!(parse(bytes), Parsed::Invalid(_)));
        }
    }
}
