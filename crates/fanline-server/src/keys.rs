//! The keys of the installation: made at the first start, kept in the data directory, or given by the
//! operator.

use std::path::Path;

use anyhow::{Context as _, bail};
use fanline_model::Random;
use fanline_tenancy::{HashKeys, MasterKey};
use serde::{Deserialize, Serialize};

use crate::{
    config::{Config, Key},
    data_dir::DataDir,
    private_file,
};

/// The version of the keys, until they can be rotated.
const VERSION: u32 = 1;

/// The keys from which every other one is derived.
#[derive(Clone, Debug)]
pub struct Keys {
    /// Seals what must be readable again.
    pub master: Key,
    /// Hashes what is only compared.
    pub hash: Key,
}

/// As they are kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    master_key: String,
    hash_key: String,
}

// === impl Keys ===

impl Keys {
    /// What seals, as the wall takes it.
    #[must_use]
    pub fn master_key(&self) -> MasterKey {
        MasterKey::new(VERSION, self.master.bytes())
    }

    /// What hashes, as the wall takes it.
    #[must_use]
    pub fn hash_keys(&self) -> HashKeys {
        HashKeys::new(VERSION, self.hash.bytes())
    }

    /// Those that the operator gave, if they are both there.
    #[must_use]
    pub fn given(config: &Config) -> Option<Self> {
        Some(Self {
            master: config.master_key.clone()?,
            hash: config.hash_key.clone()?,
        })
    }

    /// Those that the operator gave; what was not given is read from the data directory, and made if it
    /// is not there.
    ///
    /// # Errors
    /// The file cannot be read or written, or is damaged.
    pub fn obtain(
        config: &Config,
        data_dir: &DataDir,
        random: &dyn Random,
    ) -> anyhow::Result<Self> {
        if let Some(given) = Self::given(config) {
            return Ok(given);
        }
        let kept = match Self::read(&data_dir.keys())? {
            Some(kept) => kept,
            None => Self::make(data_dir, random)?,
        };
        Ok(Self {
            master: config.master_key.clone().unwrap_or(kept.master),
            hash: config.hash_key.clone().unwrap_or(kept.hash),
        })
    }

    fn read(path: &Path) -> anyhow::Result<Option<Self>> {
        let contents = private_file::read(path)
            .with_context(|| format!("cannot read the keys in {}", path.display()))?;
        let Some(contents) = contents else {
            return Ok(None);
        };
        let kept: Option<Kept> = serde_json::from_slice(&contents).ok();
        let keys = kept.and_then(|kept| {
            Some(Self {
                master: Key::parse(&kept.master_key)?,
                hash: Key::parse(&kept.hash_key)?,
            })
        });
        match keys {
            Some(keys) => Ok(Some(keys)),
            None => bail!(
                "{} is damaged: put it back from a copy; without these keys no credential of this \
                 data directory can be used",
                path.display()
            ),
        }
    }

    fn make(data_dir: &DataDir, random: &dyn Random) -> anyhow::Result<Self> {
        let path = data_dir.keys();
        if data_dir.store().exists() {
            bail!(
                "{} is missing, and the store beside it was made with it: put it back from a copy, or \
                 begin anew with another --data-dir",
                path.display()
            );
        }
        let keys = Self {
            master: Key::generate(random),
            hash: Key::generate(random),
        };
        let kept = Kept {
            master_key: keys.master.expose().to_owned(),
            hash_key: keys.hash.expose().to_owned(),
        };
        private_file::write(&path, serde_json::to_string_pretty(&kept)?.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(keys)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use fanline_model::SeededRandom;

    use super::*;
    use crate::config;

    fn defaults() -> Config {
        config::load(None, &|_| None).unwrap()
    }

    #[test]
    fn keys_are_made_once_and_only_their_owner_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(directory.path()).unwrap();
        let made = Keys::obtain(&defaults(), &data_dir, &SeededRandom::new(1)).unwrap();
        let again = Keys::obtain(&defaults(), &data_dir, &SeededRandom::new(2)).unwrap();
        assert_eq!(made.master.bytes(), again.master.bytes());
        assert_eq!(made.hash.bytes(), again.hash.bytes());
        assert_ne!(made.master.bytes(), made.hash.bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(data_dir.keys())
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn what_the_operator_gives_wins() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(directory.path()).unwrap();
        let mut config = defaults();
        config.hash_key = Key::parse(&"ab".repeat(32));
        let keys = Keys::obtain(&config, &data_dir, &SeededRandom::new(1)).unwrap();
        assert_eq!(keys.hash.bytes(), [0xAB; 32]);
    }

    #[test]
    fn keys_that_are_damaged_or_gone_are_never_made_anew_over_a_store() {
        let directory = tempfile::tempdir().unwrap();
        let data_dir = DataDir::open(directory.path()).unwrap();
        std::fs::write(data_dir.store(), "").unwrap();
        let obtain = || {
            let refused = Keys::obtain(&defaults(), &data_dir, &SeededRandom::new(1)).unwrap_err();
            refused.to_string()
        };
        assert!(obtain().contains("is missing"));
        std::fs::write(data_dir.keys(), "{\"master_key\": \"hunter2\"}").unwrap();
        let sentence = obtain();
        assert!(
            sentence.contains("is damaged") && !sentence.contains("hunter2"),
            "{sentence}"
        );
    }
}
