//! Asks one server what the checks need to know.

use std::collections::HashMap;
use std::time::Duration;

use fanline_model::{Clock, Epoch, Timestamp};
use redis::{Cmd, Pipeline, RedisError, Value, from_redis_value};
use tokio::time::Instant;

use crate::connector::{Connector, Link};
use crate::keys::{self, PARTITIONS};
use crate::library;
use crate::slot::slot;
use crate::topology::{Address, LookError, Sight, Topology, is_refusal, look};

/// What a server said.
pub(super) struct Facts {
    pub(super) address: Address,
    /// The fields of `INFO`.
    info: HashMap<String, String>,
    /// `repl-backlog-ttl`, where the user may ask for it.
    pub(super) backlog_ttl: Option<String>,
    /// The versions of the function library that are loaded; none where the user may not ask.
    pub(super) libraries: Option<Vec<String>>,
    /// By how much its clock is ahead of ours (or behind), at least.
    pub(super) skew: Skew,
    /// What the user may not do, of what a node must.
    pub(super) forbidden: Vec<String>,
}

/// The difference between two clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Skew {
    pub(super) by: Duration,
    /// Or behind.
    pub(super) ahead: bool,
}

/// A server that said nothing of use.
pub(super) struct Failure {
    pub(super) address: Address,
    pub(super) error: String,
    /// It answered, and refused us.
    pub(super) refused: bool,
}

/// Asks a server; nothing of what it is asked changes anything.
pub(super) async fn visit(
    connector: &Connector,
    clock: &dyn Clock,
    address: Address,
) -> Result<(Facts, Sight), Failure> {
    let link = Link::new(connector.clone(), address.clone());
    let asked = async {
        let sight = look(&link).await?;
        Ok((ask(&link, clock).await?, sight))
    };
    asked.await.map_err(|error: LookError| Failure {
        address,
        refused: matches!(&error, LookError::Away(error) if is_refusal(error)),
        error: error.to_string(),
    })
}

async fn ask(link: &Link, clock: &dyn Clock) -> Result<Facts, RedisError> {
    let mut questions = Pipeline::with_capacity(4);
    questions.cmd("INFO");
    questions.cmd("CONFIG").arg("GET").arg("repl-backlog-ttl");
    questions
        .cmd("FUNCTION")
        .arg("LIST")
        .arg("LIBRARYNAME")
        .arg(format!("{}*", library::NAME_PREFIX));
    // Refused whatever the user may do, for it is no library; the error tells whether one would be taken.
    questions.cmd("FUNCTION").arg("LOAD").arg("");
    let live = link.open().await?;
    let mut answers = link.ask_all(&live, &questions).await?.into_iter();
    let mut next = || answers.next().unwrap_or_default();
    let info: String = from_redis_value(next().extract_error()?)?;
    let (backlog, libraries, loading) = (next(), next(), next());

    let (before, began) = (clock.now(), Instant::now());
    let time = link.ask(&live, &redis::cmd("TIME")).await?;
    let took = began.elapsed();
    Ok(Facts {
        address: link.address().clone(),
        info: fields(&info),
        backlog_ttl: granted(backlog).and_then(|answer| setting(&answer)),
        libraries: granted(libraries).map(|answer| names(&answer)),
        skew: granted(time)
            .and_then(|answer| timestamp(&answer))
            .map(|theirs| Skew::between(before, theirs, took))
            .unwrap_or_default(),
        forbidden: forbidden("FUNCTION LOAD", &loading).into_iter().collect(),
    })
}

/// The answer, unless it is an error.
fn granted(answer: Value) -> Option<Value> {
    answer.extract_error().ok()
}

/// What is missing, if the answer says that the user may not do this.
fn forbidden(what: &str, answer: &Value) -> Option<String> {
    let Value::ServerError(error) = answer else {
        return None;
    };
    let detail = error.details().unwrap_or_default();
    // Within a function Redis answers a plain error whose text speaks of the rules.
    let is_forbidden = error.code() == "NOPERM" || detail.contains("ACL failure");
    is_forbidden.then(|| format!("{what}: {detail}"))
}

fn fields(info: &str) -> HashMap<String, String> {
    let lines = info.lines().filter_map(|line| line.split_once(':'));
    lines
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect()
}

/// The value of the only setting that was asked for.
fn setting(answer: &Value) -> Option<String> {
    let settings: HashMap<String, String> = from_redis_value(answer.clone()).ok()?;
    settings.into_values().next()
}

fn names(answer: &Value) -> Vec<String> {
    let libraries: Vec<HashMap<String, Value>> =
        from_redis_value(answer.clone()).unwrap_or_default();
    let name = |library: HashMap<String, Value>| {
        from_redis_value(library.get("library_name")?.clone()).ok()
    };
    libraries.into_iter().filter_map(name).collect()
}

fn timestamp(answer: &Value) -> Option<Timestamp> {
    let (seconds, micros): (u64, u64) = from_redis_value(answer.clone()).ok()?;
    Some(Timestamp::from_millis(seconds * 1_000 + micros / 1_000))
}

// === impl Facts ===

impl Facts {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.info.get(name).map(String::as_str)
    }

    pub(super) fn is_primary(&self) -> bool {
        self.field("role") == Some("master")
    }

    /// How many replicas have all that it wrote.
    pub(super) fn replicas(&self) -> usize {
        let is_replica = |name: &str| {
            let number = name.strip_prefix("slave");
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        self.info
            .iter()
            .filter(|(name, value)| is_replica(name) && value.contains("state=online"))
            .count()
    }

    /// Tries, on a primary, what a node does all the time, on a key that nobody uses.
    pub(super) async fn probe(&mut self, connector: &Connector, topology: Option<&Topology>) {
        let Some(key) = topology.and_then(|topology| self.unused_key(topology)) else {
            return;
        };
        let mut attempts = vec![("SSUBSCRIBE", redis::cmd("SSUBSCRIBE").arg(&key).to_owned())];
        if self
            .libraries
            .as_ref()
            .is_some_and(|known| !known.is_empty())
        {
            let call = library::read_state(key.into(), Epoch::from_u64(0));
            let mut command = redis::cmd("FCALL");
            command.arg(call.function).arg(1).arg(&*call.key);
            for argument in &call.args {
                command.arg(&**argument);
            }
            attempts.push(("FCALL", command));
        }
        let link = Link::new(connector.clone(), self.address.clone());
        for (what, command) in attempts {
            let answer = try_it(&link, &command).await;
            self.forbidden
                .extend(answer.and_then(|answer| forbidden(what, &answer)));
        }
    }

    /// A key of ours in a slot that this server serves.
    fn unused_key(&self, topology: &Topology) -> Option<Vec<u8>> {
        let serves = |key: &[u8]| {
            let primary = topology.primary_of(slot(key));
            primary.is_some_and(|primary| primary.address == self.address)
        };
        let key = (0..PARTITIONS).map(keys::leases).find(|key| serves(key))?;
        let tag = key.iter().rposition(|byte| *byte == b':')?;
        Some([key.get(..=tag)?, b"doctor"].concat())
    }
}

async fn try_it(link: &Link, command: &Cmd) -> Option<Value> {
    let live = link.open().await.ok()?;
    link.ask(&live, command).await.ok()
}

// === impl Skew ===

impl Skew {
    /// Their clock was read at some moment while the answer was awaited; what that explains is no skew.
    fn between(before: Timestamp, theirs: Timestamp, took: Duration) -> Self {
        let latest = before.plus(took);
        if theirs > latest {
            return Self {
                by: theirs.since(latest),
                ahead: true,
            };
        }
        Self {
            by: before.since(theirs),
            ahead: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_explains_some_of_the_difference_between_two_clocks() {
        let (before, took) = (Timestamp::from_millis(10_000), Duration::from_millis(300));
        let skew = |theirs| Skew::between(before, Timestamp::from_millis(theirs), took);
        assert_eq!(skew(10_000).by, Duration::ZERO);
        assert_eq!(skew(10_300).by, Duration::ZERO);
        let (ahead, behind) = (skew(12_300), skew(7_000));
        assert_eq!((ahead.by, ahead.ahead), (Duration::from_secs(2), true));
        assert_eq!((behind.by, behind.ahead), (Duration::from_secs(3), false));
    }
}
