//! Entries as bytes: their names, which order them, and what they hold. `presence.lua` says the forms.

use bytes::{Buf, Bytes};
use fanline_broker::Entry;
use fanline_model::{ConnectionId, UserId};

const NONE: u8 = b'-';
const SOME: u8 = b'+';
/// Between member and connection. No user id holds it, and it sorts before whatever one may hold.
const END: u8 = 0;
const CONNECTION: usize = 16;

/// The name of an entry. Names sort as (member, connection) does.
pub(crate) fn name(member: &UserId, connection: ConnectionId) -> Bytes {
    let member = member.as_str().as_bytes();
    let (left, right) = connection.to_parts();
    let mut name = Vec::with_capacity(member.len() + 1 + CONNECTION);
    name.extend(member);
    name.push(END);
    name.extend(left.to_be_bytes());
    name.extend(right.to_be_bytes());
    name.into()
}

/// What an entry holds.
pub(crate) fn content(entry: &Entry) -> Bytes {
    let mut content = optional(entry.info.as_ref());
    content.extend(optional(entry.data.as_ref()));
    content.into()
}

/// A client's own word as it stands in a content.
pub(crate) fn data(data: Option<&Bytes>) -> Bytes {
    optional(data).into()
}

/// Reads an entry: length of the name, name, content. It shares the input, whose rest stays.
pub(crate) fn read(input: &mut Bytes) -> Option<Entry> {
    let length = usize::from(input.try_get_u16().ok()?);
    let (member, connection) = read_name(&take(input, length)?)?;
    Some(Entry {
        member,
        connection,
        info: read_optional(input)?,
        data: read_optional(input)?,
    })
}

fn read_name(name: &[u8]) -> Option<(UserId, ConnectionId)> {
    let (member, connection) = name.split_at_checked(name.len().checked_sub(CONNECTION)?)?;
    let member = std::str::from_utf8(member.strip_suffix(&[END])?).ok()?;
    let (left, right) = connection.split_first_chunk()?;
    let connection = ConnectionId::from_parts(
        u64::from_be_bytes(*left),
        u64::from_be_bytes(right.try_into().ok()?),
    );
    Some((UserId::parse(member).ok()?, connection))
}

fn optional(value: Option<&Bytes>) -> Vec<u8> {
    // More than four gigabytes are nothing that a session could have taken.
    let sized = value.and_then(|value| Some((value, u32::try_from(value.len()).ok()?)));
    let Some((value, length)) = sized else {
        return vec![NONE];
    };
    let mut bytes = Vec::with_capacity(5 + value.len());
    bytes.push(SOME);
    bytes.extend(length.to_be_bytes());
    bytes.extend(value);
    bytes
}

fn read_optional(input: &mut Bytes) -> Option<Option<Bytes>> {
    match input.try_get_u8().ok()? {
        NONE => Some(None),
        SOME => {
            let length = usize::try_from(input.try_get_u32().ok()?).ok()?;
            take(input, length).map(Some)
        }
        _ => None,
    }
}

fn take(input: &mut Bytes, count: usize) -> Option<Bytes> {
    (count <= input.len()).then(|| input.split_to(count))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn names_sort_as_member_and_connection_do() {
        let mut keys = Vec::new();
        for member in ["a", "ab", "b", "b ", "é", "z|1"] {
            for (left, right) in [(0, 0), (0, 1), (1, 0), (255, 3), (256, 2), (u64::MAX, 7)] {
                let member = UserId::parse(member).unwrap();
                keys.push((member, ConnectionId::from_parts(left, right)));
            }
        }
        let mut by_name = keys.clone();
        keys.sort();
        by_name.sort_by_key(|(member, connection)| name(member, *connection));
        assert_eq!(by_name, keys);
    }
}
