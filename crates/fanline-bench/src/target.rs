//! What can be measured: a server's wire, and how such a server is started and stopped.

mod fanline;
mod limit;
mod native;
mod process;
mod pusher;
mod signature;

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::Result;
use base64::Engine;
use clap::ValueEnum;
use serde::Serialize;

use crate::proc::Process;
use process::ServerProcess;

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
    /// Appended to Fanline's command line.
    pub(crate) fanline_arguments: Vec<String>,
}

/// A server that runs until this is dropped.
pub(crate) struct Server {
    running: ServerProcess,
    address: SocketAddr,
    wire: Box<dyn Wire>,
}

/// How one protocol is spoken. Pure: text in, text out.
pub(crate) trait Wire {
    /// The upgrade request of a subscriber.
    fn handshake(&self, channel: &str) -> String;

    /// Whether a finished upgrade is all it takes to be subscribed.
    fn joins_by_handshake(&self) -> bool {
        false
    }

    /// What a subscriber says first.
    fn opening_frame(&self, _channel: &str) -> Option<String> {
        None
    }

    /// What a frame without a stamp asks for.
    fn read_text(&self, channel: &str, text: &str) -> Reaction;

    /// Appends a publish request; the payload is a JSON object that holds no backslash.
    fn publish(&self, channel: &str, payload: &[u8], unix_seconds: u64, request: &mut Vec<u8>);
}

/// What a subscriber does about a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    Nothing,
    Joined,
    Answer(String),
    /// Nothing that belongs into a measurement.
    Trouble(String),
}

// === impl TargetKind ===

impl TargetKind {
    /// Starts a fresh server, which nothing before has warmed or worn.
    pub(crate) fn start(self, programs: &Programs) -> Result<Server> {
        match self {
            Self::LimitWrite => limit::start(&programs.limit, "write"),
            Self::LimitCoalesce => limit::start(&programs.limit, "coalesce"),
            Self::LimitTokio => limit::start(&programs.limit, "tokio-mt"),
            Self::Native => {
                let (running, greeting) = fanline::start(programs)?;
                let address = greeting.address()?;
                let wire = Box::new(native::NativeWire::new(address, &greeting));
                Ok(Server {
                    running,
                    address,
                    wire,
                })
            }
            Self::Pusher => {
                let (running, greeting) = fanline::start(programs)?;
                let address = greeting.address()?;
                let wire = Box::new(pusher::PusherWire::new(address, &greeting));
                Ok(Server {
                    running,
                    address,
                    wire,
                })
            }
        }
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

    /// Stops it as an operator would and says if it went badly.
    pub(crate) fn stop(self) -> Result<()> {
        self.running.stop()
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
