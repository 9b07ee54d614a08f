//! The bare loop that figures are ratios of: no protocol, no accounting, no timers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use super::process::{self, ServerProcess};
use super::{Node, Reaction, Wire, post, upgrade};
use crate::clock::{Clock, pause};

const START_BUDGET: Duration = Duration::from_secs(5);

/// Starts it in one of its modes.
pub(crate) fn start(program: &Path, mode: &str) -> Result<Node> {
    let address = process::free_address()?;
    let mut command = Command::new(program);
    command.arg(mode).arg(address.port().to_string());
    let mut running = ServerProcess::start(command, "--limit-bin")?;
    let clock = Clock::start();
    while std::net::TcpStream::connect(address).is_err() {
        running.require_alive()?;
        if clock.elapsed() > START_BUDGET {
            bail!("limit {mode} did not listen on {address} within {START_BUDGET:?}");
        }
        pause(Duration::from_millis(10));
    }
    Ok(Node {
        running,
        address,
        wire: Box::new(LimitWire { address }),
    })
}

struct LimitWire {
    address: SocketAddr,
}

impl Wire for LimitWire {
    fn handshake(&self, channel: Option<&str>) -> String {
        let channel = channel.unwrap_or_default();
        upgrade(self.address, &format!("/sub?id={channel}"), None)
    }

    fn joins_by_handshake(&self) -> bool {
        true
    }

    fn read_text(&self, _channel: Option<&str>, text: &str) -> Reaction {
        Reaction::Trouble(format!("limit sent {text:?}, which nobody published"))
    }

    fn publish(&self, channel: &str, payload: &[u8], _unix_seconds: u64, request: &mut Vec<u8>) {
        post(
            self.address,
            &format!("/pub?id={channel}"),
            "",
            payload,
            request,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_of_a_publish_is_the_message_itself() {
        let wire = LimitWire {
            address: SocketAddr::from(([127, 0, 0, 1], 7391)),
        };
        let mut request = Vec::new();
        wire.publish("c", b"{}", 0, &mut request);
        let request = String::from_utf8_lossy(&request);
        assert!(
            request.starts_with("POST /pub?id=c HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(
            request.ends_with("\r\nContent-Length: 2\r\n\r\n{}"),
            "{request}"
        );
        assert!(
            wire.handshake(Some("c"))
                .starts_with("GET /sub?id=c HTTP/1.1\r\n")
        );
    }
}
