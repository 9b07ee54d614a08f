//! Which of the cluster's slots a key falls into.

use crc::{CRC_16_XMODEM, Crc};

use crate::topology::SLOTS;

const CHECKSUM: Crc<u16> = Crc::<u16>::new(&CRC_16_XMODEM);

/// The slot of a key, or of a shard channel: only the text between the first `{` and the `}` after it
/// counts, if there is any.
pub(crate) fn slot(key: &[u8]) -> u16 {
    CHECKSUM.checksum(tag(key).unwrap_or(key)) % SLOTS
}

fn tag(key: &[u8]) -> Option<&[u8]> {
    let open = key.iter().position(|byte| *byte == b'{')?;
    let inside = key.get(open + 1..)?;
    let close = inside.iter().position(|byte| *byte == b'}')?;
    inside.get(..close).filter(|tag| !tag.is_empty())
}

#[cfg(test)]
mod tests {
    use super::slot;

    /// The expected numbers are what `CLUSTER KEYSLOT` of Redis 7.0.15 answers.
    #[test]
    fn a_key_falls_into_the_slot_that_redis_names() {
        for (key, expected) in [
            ("", 0),
            ("foo", 12_182),
            ("123456789", 12_739),
            ("{user1000}.following", 3_443),
            ("{user1000}.followers", 3_443),
            ("foo{}{bar}", 8_363),
            ("foo{{bar}}zap", 4_015),
            ("foo{bar}{zap}", 5_061),
            ("foo{bar", 15_278),
            ("{}", 15_257),
        ] {
            assert_eq!(slot(key.as_bytes()), expected, "{key}");
        }
    }
}
