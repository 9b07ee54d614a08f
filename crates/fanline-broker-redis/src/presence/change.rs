//! Changes of members, as the library numbers them and followers hear them. Between nodes, so golden: another
//! form takes another version.

use std::sync::Arc;

use bytes::{Buf, Bytes};
use fanline_broker::{PresenceChange, PresenceRevision};
use fanline_model::Epoch;

use super::entry;

/// What a change begins with on a shard channel. A message begins with its weight, whose first byte is small.
const MARK: u8 = 0xF0;
const VERSION: u8 = 1;

/// Reads a change. `None`: this is something else, or of a version that this node does not know.
pub(crate) fn decode(payload: Bytes) -> Option<PresenceChange> {
    let mut rest = payload;
    if rest.try_get_u8().ok()? != MARK || rest.try_get_u8().ok()? != VERSION {
        return None;
    }
    let kind = rest.try_get_u8().ok()?;
    let revision = PresenceRevision {
        epoch: Epoch::from_u64(rest.try_get_u64().ok()?),
        number: rest.try_get_u64().ok()?,
    };
    let entry = Arc::new(entry::read(&mut rest).filter(|_| rest.is_empty())?);
    Some(match kind {
        b'J' | b'E' => PresenceChange::Entered {
            entry,
            first: kind == b'J',
            revision,
        },
        b'U' => PresenceChange::Updated { entry, revision },
        b'P' | b'L' => PresenceChange::Left {
            entry,
            last: kind == b'P',
            revision,
        },
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_broker::{Entry, envelope};
    use fanline_model::{ConnectionId, UserId};

    use super::*;

    fn golden(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0xF0, 1, kind];
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 9]);
        bytes.extend([0, 0, 0, 0, 0, 0, 1, 2]);
        bytes.extend([0, 20]);
        bytes.extend(b"ada\0");
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 3]);
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 4]);
        bytes.extend(b"+\0\0\0\x02{}-");
        bytes
    }

    fn expected() -> (Arc<Entry>, PresenceRevision) {
        let entry = Entry {
            member: UserId::parse("ada").unwrap(),
            connection: ConnectionId::from_parts(3, 4),
            info: Some(Bytes::from_static(b"{}")),
            data: None,
        };
        let revision = PresenceRevision {
            epoch: Epoch::from_u64(9),
            number: 258,
        };
        (Arc::new(entry), revision)
    }

    #[test]
    fn each_kind_reads_as_its_change() {
        let entered = |first| {
            let (entry, revision) = expected();
            PresenceChange::Entered {
                entry,
                first,
                revision,
            }
        };
        let left = |last| {
            let (entry, revision) = expected();
            PresenceChange::Left {
                entry,
                last,
                revision,
            }
        };
        let (entry, revision) = expected();
        let updated = PresenceChange::Updated { entry, revision };
        for (kind, change) in [
            (b'J', entered(true)),
            (b'E', entered(false)),
            (b'U', updated),
            (b'P', left(true)),
            (b'L', left(false)),
        ] {
            assert_eq!(decode(golden(kind).into()), Some(change));
        }
    }

    #[test]
    fn what_is_cut_short_or_too_long_or_of_another_version_is_no_change() {
        let whole = golden(b'J');
        for length in 0..whole.len() {
            let cut = Bytes::copy_from_slice(&whole[..length]);
            assert_eq!(decode(cut), None, "{length}");
        }
        for (at, byte) in [(0, 1), (1, 2), (2, b'X')] {
            let mut other = whole.clone();
            other[at] = byte;
            assert_eq!(decode(other.into()), None);
        }
        assert_eq!(decode([whole, vec![0]].concat().into()), None);
    }

    #[test]
    fn no_change_of_a_byte_breaks_the_reader() {
        let whole = golden(b'E');
        for at in 0..whole.len() {
            for byte in 0..=u8::MAX {
                let mut other = whole.clone();
                other[at] = byte;
                let _ = decode(other.into());
            }
        }
    }

    #[test]
    fn a_change_is_no_envelope() {
        assert!(envelope::decode(golden(b'J').into()).is_err());
    }
}
