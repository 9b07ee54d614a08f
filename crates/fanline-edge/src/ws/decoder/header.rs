//! The header of a frame from a client (RFC 6455, 5.2).

use fastwebsockets::OpCode;

use super::DecodeError;

/// The most bytes that a client's header can have: two, a 64-bit length, a mask.
pub(super) const MAX_SIZE: usize = 14;

const MAX_CONTROL: u8 = 125;
const LENGTH_IN_16_BITS: u8 = 126;
const LENGTH_IN_64_BITS: u8 = 127;

/// A checked header, and how much of its payload has yet to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) opcode: OpCode,
    pub(super) fin: bool,
    /// Turned as the payload arrives, so that its first byte belongs to the next byte to come.
    pub(super) mask: [u8; 4],
    pub(super) remaining: usize,
}

impl Header {
    /// Reads a header from the front of `bytes`, with its size; `None` if it has not arrived yet.
    ///
    /// `unfinished` is the length so far of a message whose last fragment has not come. Each field
    /// is judged as soon as it is there, in the order of the wire, so that a broken frame is
    /// refused with the same words however its bytes arrive.
    #[inline]
    pub(super) fn parse(
        bytes: &[u8],
        unfinished: Option<usize>,
        limit: usize,
    ) -> Result<Option<(Self, usize)>, DecodeError> {
        let Some(&first) = bytes.first() else {
            return Ok(None);
        };
        let (opcode, fin) = opcode(first, unfinished.is_some())?;

        let Some(&second) = bytes.get(1) else {
            return Ok(None);
        };
        let short = second & 0x7F;
        if second & 0x80 == 0 {
            return Err(DecodeError::Unmasked);
        }
        if is_control(opcode) && short > MAX_CONTROL {
            return Err(DecodeError::ControlTooLong);
        }

        let Some((length, size)) = length(bytes, short)? else {
            return Ok(None);
        };
        // A message never exceeds its limit, unless the limit was lowered while it arrived.
        let room = limit.saturating_sub(unfinished.unwrap_or(0));
        let remaining = match usize::try_from(length) {
            Ok(length) if length <= room || is_control(opcode) => length,
            _ => return Err(DecodeError::TooBig { limit }),
        };

        let Some(&mask) = bytes[size..].first_chunk() else {
            return Ok(None);
        };
        let header = Self {
            opcode,
            fin,
            mask,
            remaining,
        };
        Ok(Some((header, size + mask.len())))
    }
}

pub(super) const fn is_control(opcode: OpCode) -> bool {
    matches!(opcode, OpCode::Close | OpCode::Ping | OpCode::Pong)
}

/// Reads the first byte: FIN, three reserved bits, the opcode.
#[inline]
fn opcode(first: u8, in_message: bool) -> Result<(OpCode, bool), DecodeError> {
    if first & 0x70 != 0 {
        return Err(DecodeError::ReservedBits);
    }
    let fin = first & 0x80 != 0;
    let opcode = OpCode::try_from(first & 0x0F).map_err(|_| DecodeError::Opcode(first & 0x0F))?;
    match opcode {
        OpCode::Text | OpCode::Binary if in_message => Err(DecodeError::MessageInterrupted),
        OpCode::Continuation if !in_message => Err(DecodeError::UnexpectedContinuation),
        OpCode::Close | OpCode::Ping | OpCode::Pong if !fin => Err(DecodeError::ControlFragmented),
        _ => Ok((opcode, fin)),
    }
}

/// Reads the length, with the offset of what follows it.
#[inline]
fn length(bytes: &[u8], short: u8) -> Result<Option<(u64, usize)>, DecodeError> {
    let (length, size, least) = match short {
        LENGTH_IN_16_BITS => match bytes[2..].first_chunk() {
            Some(&length) => (u64::from(u16::from_be_bytes(length)), 4, 126),
            None => return Ok(None),
        },
        LENGTH_IN_64_BITS => match bytes[2..].first_chunk() {
            Some(&length) => (u64::from_be_bytes(length), 10, 65_536),
            None => return Ok(None),
        },
        short => (u64::from(short), 2, 0),
    };
    if length < least {
        return Err(DecodeError::LengthNotMinimal);
    }
    if length >> 63 != 0 {
        return Err(DecodeError::LengthOutOfRange);
    }
    Ok(Some((length, size)))
}
