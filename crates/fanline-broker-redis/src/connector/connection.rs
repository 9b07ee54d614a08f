//! An open connection.

use std::io;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::select_ok;
use redis::aio::{AsyncStream, MultiplexedConnection};
use redis::{AsyncConnectionConfig, RedisConnectionInfo, RedisResult};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::AbortHandle;

use crate::topology::Address;

/// A connection; clones share it, and it is closed with the last one.
#[derive(Clone)]
pub(crate) struct Connection {
    commands: MultiplexedConnection,
    _driver: Arc<Driver>,
}

/// The task that moves the bytes. Left alone it would wait for the answers of a server that gives none.
struct Driver(AbortHandle);

/// A TCP connection to the first address of the host that takes one.
pub(super) async fn dial(address: &Address) -> io::Result<TcpStream> {
    let found = lookup_host((&*address.host, address.port)).await?;
    let tries: Vec<_> = found.map(|at| TcpStream::connect(at).boxed()).collect();
    if tries.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    let (stream, _) = select_ok(tries).await?;
    // Without it every small command behind another would wait for an acknowledgement.
    stream.set_nodelay(true)?;
    Ok(stream)
}

// === impl Connection ===

impl Connection {
    /// Greets the server at the other end of a stream.
    pub(super) async fn greet(
        stream: impl AsyncStream + Unpin + Send + 'static,
        credentials: &RedisConnectionInfo,
        config: AsyncConnectionConfig,
    ) -> RedisResult<Self> {
        let greeting = MultiplexedConnection::new_with_config(credentials, stream, config);
        let (commands, driver) = greeting.await?;
        let driver = tokio::spawn(driver).abort_handle();
        Ok(Self {
            commands,
            _driver: Arc::new(Driver(driver)),
        })
    }
}

impl Deref for Connection {
    type Target = MultiplexedConnection;

    fn deref(&self) -> &MultiplexedConnection {
        &self.commands
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut MultiplexedConnection {
        &mut self.commands
    }
}

// === impl Driver ===

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}
