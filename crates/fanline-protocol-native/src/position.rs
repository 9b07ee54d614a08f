//! Positions as clients write them.

use fanline_model::{Epoch, ErrorCode, Position};
use fanline_protocol::Refusal;
use serde::Deserialize;

use crate::input::Whole;

/// `{"epoch": "16 hexadecimal digits", "seq": n}`.
#[derive(Debug, Deserialize)]
pub(crate) struct PositionText {
    epoch: String,
    seq: Whole,
}

// === impl PositionText ===

impl PositionText {
    /// The position, if it has the form of one that a server gave.
    pub(crate) fn read(&self) -> Result<Position, Refusal> {
        position(&self.epoch, self.seq.0)
    }
}

/// Reads `epoch:seq`, as query strings hold it.
pub(crate) fn from_pair(text: &str) -> Result<Position, Refusal> {
    let form = || {
        let sentence =
            "a position in a query has the form epoch:seq, for example 00c0ffee00c0ffee:42";
        Refusal::new(ErrorCode::InvalidPosition, sentence)
    };
    let (epoch, seq) = text.split_once(':').ok_or_else(form)?;
    if !seq.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(form());
    }
    position(epoch, seq.parse().map_err(|_| form())?)
}

fn position(epoch: &str, seq: u64) -> Result<Position, Refusal> {
    let epoch = Epoch::parse(epoch)
        .map_err(|error| Refusal::new(ErrorCode::InvalidPosition, error.to_string()))?;
    if seq > Position::MAX_SEQ {
        let sentence = format!("a seq is at most {}", Position::MAX_SEQ);
        return Err(Refusal::new(ErrorCode::InvalidPosition, sentence));
    }
    Ok(Position::new(epoch, seq))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back_from_its_pair() {
        let position = Position::new(Epoch::from_u64(0xc0ffee), 42);
        assert_eq!(from_pair(&position.to_string()).unwrap(), position);
    }

    #[test]
    fn what_no_server_gave_is_refused() {
        for text in [
            "",
            "42",
            "c0ffee:42",
            "0000000000c0ffee:",
            "0000000000c0ffee:+1",
            "0000000000c0ffee:9007199254740992",
        ] {
            assert_eq!(
                from_pair(text).unwrap_err().code,
                ErrorCode::InvalidPosition,
                "{text}"
            );
        }
    }
}
