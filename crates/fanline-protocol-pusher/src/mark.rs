//! What this protocol remembers of a command until it is answered, in the command's own tag.

use fanline_protocol::Tag;

/// Separates the texts of a tag. A client that puts it into them spoils its own error message.
const SEPARATOR: char = '\n';

const CLIENT_EVENT: &str = "e";
const SUBSCRIPTION: &str = "s";

/// What a command was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark<'a> {
    /// A client event.
    ClientEvent,
    /// A subscription without a signature.
    Subscription,
    /// A subscription with one.
    Signed {
        /// The `auth` as received: `key:signature`.
        auth: &'a str,
        /// What should have been signed.
        text: &'a str,
    },
}

impl<'a> Mark<'a> {
    /// The tag that carries it.
    pub(crate) fn to_tag(self) -> Tag {
        Some(match self {
            Self::ClientEvent => CLIENT_EVENT.into(),
            Self::Subscription => SUBSCRIPTION.into(),
            Self::Signed { auth, text } => format!("{SUBSCRIPTION}{auth}{SEPARATOR}{text}").into(),
        })
    }

    /// Reads it back.
    pub(crate) fn of(tag: &'a Tag) -> Option<Self> {
        let tag = tag.as_deref()?;
        if tag == CLIENT_EVENT {
            return Some(Self::ClientEvent);
        }
        let rest = tag.strip_prefix(SUBSCRIPTION)?;
        Some(match rest.split_once(SEPARATOR) {
            Some((auth, text)) => Self::Signed { auth, text },
            None => Self::Subscription,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_reads_back_from_its_tag() {
        let signed = Mark::Signed {
            auth: "key:00ff",
            text: "1.2:private-a:{\"user_id\":\"7\"}",
        };
        for mark in [Mark::ClientEvent, Mark::Subscription, signed] {
            assert_eq!(Mark::of(&mark.to_tag()), Some(mark));
        }
        assert_eq!(Mark::of(&None), None);
    }
}
