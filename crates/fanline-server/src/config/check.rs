//! From raw values to a configuration that makes sense.

mod redis_tls;

use std::{io, net::SocketAddr, path::PathBuf, time::Duration};

use fanline_edge::{Farewell, Patience};
use fanline_telemetry::LogFormat;
use fanline_tenancy::SecretText;
use toml::{Table, Value};

use super::{Broker, Config, Key, Listen, Redis, Role, Store, duration};

/// What is wrong with a configuration, and what to do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidConfig {
    /// The file is no TOML.
    #[error("the configuration cannot be read: {0}")]
    Syntax(toml::de::Error),
    /// A key that does not exist.
    #[error("the configuration has no key `{key}`; {}", hint(neighbour.as_deref()))]
    UnknownKey {
        /// The key.
        key: String,
        /// One that looks like it.
        neighbour: Option<String>,
    },
    /// A value where a section is.
    #[error("`{0}` is a section: write `[{0}]` and its keys below")]
    NotASection(String),
    /// A variable and the variable of its file.
    #[error("{0} and {0}_FILE are both set: set one of them")]
    SetTwice(String),
    /// A secret's file cannot be read.
    #[error("{variable} names {path}, which cannot be read: {error}")]
    SecretFile {
        /// The variable.
        variable: String,
        /// The file.
        path: String,
        /// Why not.
        error: io::Error,
    },
    /// A value that is none of those that make sense.
    #[error("`{key}` is {found}; {expected}")]
    Value {
        /// The key.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What would make sense.
        expected: &'static str,
    },
}

fn hint(neighbour: Option<&str>) -> String {
    match neighbour {
        Some(neighbour) => format!("did you mean `{neighbour}`?"),
        None => "`fanline config defaults` lists them all".to_owned(),
    }
}

/// Checks a table that has every key of the reference.
pub(super) fn check(table: Table) -> Result<Config, InvalidConfig> {
    let raw = Raw(table);
    let admin = raw.address("admin.listen")?;
    admin_address(admin)?;
    let broker = broker(&raw)?;
    Ok(Config {
        role: role(&raw, &broker)?,
        name: name(&raw)?,
        data_dir: PathBuf::from(raw.text("data_dir", "write a path")?),
        listen: Listen {
            public: raw.address("public.listen")?,
            admin,
            ops: raw.address("ops.listen")?,
        },
        patience: Patience {
            first_request: raw.some_duration("http.first_request")?,
            next_request: raw.some_duration("http.next_request")?,
            request: raw.some_duration("http.request")?,
        },
        store: store(&raw)?,
        master_key: key(&raw, "secrets.master_key")?,
        hash_key: key(&raw, "secrets.hash_key")?,
        broker,
        farewell: Farewell {
            notice: raw.duration("stop.notice")?,
            drain: raw.duration("stop.drain")?,
            grace: raw.duration("stop.grace")?,
        },
        log_format: match raw.one_of("log.format", &["text", "json"], "write `text` or `json`")? {
            "json" => LogFormat::Json,
            _ => LogFormat::Text,
        },
        log_filter: raw
            .text("log.filter", "write a level, as \"info\"")?
            .to_owned(),
    })
}

fn name(raw: &Raw) -> Result<Option<String>, InvalidConfig> {
    let name = raw.text("name", "write a text")?.trim();
    Ok((!name.is_empty()).then(|| name.to_owned()))
}

fn role(raw: &Raw, broker: &Broker) -> Result<Role, InvalidConfig> {
    const ROLES: [&str; 5] = ["all", "edge", "publish", "control", "worker"];
    let expected = "there are `all`, `edge`, `publish`, `control` and `worker`";
    match raw.one_of("role", &ROLES, expected)? {
        "all" => Ok(Role::All),
        other => Err(InvalidConfig::Value {
            key: "role",
            found: format!("{other:?}"),
            expected: match broker {
                Broker::Memory => {
                    "the embedded broker carries messages within one process; write `all`"
                }
                Broker::Redis(_) => {
                    "only `all` is built yet; the others come with the control plane on Postgres"
                }
            },
        }),
    }
}

fn store(raw: &Raw) -> Result<Store, InvalidConfig> {
    const PATH: &str = "write the path of the file, as \"apps.toml\"";
    let kinds = ["sqlite", "static"];
    let expected = "write `sqlite` or `static`; Postgres comes with the control plane";
    if raw.one_of("store.kind", &kinds, expected)? == "sqlite" {
        return Ok(Store::Sqlite);
    }
    let path = raw.text("store.path", PATH)?;
    if path.is_empty() {
        return Err(InvalidConfig::Value {
            key: "store.path",
            found: "empty".to_owned(),
            expected: PATH,
        });
    }
    for name in ["secrets.master_key", "secrets.hash_key"] {
        if key(raw, name)?.is_none() {
            return Err(InvalidConfig::Value {
                key: name,
                found: "empty".to_owned(),
                expected: "the nodes that share a file of apps share their keys too, and none of them makes \
                           one: write 64 hexadecimal digits, as `fanline apps new` printed them",
            });
        }
    }
    Ok(Store::Static(PathBuf::from(path)))
}

fn broker(raw: &Raw) -> Result<Broker, InvalidConfig> {
    let redis = redis(raw)?;
    let kinds = ["memory", "redis"];
    match raw.one_of("broker.kind", &kinds, "write `memory` or `redis`")? {
        "redis" => Ok(Broker::Redis(redis)),
        _ => Ok(Broker::Memory),
    }
}

fn redis(raw: &Raw) -> Result<Redis, InvalidConfig> {
    const NODES: &str = "write servers as \"host:port\", with commas between";
    let nodes = raw.text("redis.nodes", NODES)?;
    let is_server = |node: &String| {
        let parts = node.rsplit_once(':');
        parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    let servers: Vec<String> = nodes
        .split(',')
        .map(|node| node.trim().to_owned())
        .collect();
    if !servers.iter().all(is_server) {
        return Err(InvalidConfig::Value {
            key: "redis.nodes",
            found: format!("{nodes:?}"),
            expected: NODES,
        });
    }
    let given = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Ok(Redis {
        nodes: servers,
        replicas: replicas(raw)?,
        username: given(raw.text("redis.username", "write a name")?),
        password: given(raw.text("secrets.redis_password", "write a text")?).map(SecretText::new),
        tls: redis_tls::redis_tls(raw)?,
    })
}

/// At least one: a publish that waits for nobody is `acked`.
fn replicas(raw: &Raw) -> Result<usize, InvalidConfig> {
    let key = "redis.replicas";
    let number = raw
        .whole(key)
        .and_then(|number| usize::try_from(number).ok());
    let given = || raw.get(key).map_or("missing".to_owned(), Value::to_string);
    number
        .filter(|replicas| (1..=10).contains(replicas))
        .ok_or_else(|| InvalidConfig::Value {
            key,
            found: given(),
            expected: "write how many replicas of a primary must have a message, from 1 to 10",
        })
}

/// TLS is not built yet, and a token that travels in clear is anybody's.
pub(super) fn admin_address(address: SocketAddr) -> Result<(), InvalidConfig> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(InvalidConfig::Value {
        key: "admin.listen",
        found: address.to_string(),
        expected: "the admin API speaks plain HTTP and is served on a loopback address only; reach \
                   it from elsewhere through an SSH tunnel or a proxy that terminates TLS",
    })
}

fn key(raw: &Raw, key: &'static str) -> Result<Option<Key>, InvalidConfig> {
    let expected = "write 64 hexadecimal digits, as `openssl rand -hex 32` prints them";
    let text = raw.text(key, expected)?;
    if text.is_empty() {
        return Ok(None);
    }
    match Key::parse(text) {
        Some(key) => Ok(Some(key)),
        None => Err(InvalidConfig::Value {
            key,
            found: format!("a text of {} characters", text.chars().count()),
            expected,
        }),
    }
}

/// A table that has every key of the reference, of whatever type.
struct Raw(Table);

// === impl Raw ===

impl Raw {
    fn text(&self, key: &'static str, expected: &'static str) -> Result<&str, InvalidConfig> {
        match self.get(key) {
            Some(Value::String(text)) => Ok(text),
            // A password of digits alone is a number to TOML, and still nobody's to repeat.
            Some(_) if key.starts_with("secrets.") => Err(InvalidConfig::Value {
                key,
                found: "no text".to_owned(),
                expected,
            }),
            found => Err(InvalidConfig::Value {
                key,
                found: found.map_or("missing".to_owned(), |value| value.to_string()),
                expected,
            }),
        }
    }

    /// Yes or no; the environment gives it as text.
    fn boolean(&self, key: &'static str) -> Result<bool, InvalidConfig> {
        match self.get(key) {
            Some(Value::Boolean(value)) => Ok(*value),
            Some(Value::String(text)) if text == "true" => Ok(true),
            Some(Value::String(text)) if text == "false" => Ok(false),
            found => Err(InvalidConfig::Value {
                key,
                found: found.map_or("missing".to_owned(), Value::to_string),
                expected: "write true or false",
            }),
        }
    }

    /// A whole number; the environment gives it as text.
    fn whole(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::Integer(number) => Some(*number),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    fn one_of(
        &self,
        key: &'static str,
        known: &[&str],
        expected: &'static str,
    ) -> Result<&str, InvalidConfig> {
        let text = self.text(key, expected)?;
        if known.contains(&text) {
            return Ok(text);
        }
        Err(InvalidConfig::Value {
            key,
            found: format!("{text:?}"),
            expected,
        })
    }

    fn address(&self, key: &'static str) -> Result<SocketAddr, InvalidConfig> {
        let expected = "write an IP address and a port, as \"127.0.0.1:7300\"";
        let text = self.text(key, expected)?;
        text.parse().map_err(|_| InvalidConfig::Value {
            key,
            found: format!("{text:?}"),
            expected,
        })
    }

    fn duration(&self, key: &'static str) -> Result<Duration, InvalidConfig> {
        let expected = "write a number and a unit, as \"250ms\", \"10s\", \"2m\" or \"1h\"";
        let text = self.text(key, expected)?;
        duration::parse(text).ok_or_else(|| InvalidConfig::Value {
            key,
            found: format!("{text:?}"),
            expected,
        })
    }

    fn some_duration(&self, key: &'static str) -> Result<Duration, InvalidConfig> {
        let duration = self.duration(key)?;
        if !duration.is_zero() {
            return Ok(duration);
        }
        Err(InvalidConfig::Value {
            key,
            found: "no time at all".to_owned(),
            expected: "it must be more than nothing",
        })
    }

    fn get(&self, key: &str) -> Option<&Value> {
        match key.split_once('.') {
            Some((section, key)) => self.0.get(section)?.as_table()?.get(key),
            None => self.0.get(key),
        }
    }
}
