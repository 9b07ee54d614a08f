//! One publisher: a kept-alive HTTP connection that may ask before it is answered (RFC 9112, 9.3.2).

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use anyhow::{Context, Result, bail};

use super::{Stamp, response, socket};

/// The answer to the oldest request in flight.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) stamp: Stamp,
    /// When the request was written.
    pub(crate) asked: u64,
    pub(crate) status: u16,
    pub(crate) body: String,
}

#[derive(Debug)]
pub(crate) struct Publisher<S> {
    stream: S,
    /// What was asked and when, the oldest first: answers come in that order.
    in_flight: VecDeque<(Stamp, u64)>,
    partial: Vec<u8>,
    unsent: Vec<u8>,
}

impl<S: Read + Write> Publisher<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self {
            stream,
            in_flight: VecDeque::new(),
            partial: Vec::new(),
            unsent: Vec::new(),
        }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Queues a request for the next [`Self::flush`].
    pub(crate) fn send(&mut self, stamp: Stamp, now: u64, request: &[u8]) {
        self.in_flight.push_back((stamp, now));
        self.unsent.extend_from_slice(request);
    }

    /// Writes what the socket takes.
    pub(crate) fn flush(&mut self) -> Result<()> {
        socket::write_some(&mut self.stream, &mut self.unsent)
            .context("a publisher could not write")
    }

    /// How many answers are still to come.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Reads what is there and hands over every answer that is whole.
    pub(crate) fn readable(
        &mut self,
        scratch: &mut [u8],
        on: &mut impl FnMut(Answer) -> Result<()>,
    ) -> Result<()> {
        loop {
            match self.stream.read(scratch) {
                Ok(0) => bail!("the server closed a publisher's connection"),
                Ok(count) => {
                    self.partial.extend_from_slice(&scratch[..count]);
                    if count < scratch.len() {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("a publisher could not read"),
            }
        }
        while let Some(answer) = self.answer()? {
            on(answer)?;
        }
        Ok(())
    }

    fn answer(&mut self) -> Result<Option<Answer>> {
        let (status, body, length) = match response::parse(&self.partial) {
            response::Parsed::Incomplete => return Ok(None),
            response::Parsed::Invalid(why) => bail!("a publisher was answered with {why}"),
            response::Parsed::Response {
                status,
                body,
                length,
            } => {
                let refused = !(200..300).contains(&status);
                let body = if refused {
                    String::from_utf8_lossy(body).into_owned()
                } else {
                    String::new()
                };
                (status, body, length)
            }
        };
        self.partial.drain(..length);
        let (stamp, asked) = self
            .in_flight
            .pop_front()
            .context("an answer that nobody asked for")?;
        Ok(Some(Answer {
            stamp,
            asked,
            status,
            body,
        }))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::super::script::Script;
    use super::*;

    fn stamp(number: u32) -> Stamp {
        Stamp {
            stream: 0,
            number,
            sent: 0,
        }
    }

    #[test]
    fn answers_belong_to_requests_in_their_order_wherever_they_are_cut() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\
            HTTP/1.1 429 Too Many\r\nContent-Length: 4\r\n\r\nslow";
        for cut in 1..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let mut publisher = Publisher::new(Script::giving(&[first, second]));
            publisher.send(stamp(7), 70, b"POST 7");
            publisher.send(stamp(8), 80, b"POST 8");
            publisher.flush().unwrap();
            assert_eq!(publisher.stream.taken, b"POST 7POST 8");
            let mut answers = Vec::new();
            for _ in 0..2 {
                let mut on = |answer: Answer| {
                    answers.push((
                        answer.stamp.number,
                        answer.asked,
                        answer.status,
                        answer.body,
                    ));
                    Ok(())
                };
                publisher.readable(&mut [0; 4_096], &mut on).unwrap();
            }
            let expected = [(7, 70, 200, String::new()), (8, 80, 429, "slow".to_owned())];
            assert_eq!(answers, expected, "cut at {cut}");
            assert_eq!(publisher.in_flight(), 0);
        }
    }

    #[test]
    fn an_answer_nobody_asked_for_ends_the_run() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        let mut publisher = Publisher::new(Script::giving(&[bytes]));
        assert!(publisher.readable(&mut [0; 64], &mut |_| Ok(())).is_err());
    }
}
