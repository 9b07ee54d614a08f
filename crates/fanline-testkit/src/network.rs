//! A network of one test's own, whose links can be cut silently: no RST, no FIN, no refusal.
//!
//! Every host is a network namespace with two wires to a switch, which is a namespace too. On the *back* wire
//! hosts hear each other, if they are on the same [`Side`] of the switch: this is the one that is cut. On the
//! *front* wire the test, and what it starts on this machine, reaches each of them whatever is cut. This machine
//! has a wire to both, and on the back it is one more host of the near side.
//!
//! Namespaces need root. Where it is not given ([`Network::obstacle`] says so) a test must report that it did
//! not run; it must never pass.
//!
//! Everything is removed when it is dropped, also by a panic. What a killed test left behind has its process
//! id in its name, and is removed by whoever makes the next network.

mod host;
mod namespace;
#[cfg(test)]
mod tests;

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

use anyhow::{Context as _, Result, bail, ensure};

pub use host::Host;
use namespace::Namespace;

/// The bridge of the front wires.
const FRONT: &str = "front";
/// This machine's place among the addresses.
const OURSELVES: u8 = 254;

/// Front addresses begin with 10 and one of the 64 numbers from here.
const FRONT_BLOCK: u8 = 64;
/// The same of back addresses.
const BACK_BLOCK: u8 = 128;

/// How many networks this process has made.
static MADE: AtomicU16 = AtomicU16::new(0);

/// A switch that hosts are plugged into.
#[derive(Debug)]
pub struct Network {
    switch: Arc<Namespace>,
    /// This machine's ends of its wires.
    wires: [String; 2],
    subnet: Subnet,
    hosts: AtomicU8,
}

/// The addresses of a network: 256 for each of both wires.
#[derive(Clone, Copy, Debug)]
struct Subnet(u8, u8);

/// Which half of a divided network a host is on. All begin on the near one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where every host begins.
    Near,
    /// The other half.
    Far,
}

// === impl Network ===

impl Network {
    /// Why no network can be made here, if so.
    #[must_use]
    pub fn obstacle() -> Option<&'static str> {
        let is_root = rustix::process::geteuid().is_root();
        (!is_root).then_some("needs root: it cuts links between network namespaces")
    }

    /// An empty network.
    pub fn start() -> Result<Self> {
        if let Some(obstacle) = Self::obstacle() {
            bail!(obstacle);
        }
        namespace::remove_stale();
        let switch = Namespace::make()?;
        for bridge in [Side::Near.bridge(), Side::Far.bridge(), FRONT] {
            switch.ip(&format!("link add {bridge} type bridge"))?;
            switch.ip(&format!("link set {bridge} up"))?;
        }
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let network = Self {
            wires: ["b", "f"].map(|wire| format!("fl{}-{number}{wire}", std::process::id())),
            subnet: Subnet::unused(number)?,
            switch: Arc::new(switch),
            hosts: AtomicU8::new(0),
        };
        let [back, front] = &network.wires;
        network.connect(back, Side::Near.bridge(), network.subnet.back(OURSELVES))?;
        network.connect(front, FRONT, network.subnet.front(OURSELVES))?;
        Ok(network)
    }

    /// One host more, on the near side.
    pub fn host(&self) -> Result<Arc<Host>> {
        let number = self.hosts.fetch_add(1, Ordering::Relaxed) + 1;
        ensure!(number < OURSELVES, "a network has at most 253 hosts");
        let (back, front) = (self.subnet.back(number), self.subnet.front(number));
        let host = Host::plug(Arc::clone(&self.switch), number, back, front)?;
        Ok(Arc::new(host))
    }

    /// Gives this machine a wire.
    fn connect(&self, wire: &str, bridge: &str, address: Ipv4Addr) -> Result<()> {
        let (port, inside) = (format!("machine-{bridge}"), self.switch.name());
        namespace::ip(&format!(
            "link add {wire} type veth peer name {port} netns {inside}"
        ))?;
        self.switch
            .ip(&format!("link set {port} master {bridge} up"))?;
        namespace::ip(&format!("addr add {address}/24 dev {wire}"))?;
        namespace::ip(&format!("link set {wire} up"))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // Not left to the switch, which ends with its last process, in the kernel's own time.
        for wire in &self.wires {
            let _ = namespace::ip(&format!("link del {wire}"));
        }
    }
}

// === impl Subnet ===

impl Subnet {
    /// One of which this machine uses no address yet.
    fn unused(number: u16) -> Result<Self> {
        let used = namespace::addresses()?;
        // Tests that run at the same time begin far from each other.
        let process = std::process::id().wrapping_mul(97);
        let start = process.wrapping_add(u32::from(number));
        (0..u32::from(u16::MAX))
            .map(|step| start.wrapping_add(step).to_be_bytes())
            .map(|[.., high, low]| Self(high % 64, low))
            .find(|subnet| {
                let one_of_its_own = |prefix: &str| used.contains(&format!(" {prefix}."));
                !one_of_its_own(&subnet.prefix(FRONT_BLOCK))
                    && !one_of_its_own(&subnet.prefix(BACK_BLOCK))
            })
            .context("this machine uses all of 10.64.0.0/10 and 10.128.0.0/10")
    }

    fn prefix(&self, block: u8) -> String {
        let Self(high, low) = self;
        format!("10.{}.{low}", block + high)
    }

    fn front(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, FRONT_BLOCK + self.0, self.1, number)
    }

    fn back(&self, number: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, BACK_BLOCK + self.0, self.1, number)
    }
}

// === impl Side ===

impl Side {
    fn bridge(self) -> &'static str {
        match self {
            Self::Near => "near",
            Self::Far => "far",
        }
    }
}
