//! What can be measured: a server's wire, and how such a server is started and stopped.

mod fanline;
mod limit;
mod native;
mod process;
mod pusher;
mod redis;
mod signature;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, bail};
use base64::Engine;
use clap::ValueEnum;
use serde::Serialize;

use crate::proc::{CpuSpent, CpuTime, Process};
use fanline::Greeting;
use process::ServerProcess;
pub(crate) use redis::RedisProcess;

/// A row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TargetKind {
    /// The bare epoll loop, one write for each delivery.
    LimitWrite,
    /// The bare epoll loop, what one turn published joined into one write for each subscriber.
    LimitCoalesce,
    /// A tokio task and a queue for each connection.
    LimitTokio,
    /// Fanline, its own protocol.
    Native,
    /// Fanline, the Pusher protocol.
    Pusher,
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub(crate) struct Programs {
    pub(crate) limit: PathBuf,
    pub(crate) fanline: PathBuf,
    pub(crate) redis: PathBuf,
    /// Appended to Fanline's command line.
    pub(crate) fanline_arguments: Vec<String>,
}

/// What a scenario wants to measure a target as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Installation {
    /// One process that does everything itself.
    Embedded,
    /// So many nodes on one Redis.
    OnRedis { nodes: usize },
}

/// Processes that run until this is dropped.
pub(crate) struct Server {
    /// At least one.
    nodes: Vec<Node>,
    /// After the nodes, so that none of them loses it.
    redis: Option<RedisProcess>,
}

/// One process that clients connect to.
pub(crate) struct Node {
    running: ServerProcess,
    address: SocketAddr,
    wire: Box<dyn Wire>,
}

/// How one protocol is spoken. Pure: text in, text out.
pub(crate) trait Wire {
    /// The upgrade request of a subscriber, and the channel that it opens with.
    fn handshake(&self, channel: Option<&str>) -> String;

    /// Whether a finished upgrade is all it takes to be subscribed.
    fn joins_by_handshake(&self) -> bool {
        false
    }

    /// What a subscriber says first.
    fn opening_frame(&self, _channel: Option<&str>) -> Option<String> {
        None
    }

    /// What subscribes an open connection to more channels; nothing where that takes a frame for each.
    fn subscribe_frame(&self, _channels: &[String]) -> Option<String> {
        None
    }

    /// What a frame without a stamp asks for.
    fn read_text(&self, channel: Option<&str>, text: &str) -> Reaction;

    /// Appends a publish request; the payload is a JSON object that holds no backslash.
    fn publish(&self, channel: &str, payload: &[u8], unix_seconds: u64, request: &mut Vec<u8>);
}

/// What a subscriber does about a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Nothing,
    /// One more subscription holds, or the connection of who opens without any.
    Joined,
    Answer(String),
    /// Nothing that belongs into a measurement.
    Trouble(String),
}

// === impl TargetKind ===

impl TargetKind {
    /// Starts fresh processes, which nothing before has warmed or worn.
    pub(crate) fn start(self, programs: &Programs, installation: Installation) -> Result<Server> {
        let (redis, count) = match installation {
            Installation::Embedded => (None, 1),
            Installation::OnRedis { nodes } => (Some(RedisProcess::start(&programs.redis)?), nodes),
        };
        let nodes = match (self, &redis) {
            (Self::Native | Self::Pusher, Some(redis)) => {
                let running = fanline::start_nodes(programs, redis.address(), count)?;
                let node = |(running, greeting)| self.node(running, &greeting);
                running.into_iter().map(node).collect::<Result<_>>()?
            }
            (Self::Native | Self::Pusher, None) => {
                let (running, greeting) = fanline::start(programs, None)?;
                vec![self.node(running, &greeting)?]
            }
            (_, Some(_)) => bail!("{self} knows no Redis; take the rows native and pusher"),
            (Self::LimitWrite, None) => vec![limit::start(&programs.limit, "write")?],
            (Self::LimitCoalesce, None) => vec![limit::start(&programs.limit, "coalesce")?],
            (Self::LimitTokio, None) => vec![limit::start(&programs.limit, "tokio-mt")?],
        };
        Ok(Server { nodes, redis })
    }

    /// A running Fanline, spoken to in this protocol.
    fn node(self, running: ServerProcess, greeting: &Greeting) -> Result<Node> {
        let address = greeting.address()?;
        let wire: Box<dyn Wire> = match self {
            Self::Pusher => Box::new(pusher::PusherWire::new(address, greeting)),
            _ => Box::new(native::NativeWire::new(address, greeting)),
        };
        Ok(Node {
            running,
            address,
            wire,
        })
    }
}

impl fmt::Display for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LimitWrite => "limit-write",
            Self::LimitCoalesce => "limit-coalesce",
            Self::LimitTokio => "limit-tokio",
            Self::Native => "native",
            Self::Pusher => "pusher",
        })
    }
}

// === impl Server ===

impl Server {
    /// The node of a client: they are dealt out in turn.
    pub(crate) fn node(&self, client: usize) -> &Node {
        &self.nodes[client % self.nodes.len()]
    }

    /// Its nodes' sides of `/proc`.
    pub(crate) fn processes(&self) -> impl Iterator<Item = Process> {
        self.nodes.iter().map(Node::process)
    }

    pub(crate) fn redis(&self) -> Option<&RedisProcess> {
        self.redis.as_ref()
    }

    /// The processor time of each node so far.
    pub(crate) fn cpu_times(&self) -> Result<Vec<CpuTime>> {
        self.processes().map(|process| process.cpu_time()).collect()
    }

    /// What all nodes together have spent since an earlier reading.
    pub(crate) fn cpu_since(&self, earlier: &[CpuTime]) -> Result<CpuSpent> {
        let now = self.cpu_times()?;
        Ok(now
            .iter()
            .zip(earlier)
            .map(|(now, then)| now.since(then))
            .sum())
    }

    /// Stops everything as an operator would and says if it went badly.
    pub(crate) fn stop(self) -> Result<()> {
        for node in self.nodes {
            node.running.stop()?;
        }
        self.redis.map_or(Ok(()), RedisProcess::stop)
    }
}

// === impl Node ===

impl Node {
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn wire(&self) -> &dyn Wire {
        self.wire.as_ref()
    }

    /// Its side of `/proc`.
    pub(crate) fn process(&self) -> Process {
        Process::with_id(self.running.id())
    }
}

/// An upgrade request (RFC 6455, 4.1). The key is a nonce against caches; one will do here.
fn upgrade(address: SocketAddr, path: &str, protocol: Option<&str>) -> String {
    let key = base64::engine::general_purpose::STANDARD.encode("fanline-bench-00");
    let protocol = protocol.map_or_else(String::new, |name| {
        format!("Sec-WebSocket-Protocol: {name}\r\n")
    });
    format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{protocol}\r\n"
    )
}

/// Appends a POST request; `headers` are whole lines.
fn post(address: SocketAddr, target: &str, headers: &str, body: &[u8], request: &mut Vec<u8>) {
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{headers}\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    request.extend_from_slice(head.as_bytes());
    request.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_has_one_name_on_the_command_line_and_in_tables() {
        for kind in TargetKind::value_variants() {
            let named = kind
                .to_possible_value()
                .map(|value| value.get_name().to_owned());
            assert_eq!(named, Some(kind.to_string()));
        }
    }

    #[test]
    fn an_upgrade_request_has_what_a_handshake_needs() {
        let request = upgrade(
            SocketAddr::from(([127, 0, 0, 1], 80)),
            "/x",
            Some("fanline.v1"),
        );
        assert!(request.starts_with("GET /x HTTP/1.1\r\nHost: 127.0.0.1:80\r\n"));
        assert!(request.contains("\r\nSec-WebSocket-Key: ZmFubGluZS1iZW5jaC0wMA==\r\n"));
        assert!(request.ends_with("\r\nSec-WebSocket-Protocol: fanline.v1\r\n\r\n"));
    }
}
