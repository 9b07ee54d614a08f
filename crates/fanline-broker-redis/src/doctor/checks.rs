//! The checks, in the order in which they are read.

use std::net::IpAddr;
use std::time::Duration;

use super::finding::{Finding, Judgement, failed, ok, warning};
use super::{Examination, Facts};
use crate::library;
use crate::topology::SLOTS;

type Check = fn(&Examination<'_>) -> Vec<Finding>;

pub(super) const ALL: &[Check] = &[
    reachable,
    transport,
    version,
    cluster,
    replicas,
    eviction,
    backlog,
    permissions,
    functions,
    clock,
];

/// The oldest version with functions and sharded subscriptions.
const OLDEST_VERSION: u32 = 7;
/// Leases and credentials are counted in seconds.
const SKEW_WORTH_TELLING: Duration = Duration::from_secs(1);

fn reachable(examination: &Examination<'_>) -> Vec<Finding> {
    let reached = examination.reached.iter();
    let reached = reached.map(|facts| (facts.address.to_string(), ok("answers")));
    let missed = examination.failed.iter().map(|failure| {
        let advice = if failure.refused {
            "check redis.username, redis_password of [secrets] and the user's rules (ACL LIST)"
        } else if failure.error.contains("certificate") {
            "redis.tls_ca must hold the authority that signed the servers' certificates, and these must name \
             the host as it is announced"
        } else {
            "is it running, can this machine reach it, and does that port speak what redis.tls says?"
        };
        let judgement = failed(failure.error.clone(), advice);
        (failure.address.to_string(), judgement)
    });
    let unreadable = examination.unreadable.iter().map(|node| {
        let judgement = failed("not an address", "write host:port into redis.nodes");
        (node.clone(), judgement)
    });
    Finding::gather("reachable", reached.chain(missed).chain(unreadable))
}

fn transport(examination: &Examination<'_>) -> Vec<Finding> {
    let judge = |facts: &Facts| {
        if examination.config.tls.is_some() {
            return ok("TLS, the certificate is verified");
        }
        let host = &*facts.address.host;
        let ip: Option<IpAddr> = host.parse().ok();
        if host == "localhost" || ip.is_some_and(|ip| ip.is_loopback()) {
            ok("plain TCP on this machine")
        } else {
            warning(
                "plain TCP over a network",
                "whoever is on it reads the messages and the password: set redis.tls",
            )
        }
    };
    each("transport", &examination.reached, judge)
}

fn version(examination: &Examination<'_>) -> Vec<Finding> {
    each("version", &examination.reached, |facts| {
        let version = facts.field("redis_version").unwrap_or("unknown");
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse().ok());
        if major.is_some_and(|major: u32| major >= OLDEST_VERSION) {
            ok(version)
        } else {
            failed(
                version,
                "Redis 7 or newer is needed: functions and sharded pub/sub",
            )
        }
    })
}

fn cluster(examination: &Examination<'_>) -> Vec<Finding> {
    let judgement = match &examination.view {
        None if examination.reached.is_empty() => return Vec::new(),
        None if examination.reached.len() > 1 => failed(
            "the servers belong to no cluster",
            "name one server in redis.nodes, or servers of one cluster",
        ),
        None => ok("a single server"),
        Some(view) => {
            let missing = u32::from(SLOTS).saturating_sub(view.served());
            let failing: Vec<_> = view.failing().map(ToString::to_string).collect();
            if missing > 0 {
                failed(
                    format!("{missing} slots have no primary"),
                    "channels in these slots fail: `redis-cli --cluster fix`, or bring their primary back",
                )
            } else if !failing.is_empty() {
                failed(
                    format!("suspected to be away: {}", failing.join(", ")),
                    "bring it back, or let a replica take its place (CLUSTER FAILOVER)",
                )
            } else if view.is_ok() {
                ok(format!("state ok, all {SLOTS} slots are served"))
            } else {
                failed(
                    "the server that was asked says that the state of the cluster is not ok",
                    "look at `CLUSTER INFO` and the server's log: it may be cut off from the majority",
                )
            }
        }
    };
    vec![Finding::of_all("cluster", judgement)]
}

fn replicas(examination: &Examination<'_>) -> Vec<Finding> {
    let needed = examination.config.replicas;
    let in_cluster = examination.view.is_some();
    each("replicas", examination.primaries(), |facts| {
        let has = facts.replicas();
        let found = format!("{has} online, {needed} asked for by redis.replicas");
        if has > needed {
            ok(found)
        } else if has == needed {
            warning(
                found,
                "losing one refuses every publish of durability `replicated`: have one more than asked for",
            )
        } else {
            let advice = "publishes of durability `replicated` are refused: add replicas, or lower redis.replicas";
            // Alone it is a choice that nobody need have made by mistake.
            if in_cluster {
                failed(found, advice)
            } else {
                warning(found, advice)
            }
        }
    })
}

fn eviction(examination: &Examination<'_>) -> Vec<Finding> {
    each("eviction", &examination.reached, |facts| {
        match facts.field("maxmemory_policy") {
            Some("noeviction") => ok("noeviction"),
            other => failed(
                other.unwrap_or("unknown"),
                "channels would vanish when memory is short: CONFIG SET maxmemory-policy noeviction, and in the \
                 server's file",
            ),
        }
    })
}

fn backlog(examination: &Examination<'_>) -> Vec<Finding> {
    each("backlog", &examination.reached, |facts| {
        match facts.backlog_ttl.as_deref() {
            Some("0") => ok("repl-backlog-ttl 0"),
            Some(seconds) => warning(
                format!("repl-backlog-ttl {seconds}"),
                "a primary without replicas for so long changes its name, and clients are told of a fork for \
                 nothing: CONFIG SET repl-backlog-ttl 0",
            ),
            None => ok("repl-backlog-ttl is not for this user to read; 0 is advised"),
        }
    })
}

fn permissions(examination: &Examination<'_>) -> Vec<Finding> {
    each("permissions", &examination.reached, |facts| {
        if facts.forbidden.is_empty() {
            ok("load functions, call them and subscribe")
        } else {
            failed(
                facts.forbidden.join("; "),
                "give the user the rules of docs/operations/redis.md, on every server of the cluster",
            )
        }
    })
}

fn functions(examination: &Examination<'_>) -> Vec<Finding> {
    let current = library::name();
    each("functions", examination.primaries(), |facts| {
        match &facts.libraries {
            None => ok("not for this user to list (FUNCTION LIST)"),
            Some(known) if known.is_empty() => {
                ok("not loaded yet: the server does it when it starts")
            }
            Some(known) if known.iter().any(|name| name == current) => ok(known.join(", ")),
            Some(known) => ok(format!(
                "{}; the server loads {current} when it starts",
                known.join(", ")
            )),
        }
    })
}

fn clock(examination: &Examination<'_>) -> Vec<Finding> {
    each("clock", &examination.reached, |facts| {
        let skew = facts.skew;
        if skew.by < SKEW_WORTH_TELLING {
            return ok("within a second of this machine's");
        }
        let direction = if skew.ahead { "ahead" } else { "behind" };
        warning(
            format!("{} s {direction} of this machine's", skew.by.as_secs()),
            "what lives for a time ends early or late there: run NTP on both",
        )
    })
}

/// What is to be said of each of these servers.
fn each<'a>(
    check: &'static str,
    servers: impl IntoIterator<Item = &'a Facts>,
    judge: impl Fn(&Facts) -> Judgement,
) -> Vec<Finding> {
    let servers = servers.into_iter();
    Finding::gather(
        check,
        servers.map(|facts| (facts.address.to_string(), judge(facts))),
    )
}
