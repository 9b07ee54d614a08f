//! The configuration: one commented file that is embedded, is the reference, and is the schema.
//!
//! [`load`] lays an operator's file over it and the environment over both, and refuses every key that
//! the reference does not have. What comes out is checked and typed; nothing below this crate reads
//! a file's or a variable's name.

mod check;
mod doc;
mod duration;
mod overlay;

use std::{net::SocketAddr, path::PathBuf};

use fanline_edge::{Farewell, Patience};
use fanline_model::Random;
use fanline_telemetry::LogFormat;
use fanline_tenancy::SecretText;

pub use check::InvalidConfig;
pub use doc::markdown;
pub(crate) use duration::parse as duration;

/// The reference: every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// A configuration that was checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the process does.
    pub role: Role,
    /// What the node is called, if not by its host's name.
    pub name: Option<String>,
    /// Where everything that must last is kept.
    pub data_dir: PathBuf,
    /// The three listeners.
    pub listen: Listen,
    /// How long peers may take for HTTP.
    pub patience: Patience,
    /// What must be readable again is sealed with this, if the operator gave it.
    pub master_key: Option<Key>,
    /// What API keys are hashed with, if the operator gave it.
    pub hash_key: Option<Key>,
    /// Where tenants, apps and keys are kept.
    pub store: Store,
    /// What numbers, keeps and carries messages.
    pub broker: Broker,
    /// How the node stops.
    pub farewell: Farewell,
    /// How the log looks.
    pub log_format: LogFormat,
    /// What the log lets through.
    pub log_filter: String,
}

/// What a process does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    All,
}

/// Where tenants, apps and keys are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// A database in the data directory.
    Sqlite,
    /// A file of the operator's, which nodes share and nobody writes.
    Static(PathBuf),
}

/// What numbers, keeps and carries messages.
#[derive(Clone, Debug)]
pub enum Broker {
    /// This process.
    Memory,
    /// Redis, which several nodes share.
    Redis(Redis),
}

/// How to reach Redis.
#[derive(Clone, Debug)]
pub struct Redis {
    /// Servers to begin with, `host:port`.
    pub nodes: Vec<String>,
    /// How many replicas must have a message of durability `replicated`.
    pub replicas: usize,
    /// The ACL user, if not the default one.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretText>,
    /// Speak TLS, in this way.
    pub tls: Option<RedisTls>,
}

/// How to speak TLS with Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisTls {
    /// The file of the authorities to trust, if not those of the system.
    pub authorities: Option<PathBuf>,
    /// The files of the certificate and the key to show.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// What the servers' certificates must name, if not the host that was dialled.
    pub server_name: Option<String>,
}

/// Where the process listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// For clients and publishers.
    pub public: SocketAddr,
    /// For the admin API.
    pub admin: SocketAddr,
    /// For metrics and health.
    pub ops: SocketAddr,
}

/// A key of 256 bits that does not tell itself.
#[derive(Clone)]
pub struct Key(SecretText);

/// A variable of the environment by its name, if it is set. Tests hand in a table.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The configuration in a file's text (none: the defaults), with the environment laid over it.
///
/// # Errors
/// It does not parse, names a key that does not exist, or has a value that makes no sense.
pub fn load(file: Option<&str>, environment: Environment<'_>) -> Result<Config, InvalidConfig> {
    let mut table = overlay::defaults()?;
    if let Some(text) = file {
        overlay::file(&mut table, text)?;
    }
    overlay::environment(&mut table, environment)?;
    check::check(table)
}

// === impl Config ===

impl Config {
    /// Whether anything of this process must outlive it.
    #[must_use]
    pub fn needs_data_dir(&self) -> bool {
        self.store == Store::Sqlite || matches!(self.broker, Broker::Memory)
    }

    /// Checks again what a command line may have changed.
    ///
    /// # Errors
    /// The admin listener would be reachable from elsewhere.
    pub fn check_admin(&self) -> Result<(), InvalidConfig> {
        check::admin_address(self.listen.admin)
    }
}

// === impl Role ===

impl Role {
    /// Its name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
        }
    }
}

// === impl Key ===

impl Key {
    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let well_formed = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        well_formed.then(|| Self(SecretText::new(text)))
    }

    /// A new one.
    #[must_use]
    pub fn generate(random: &dyn Random) -> Self {
        let mut key = [0; 32];
        random.fill(&mut key);
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(SecretText::new(digits))
    }

    /// The digits.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The key.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        let mut key = [0; 32];
        for (byte, digits) in key.iter_mut().zip(self.expose().as_bytes().chunks_exact(2)) {
            let digit = |at: usize| char::from(digits[at]).to_digit(16).unwrap_or_default();
            *byte = u8::try_from(digit(0) * 16 + digit(1)).unwrap_or_default();
        }
        key
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load_with(file: &str, variables: &[(&str, &str)]) -> Result<Config, InvalidConfig> {
        load(Some(file), &|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
        load_with(file, variables).unwrap_err().to_string()
    }

    #[test]
    fn the_defaults_are_a_valid_configuration_on_loopback() {
        let config = load(None, &|_| None).unwrap();
        assert_eq!(config.role, Role::All);
        assert_eq!(config.listen.public.to_string(), "127.0.0.1:7300");
        for address in [config.listen.public, config.listen.admin, config.listen.ops] {
            assert!(address.ip().is_loopback());
        }
        assert!(config.hash_key.is_none() && config.master_key.is_none());
        assert_eq!(config.patience, Patience::default());
    }

    #[test]
    fn the_file_wins_over_the_defaults_and_the_environment_over_the_file() {
        let file = "[public]\nlisten = \"0.0.0.0:80\"\n[stop]\ndrain = \"250ms\"\n";
        let config = load_with(file, &[("FANLINE_PUBLIC_LISTEN", "[::]:81")]).unwrap();
        assert_eq!(config.listen.public.to_string(), "[::]:81");
        assert_eq!(config.farewell.drain, Duration::from_millis(250));
        assert_eq!(config.listen.admin.to_string(), "127.0.0.1:7301");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_its_neighbours() {
        let sentence = refusal("[public]\nlisen = \"127.0.0.1:1\"\n", &[]);
        assert_eq!(
            sentence,
            "the configuration has no key `public.lisen`; did you mean `public.listen`?"
        );
        let sentence = refusal("colour = 1\n", &[]);
        assert_eq!(
            sentence,
            "the configuration has no key `colour`; `fanline config defaults` lists them all"
        );
        let sentence = refusal("public = \"127.0.0.1:1\"\n", &[]);
        assert!(sentence.contains("`[public]`"), "{sentence}");
    }

    #[test]
    fn a_secret_is_read_from_the_file_that_a_variable_names() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        std::fs::write(&path, format!("{}\n", "0f".repeat(32))).unwrap();
        let variable = ("FANLINE_SECRETS_HASH_KEY_FILE", path.to_str().unwrap());
        let key = load_with("", &[variable]).unwrap().hash_key.unwrap();
        assert_eq!(key.bytes(), [0x0F; 32]);
        assert_eq!(format!("{key:?}"), "Key(..)");

        let missing = ("FANLINE_SECRETS_HASH_KEY_FILE", "/nowhere/at/all");
        assert!(refusal("", &[missing]).contains("/nowhere/at/all"));
        let both = [("FANLINE_SECRETS_HASH_KEY", "x"), variable];
        assert!(refusal("", &both).contains("set one of them"));
    }

    #[test]
    fn a_value_that_makes_no_sense_is_refused_with_what_would() {
        for (file, hint) in [
            ("[public]\nlisten = \"localhost\"", "127.0.0.1:7300"),
            ("[stop]\ndrain = \"5\"", "\"10s\""),
            ("[stop]\ndrain = 5", "\"10s\""),
            ("role = \"edge\"", "within one process"),
            ("role = \"edge\"\n[broker]\nkind = \"redis\"", "only `all`"),
            ("role = \"boss\"", "there are `all`"),
            ("[broker]\nkind = \"kafka\"", "`memory` or `redis`"),
            (
                "[broker]\nkind = \"redis\"\n[redis]\nnodes = \"here\"",
                "host:port",
            ),
            ("[redis]\ntls = \"yes\"", "true or false"),
            ("[redis]\ntls_ca = \"ca.pem\"", "redis.tls = true"),
            (
                "[redis]\ntls = true\ntls_key = \"key.pem\"",
                "given together",
            ),
            ("[redis]\nreplicas = 0", "from 1 to 10"),
            ("[redis]\nreplicas = true", "from 1 to 10"),
            ("[store]\nkind = \"postgres\"", "`sqlite` or `static`"),
            ("[store]\nkind = \"static\"", "64 hexadecimal digits"),
            ("[store]\nkind = \"static\"\npath = \"\"", "apps.toml"),
            ("[log]\nformat = \"xml\"", "`text` or `json`"),
            ("[secrets]\nhash_key = \"short\"", "64 hexadecimal digits"),
            ("[admin]\nlisten = \"0.0.0.0:7301\"", "loopback"),
            ("[http]\nrequest = \"0s\"", "more than nothing"),
            ("[public\n", "line 1"),
        ] {
            let sentence = refusal(file, &[]);
            assert!(sentence.contains(hint), "{file}: {sentence}");
        }
    }

    #[test]
    fn a_replicated_message_needs_one_replica_unless_the_file_or_the_environment_says_more() {
        let file = "[broker]\nkind = \"redis\"\n";
        let more = "[broker]\nkind = \"redis\"\n[redis]\nreplicas = 2\n";
        for (file, variables, expected) in [
            (file, &[][..], 1),
            (more, &[], 2),
            (more, &[("FANLINE_REDIS_REPLICAS", "3")], 3),
        ] {
            let Broker::Redis(redis) = load_with(file, variables).unwrap().broker else {
                unreachable!("the file names redis");
            };
            assert_eq!(redis.replicas, expected);
        }
    }

    #[test]
    fn tls_to_redis_is_off_unless_it_is_asked_for_in_the_file_or_the_environment() {
        let redis = |file, variables: &[_]| match load_with(file, variables).unwrap().broker {
            Broker::Redis(redis) => redis.tls,
            Broker::Memory => unreachable!("the file names redis"),
        };
        let kind = "[broker]\nkind = \"redis\"\n";
        assert_eq!(redis(kind, &[]), None);
        let of_the_system = RedisTls {
            authorities: None,
            identity: None,
            server_name: None,
        };
        let asked = redis(kind, &[("FANLINE_REDIS_TLS", "true")]);
        assert_eq!(asked, Some(of_the_system.clone()));
        let file = format!("{kind}[redis]\ntls = true\ntls_ca = \"ca.pem\"\n");
        let asked = redis(&file, &[]).unwrap();
        assert_eq!(asked.authorities, Some(PathBuf::from("ca.pem")));
    }

    #[test]
    fn no_refusal_repeats_a_secret() {
        for secret in [
            "hash_key = \"271828\"",
            "hash_key = 271828",
            "redis_password = 271828",
        ] {
            let sentence = refusal(&format!("[secrets]\n{secret}"), &[]);
            assert!(!sentence.contains("271828"), "{sentence}");
        }
    }
}
