//! Channel patterns, as capabilities and scopes use them.

use std::fmt;
use std::sync::Arc;

use crate::channel::Channel;

/// An exact channel text, or a prefix followed by one `*` at the end.
///
/// `*` never matches a leading `#` (TENANCY 5), so that `*` alone covers no user channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelPattern {
    text: Arc<str>,
    prefix: bool,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Nothing to match.
    #[error("a channel pattern needs at least one character")]
    Empty,
    /// A `*` before the end.
    #[error("in a channel pattern * may stand only at the end: {0:?}")]
    StarInside(String),
    /// Longer than any channel.
    #[error("a channel pattern has at most 206 bytes, this one has {0}")]
    TooLong(usize),
}

impl ChannelPattern {
    /// Checks a pattern.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let (body, prefix) = match text.strip_suffix('*') {
            Some(body) => (body, true),
            None => (text, false),
        };
        if text.is_empty() {
            Err(InvalidPattern::Empty)
        } else if body.contains('*') {
            Err(InvalidPattern::StarInside(text.to_owned()))
        } else if text.len() > 206 {
            Err(InvalidPattern::TooLong(text.len()))
        } else {
            Ok(Self {
                text: body.into(),
                prefix,
            })
        }
    }

    /// Whether the pattern covers the channel.
    pub fn matches(&self, channel: &Channel) -> bool {
        match channel {
            Channel::Named(name) if self.prefix => name.as_str().starts_with(&*self.text),
            Channel::Named(name) => name.as_str() == &*self.text,
            Channel::User(_) => !self.prefix && channel.to_string() == *self.text,
        }
    }

    /// Whether everything that `other` covers is covered by this pattern too.
    pub fn covers(&self, other: &Self) -> bool {
        if other.text.starts_with('#') {
            return !self.prefix && self == other;
        }
        if self.prefix {
            other.text.starts_with(&*self.text)
        } else {
            self == other
        }
    }
}

impl fmt::Display for ChannelPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.text, if self.prefix { "*" } else { "" })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_every_named_channel_and_no_user_channel() {
        let all = ChannelPattern::parse("*").unwrap();
        assert!(all.matches(&Channel::parse("private-a").unwrap()));
        assert!(!all.matches(&Channel::parse("#user:5").unwrap()));
        assert!(
            !ChannelPattern::parse("#*")
                .unwrap()
                .matches(&Channel::parse("#user:5").unwrap())
        );
        assert!(
            ChannelPattern::parse("#user:5")
                .unwrap()
                .matches(&Channel::parse("#user:5").unwrap())
        );
    }

    #[test]
    fn covering_is_by_prefix_and_never_widens() {
        let p = |text: &str| ChannelPattern::parse(text).unwrap();
        assert!(p("a*").covers(&p("ab*")) && p("a*").covers(&p("a")) && p("*").covers(&p("x")));
        assert!(
            !p("ab*").covers(&p("a*")) && !p("a").covers(&p("a*")) && !p("*").covers(&p("#user:5"))
        );
    }

    #[test]
    fn a_star_inside_is_refused() {
        assert!(matches!(
            ChannelPattern::parse("a*b"),
            Err(InvalidPattern::StarInside(_))
        ));
    }
}
