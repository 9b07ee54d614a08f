//! A signal as bytes between nodes. Golden files in `fixtures/signals`.
//!
//! ```text
//! version        1 byte, now 1
//! installation   16 bytes
//! sender         length (1 byte), ASCII
//! boot           8 bytes
//! counter        8 bytes, from 1, one more with every signal of that boot
//! time           8 bytes of milliseconds, by the sender's clock
//! key            4 bytes: the version of the key
//! kind           1 byte
//! body           length (2 bytes), bytes
//! MAC            32 bytes: HMAC-SHA-256 over everything before it
//! ```
//!
//! All numbers are unsigned and big endian. Another layout takes another version, and a reader of version N reads
//! N-1 too; a new kind, or more at the end of a body, does not. Nothing here decides whom to believe.

use fanline_broker::BootId;
use fanline_model::{NodeId, Timestamp};

use super::identity::{InstallationId, MAC_BYTES, SignalSender};

/// The version that is written.
const VERSION: u8 = 1;

/// What stands in an envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Envelope<'a> {
    pub(super) installation: InstallationId,
    pub(super) sender: NodeId,
    pub(super) boot: BootId,
    pub(super) counter: u64,
    pub(super) time: Timestamp,
    pub(super) key_version: u32,
    pub(super) kind: u8,
    pub(super) body: &'a [u8],
    /// What the MAC is over.
    pub(super) signed: &'a [u8],
    pub(super) mac: &'a [u8; MAC_BYTES],
}

/// Writes and signs.
pub(super) fn write(
    sender: &SignalSender,
    counter: u64,
    time: Timestamp,
    (kind, body): (u8, &[u8]),
) -> Vec<u8> {
    let node = sender.node.as_str().as_bytes();
    let mut bytes = vec![VERSION];
    bytes.extend(sender.installation.0);
    // An id has at most 64 characters, and no body comes near its bound.
    bytes.push(u8::try_from(node.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(node);
    bytes.extend(sender.boot.as_u64().to_be_bytes());
    bytes.extend(counter.to_be_bytes());
    bytes.extend(time.as_millis().to_be_bytes());
    bytes.extend(sender.key.version().to_be_bytes());
    bytes.push(kind);
    bytes.extend(u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes());
    bytes.extend_from_slice(body);
    let mac = sender.key.sign(&bytes);
    bytes.extend(mac);
    bytes
}

/// `None` if the bytes are no envelope of a version that this reader knows.
pub(super) fn read(bytes: &[u8]) -> Option<Envelope<'_>> {
    let (signed, mac) = bytes.split_last_chunk()?;
    let mut rest = Rest(signed);
    let [version] = rest.take()?;
    if version != VERSION {
        return None;
    }
    let installation = InstallationId(rest.take()?);
    let [length] = rest.take()?;
    let sender = std::str::from_utf8(rest.slice(length.into())?).ok()?;
    let envelope = Envelope {
        installation,
        sender: NodeId::parse(sender).ok()?,
        boot: BootId::from_u64(u64::from_be_bytes(rest.take()?)),
        counter: u64::from_be_bytes(rest.take()?),
        time: Timestamp::from_millis(u64::from_be_bytes(rest.take()?)),
        key_version: u32::from_be_bytes(rest.take()?),
        kind: u8::from_be_bytes(rest.take()?),
        body: {
            let length = u16::from_be_bytes(rest.take()?);
            rest.slice(length.into())?
        },
        signed,
        mac,
    };
    rest.0.is_empty().then_some(envelope)
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
