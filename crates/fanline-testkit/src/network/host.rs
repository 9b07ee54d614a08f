//! One host: where it is, what runs in it, whom it hears.

use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;

use anyhow::Result;

use super::namespace::Namespace;
use super::{FRONT, Side};

/// A host's ends of its wires.
const BACK: &str = "eth0";
const FRONT_END: &str = "eth1";
/// A hardware address that no host has: what is sent there is lost without a word.
const NOBODY: &str = "02:00:00:00:00:00";

/// A host of a [`Network`](super::Network). Whoever runs a process in it must hold it as long.
#[derive(Debug)]
pub struct Host {
    namespace: Namespace,
    switch: Arc<Namespace>,
    /// The switch's ends of its wires.
    ports: Ports,
    back: Ipv4Addr,
    front: Ipv4Addr,
}

#[derive(Debug)]
struct Ports {
    back: String,
    front: String,
}

// === impl Host ===

impl Host {
    /// A new one, on the near side.
    pub(super) fn plug(
        switch: Arc<Namespace>,
        number: u8,
        back: Ipv4Addr,
        front: Ipv4Addr,
    ) -> Result<Self> {
        let host = Self {
            namespace: Namespace::make()?,
            switch,
            ports: Ports {
                back: format!("back{number}"),
                front: format!("front{number}"),
            },
            back,
            front,
        };
        host.wire(BACK, back, &host.ports.back, Side::Near.bridge())?;
        host.wire(FRONT_END, front, &host.ports.front, FRONT)?;
        Ok(host)
    }

    fn wire(&self, end: &str, address: Ipv4Addr, port: &str, bridge: &str) -> Result<()> {
        let (inside, switch) = (&self.namespace, &self.switch);
        let there = switch.name();
        inside.ip(&format!(
            "link add {end} type veth peer name {port} netns {there}"
        ))?;
        inside.ip(&format!("addr add {address}/24 dev {end}"))?;
        inside.ip(&format!("link set {end} up"))?;
        switch.ip(&format!("link set {port} master {bridge} up"))
    }

    /// Where the other hosts find it.
    #[must_use]
    pub fn back(&self) -> Ipv4Addr {
        self.back
    }

    /// Where this machine finds it, whatever is cut.
    #[must_use]
    pub fn front(&self) -> Ipv4Addr {
        self.front
    }

    /// The name of its namespace, as `ip netns exec` takes it.
    #[must_use]
    pub fn name(&self) -> &str {
        self.namespace.name()
    }

    /// A program that will run in it, and can be frozen and killed as if it were started directly.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        self.namespace.command(program)
    }

    /// From now on nothing that it sends to other hosts arrives, and nothing that they send to it. Nobody is told.
    pub fn cut(&self) -> Result<()> {
        let port = &self.ports.back;
        self.switch.ip(&format!("link set {port} nomaster"))
    }

    /// From now on it hears the hosts of this side, and no others.
    pub fn join(&self, side: Side) -> Result<()> {
        let (port, bridge) = (&self.ports.back, side.bridge());
        self.switch.ip(&format!("link set {port} master {bridge}"))
    }

    /// From now on these two do not hear each other, while all others still hear both.
    pub fn cut_from(&self, other: &Self) -> Result<()> {
        for (here, there) in [(self, other), (other, self)] {
            let address = there.back;
            here.namespace.ip(&format!(
                "neigh replace {address} lladdr {NOBODY} dev {BACK} nud permanent"
            ))?;
        }
        Ok(())
    }

    /// Ends [`Host::cut_from`].
    pub fn heal_with(&self, other: &Self) -> Result<()> {
        for (here, there) in [(self, other), (other, self)] {
            let address = there.back;
            here.namespace
                .ip(&format!("neigh del {address} dev {BACK}"))?;
        }
        Ok(())
    }

    /// Ends a cut from all.
    pub fn heal(&self) -> Result<()> {
        self.join(Side::Near)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // Takes the wires along at once, also while a process still ends.
        for port in [&self.ports.back, &self.ports.front] {
            let _ = self.switch.ip(&format!("link del {port}"));
        }
    }
}
