//! What one node knows of the cluster: its answer to `CLUSTER NODES`.

use std::ops::RangeInclusive;

use anyhow::{Context as _, Result};

/// The cluster as one node sees it.
#[derive(Debug)]
pub(super) struct View(Vec<Seen>);

/// A node as another one, or itself, sees it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) id: String,
    /// The id of its primary, if it is a replica.
    pub(super) follows: Option<String>,
    /// The number of the election that gave it, or its primary, its slots.
    pub(super) config_epoch: u64,
    pub(super) slots: Vec<RangeInclusive<u16>>,
    /// Whether it is known well, connected, and not suspected of having failed.
    pub(super) is_well: bool,
    is_own: bool,
}

impl View {
    pub(super) fn read(lines: &str) -> Result<Self> {
        lines
            .lines()
            .map(|line| Seen::read(line).with_context(|| format!("not a node: {line}")))
            .collect::<Result<_>>()
            .map(Self)
    }

    pub(super) fn nodes(&self) -> &[Seen] {
        &self.0
    }

    /// What the node says of itself.
    pub(super) fn own(&self) -> Result<&Seen> {
        self.0
            .iter()
            .find(|seen| seen.is_own)
            .context("a node does not know itself")
    }

    /// The id of the node that serves a slot.
    pub(super) fn owner_of(&self, slot: u16) -> Option<&str> {
        let owner = self.0.iter().find(|seen| seen.serves(slot))?;
        Some(&owner.id)
    }
}

impl Seen {
    /// `id address flags primary ping pong config-epoch link slot…`, a slot on the move in brackets.
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_ascii_whitespace();
        let id = words.next()?.to_owned();
        let flags: Vec<&str> = words.nth(1)?.split(',').collect();
        let follows = words.next().filter(|primary| *primary != "-");
        let config_epoch = words.nth(2)?.parse().ok()?;
        let is_connected = words.next()? == "connected";
        let is_doubted = flags
            .iter()
            .any(|flag| matches!(*flag, "fail" | "fail?" | "handshake" | "noaddr"));
        Some(Self {
            id,
            follows: follows.map(str::to_owned),
            config_epoch,
            slots: words
                .filter(|word| !word.starts_with('['))
                .map(range)
                .collect::<Option<_>>()?,
            is_well: is_connected && !is_doubted,
            is_own: flags.contains(&"myself"),
        })
    }

    pub(super) fn serves(&self, slot: u16) -> bool {
        self.slots.iter().any(|range| range.contains(&slot))
    }
}

/// `first-last`, or one slot.
fn range(word: &str) -> Option<RangeInclusive<u16>> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const LINES: &str = "\
        aa 127.0.0.1:7000@17000 myself,master - 0 1426238317239 4 connected 0-5 9 [7->-bb]\n\
        bb 127.0.0.1:7001@17001,host master,fail? - 0 1426238316232 2 connected 6-8\n\
        cc 127.0.0.1:7002@17002 slave aa 0 1426238317741 4 disconnected\n";

    #[test]
    fn a_view_tells_roles_slots_and_doubts() {
        let view = View::read(LINES).unwrap();
        let own = view.own().unwrap();
        assert_eq!(
            (own.id.as_str(), own.config_epoch, own.is_well),
            ("aa", 4, true)
        );
        assert_eq!(view.owner_of(9), Some("aa"));
        assert_eq!(view.owner_of(7), Some("bb"));
        assert_eq!(view.owner_of(10), None);
        let [_, suspected, replica] = view.nodes() else {
            unreachable!("three lines")
        };
        assert!(!suspected.is_well && !replica.is_well);
        assert_eq!(replica.follows.as_deref(), Some("aa"));
    }

    #[test]
    fn a_line_that_is_no_node_is_an_error() {
        assert!(View::read("aa 127.0.0.1:7000@17000").is_err());
    }
}
