//! The servers that commands go to: one connection each, and the library on it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;
use redis::{Cmd, Pipeline, RedisResult, ServerError, Value};

use super::{Counters, LibrarySource};
use crate::connector::{Connector, Link, Live};
use crate::durability::ReplicatedLink;
use crate::topology::{Address, Topology};

/// Every server that a command was sent to, as long as it is a primary.
pub(super) struct Servers {
    connector: Connector,
    library: LibrarySource,
    counters: Arc<Counters>,
    known: Mutex<HashMap<Address, Arc<Server>>>,
}

/// One server.
pub(super) struct Server {
    link: Link,
    /// For what replicas must acknowledge.
    replicated: Arc<ReplicatedLink>,
    library: LibrarySource,
    /// Whether the library was offered to it since it is known.
    greeted: AtomicBool,
    /// How often we loaded the library here.
    loads: AtomicU64,
    /// Held while loading: a thousand calls that miss the library load it once.
    loading: tokio::sync::Mutex<()>,
}

// === impl Servers ===

impl Servers {
    pub(super) fn new(
        connector: Connector,
        library: LibrarySource,
        counters: Arc<Counters>,
    ) -> Self {
        Self {
            connector,
            library,
            counters,
            known: Mutex::default(),
        }
    }

    /// The server at an address. Meeting a new one is the moment to forget those that are primaries no longer.
    pub(super) fn at(&self, address: &Address, topology: &Topology) -> Arc<Server> {
        let mut known = self.known.lock();
        if let Some(server) = known.get(address) {
            return Arc::clone(server);
        }
        let is_primary = |address: &Address| {
            let mut primaries = topology.primaries.iter();
            primaries.any(|primary| primary.address == *address)
        };
        known.retain(|address, _| is_primary(address));
        let server = Arc::new(self.meet(address));
        known.insert(address.clone(), Arc::clone(&server));
        server
    }

    fn meet(&self, address: &Address) -> Server {
        let counters = Arc::clone(&self.counters);
        Server {
            link: Link::new(self.connector.clone(), address.clone()),
            replicated: Arc::new(ReplicatedLink::new(&self.connector, address, counters)),
            library: self.library,
            greeted: AtomicBool::new(false),
            loads: AtomicU64::new(0),
            loading: tokio::sync::Mutex::new(()),
        }
    }
}

// === impl Server ===

impl Server {
    pub(super) fn address(&self) -> &Address {
        self.link.address()
    }

    pub(super) fn replicated(&self) -> &Arc<ReplicatedLink> {
        &self.replicated
    }

    /// A connection; the first one brings the library. An error means that nothing was executed.
    pub(super) async fn open(&self) -> RedisResult<Live> {
        let live = self.link.open().await?;
        if !self.greeted.load(Ordering::Relaxed) {
            // What a server refuses here (it may be a replica, or full) the call will hear better.
            if let Err(error) = self.load_library(&live, 0).await? {
                tracing::debug!(
                    address = %self.address(), %error,
                    "a Redis server does not take the function library yet"
                );
            }
            self.greeted.store(true, Ordering::Relaxed);
        }
        Ok(live)
    }

    /// Sends a command, after `ASKING` if the key is not yet at home here. An error means that its outcome is
    /// unknown.
    pub(super) async fn ask(&self, live: &Live, command: Cmd, asking: bool) -> RedisResult<Value> {
        if !asking {
            return self.link.ask(live, &command).await;
        }
        let mut both = Pipeline::with_capacity(2);
        both.cmd("ASKING").add_command(command);
        let mut answers = self.link.ask_all(live, &both).await?;
        Ok(answers.pop().unwrap_or_default())
    }

    /// Not this connection any more: behind the same name there may be another server by now.
    pub(super) fn give_up(&self, live: &Live) {
        self.link.give_up(live);
    }

    /// To be remembered before a call, and given to [`Server::load_library`] if the call missed the library.
    pub(super) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Loads the library, unless somebody did since `seen`.
    pub(super) async fn load_library(
        &self,
        live: &Live,
        seen: u64,
    ) -> RedisResult<Result<(), ServerError>> {
        let _loading = self.loading.lock().await;
        if self.loads() > seen {
            return Ok(Ok(()));
        }
        let mut command = redis::cmd("FUNCTION");
        command.arg("LOAD").arg("REPLACE").arg(self.library.code);
        if let Value::ServerError(error) = self.link.ask(live, &command).await? {
            return Ok(Err(error));
        }
        self.loads.fetch_add(1, Ordering::Relaxed);
        tracing::info!(address = %self.address(), "the function library was loaded");
        Ok(Ok(()))
    }
}
