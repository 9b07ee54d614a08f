//! Positions: `(epoch, seq)`, and the forks between epochs.

use std::fmt;

/// A random word that names one unbroken numbering of a channel.
///
/// It changes when continuity cannot be proved. Zero is no epoch: it stands in cursors for a channel
/// that keeps no log.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(u64);

/// Where a subscriber stands in a channel: the last message it applied.
///
/// `seq` goes on across a change of epoch; the first message ever has `seq` 1, so 0 is "before all".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The numbering.
    pub epoch: Epoch,
    /// The number within it.
    pub seq: u64,
}

/// The end of an epoch: which one ended, and the last number of it that survived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fork {
    /// The epoch that ended.
    pub epoch: Epoch,
    /// The last seq of it that is still true.
    pub at: u64,
}

/// The forks that led to the present epoch, oldest first; at most four are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage(Vec<Fork>);

/// A text that is no epoch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an epoch is 16 hexadecimal digits, as the server gave it")]
pub struct InvalidEpoch;

// === impl Epoch ===

impl Epoch {
    /// What a cursor says of a channel that keeps no log.
    pub const NONE: Self = Self(0);

    /// An epoch from its 64 bits.
    pub const fn from_u64(bits: u64) -> Self {
        Self(bits)
    }

    /// A fresh one.
    pub fn generate(random: &dyn crate::Random) -> Self {
        loop {
            let bits = random.u64();
            if bits != 0 {
                return Self(bits);
            }
        }
    }

    /// The 64 bits.
    pub const fn as_u64(self) -> u64 {
        self.0
    }

    /// Reads the 16 hexadecimal digits of [`fmt::Display`].
    pub fn parse(text: &str) -> Result<Self, InvalidEpoch> {
        if text.len() != 16 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(InvalidEpoch);
        }
        u64::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidEpoch)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// === impl Position ===

impl Position {
    /// The largest seq: JavaScript counts exactly up to here.
    pub const MAX_SEQ: u64 = (1 << 53) - 1;

    /// A position from its parts.
    pub const fn new(epoch: Epoch, seq: u64) -> Self {
        Self { epoch, seq }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.seq)
    }
}

// === impl Lineage ===

impl Lineage {
    /// How many forks are remembered; what is older is answered as an unknown epoch.
    pub const MAX: usize = 4;

    /// A lineage from its forks, oldest first; only the newest four are kept.
    pub fn new(mut forks: Vec<Fork>) -> Self {
        let surplus = forks.len().saturating_sub(Self::MAX);
        forks.drain(..surplus);
        Self(forks)
    }

    /// Adds the newest fork and forgets the oldest beyond four.
    pub fn push(&mut self, fork: Fork) {
        if self.0.len() == Self::MAX {
            self.0.remove(0);
        }
        self.0.push(fork);
    }

    /// The forks, oldest first.
    pub fn forks(&self) -> &[Fork] {
        &self.0
    }

    /// How far a position of `epoch` is still true: the smallest fork point from that epoch on.
    ///
    /// A later fork can lie below an earlier one (the cluster lost across the earlier fork again).
    pub fn survived(&self, epoch: Epoch) -> Option<u64> {
        let first = self.0.iter().position(|fork| fork.epoch == epoch)?;
        self.0[first..].iter().map(|fork| fork.at).min()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const fn fork(epoch: u64, at: u64) -> Fork {
        Fork {
            epoch: Epoch::from_u64(epoch),
            at,
        }
    }

    #[test]
    fn an_epoch_reads_back_from_its_text() {
        let epoch = Epoch::from_u64(0x00ab_cdef_0123_4567);
        assert_eq!(epoch.to_string(), "00abcdef01234567");
        assert_eq!(Epoch::parse("00abcdef01234567").unwrap(), epoch);
        assert_eq!(Epoch::parse("+0abcdef01234567"), Err(InvalidEpoch));
        assert_eq!(Epoch::parse("ab"), Err(InvalidEpoch));
    }

    #[test]
    fn only_the_newest_four_forks_are_kept() {
        let mut lineage = Lineage::default();
        for n in 1..=6 {
            lineage.push(fork(n, n * 10));
        }
        assert_eq!(lineage.forks().len(), 4);
        assert_eq!(lineage.survived(Epoch::from_u64(2)), None);
        assert_eq!(lineage.survived(Epoch::from_u64(3)), Some(30));
    }

    #[test]
    fn a_later_fork_below_an_earlier_one_bounds_both() {
        let lineage = Lineage::new(vec![fork(1, 50), fork(2, 40)]);
        assert_eq!(lineage.survived(Epoch::from_u64(1)), Some(40));
        assert_eq!(lineage.survived(Epoch::from_u64(2)), Some(40));
    }
}
