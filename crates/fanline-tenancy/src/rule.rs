//! Namespaces: rules for the channels whose name begins with a prefix.

use std::time::Duration;

use fanline_model::{Channel, History, Retention, StateRule};

/// Whether a channel asks for a credential beyond the app's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody with the app key may subscribe.
    Open,
    /// A capability or a channel signature is needed.
    Token,
}

/// What happens to a subscriber that reads slower than messages come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SlowConsumer {
    /// The connection is closed; it resumes where it was.
    #[default]
    Disconnect,
    /// The oldest waiting messages go, with a `skipped`.
    DropOldest,
    /// Of the waiting messages with one key only the newest stays, with a `skipped`.
    Conflate,
}

/// One rule row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamespaceRule {
    /// What the names begin with; empty for every other channel.
    pub prefix: String,
    /// Who may subscribe.
    pub access: Access,
    /// What the channel keeps, and for how long.
    pub retention: Retention,
    /// What happens to slow readers.
    pub slow_consumer: SlowConsumer,
    /// Whether the row came with a preset, so that a refusal or a welcome can say so.
    pub preset: bool,
}

/// The rules of one app; the longest prefix wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleTable {
    /// Longest prefix first; the last one is the empty prefix.
    rules: Vec<NamespaceRule>,
}

// === impl NamespaceRule ===

impl NamespaceRule {
    /// A row with the defaults of the house: token access, two minutes of replay.
    pub fn new(prefix: impl Into<String>, access: Access) -> Self {
        Self {
            prefix: prefix.into(),
            access,
            retention: Retention {
                history: Some(History::default()),
                ..Retention::default()
            },
            slow_consumer: SlowConsumer::Disconnect,
            preset: false,
        }
    }
}

// === impl RuleTable ===

impl RuleTable {
    /// A table of these rows. A missing empty prefix is `token` with defaults.
    pub fn new(mut rules: Vec<NamespaceRule>) -> Self {
        if !rules.iter().any(|rule| rule.prefix.is_empty()) {
            rules.push(NamespaceRule::new("", Access::Token));
        }
        rules.sort_by(|a, b| {
            b.prefix
                .len()
                .cmp(&a.prefix.len())
                .then_with(|| a.prefix.cmp(&b.prefix))
        });
        Self { rules }
    }

    /// The rows every app is born with (DESIGN, "Words"). With the preset for Pusher users the empty
    /// prefix and `cache-` are open.
    pub fn born(preset_for_pusher: bool) -> Self {
        let state = Some(StateRule {
            ttl: Duration::from_secs(1800),
            keys: 1_000,
        });
        let open = if preset_for_pusher {
            Access::Open
        } else {
            Access::Token
        };
        let row = |prefix: &str, access: Access, state| NamespaceRule {
            retention: Retention {
                state,
                ..Retention::default()
            },
            preset: preset_for_pusher && access == Access::Open,
            ..NamespaceRule::new(prefix, access)
        };
        Self::new(vec![
            row("", open, None),
            row("cache-", open, state),
            row("private-", Access::Token, None),
            row("private-cache-", Access::Token, state),
            row("private-encrypted-cache-", Access::Token, state),
            row("presence-", Access::Token, None),
            row("presence-cache-", Access::Token, state),
        ])
    }

    /// The rule of a channel. User channels follow the empty prefix (their access is the user's own).
    pub fn of(&self, channel: &Channel) -> &NamespaceRule {
        let name = channel.name().map_or("", |name| name.as_str());
        // The table always holds the empty prefix, last; `new` sees to it.
        let last = self.rules.len() - 1;
        self.rules
            .iter()
            .find(|rule| name.starts_with(&rule.prefix))
            .unwrap_or(&self.rules[last])
    }

    /// Every row, longest prefix first.
    pub fn rows(&self) -> &[NamespaceRule] {
        &self.rules
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_longest_prefix_wins_and_the_empty_one_catches_the_rest() {
        let mut rules = RuleTable::born(true).rows().to_vec();
        rules.push(NamespaceRule::new("orders.", Access::Token));
        let table = RuleTable::new(rules);
        let prefix = |name: &str| table.of(&Channel::parse(name).unwrap()).prefix.clone();
        assert_eq!(prefix("orders.7"), "orders.");
        assert_eq!(prefix("private-cache-x"), "private-cache-");
        assert_eq!(prefix("anything"), "");
        assert_eq!(
            RuleTable::new(vec![])
                .of(&Channel::parse("x").unwrap())
                .access,
            Access::Token
        );
    }

    #[test]
    fn only_the_preset_opens_what_a_born_app_has() {
        let open = |preset| -> Vec<String> {
            let table = RuleTable::born(preset);
            table
                .rows()
                .iter()
                .filter(|r| r.access == Access::Open)
                .map(|r| r.prefix.clone())
                .collect()
        };
        assert_eq!(open(true), ["cache-", ""]);
        assert!(open(false).is_empty());
    }
}
