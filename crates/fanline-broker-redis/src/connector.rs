//! Opens connections: RESP3, over TLS where it is asked for, with credentials and time-outs. Names are resolved
//! anew each time, because a primary may have been replaced behind its host name.
//!
//! The TCP and TLS streams are opened here and not by the crate `redis`: it would read the system's certificates
//! at every connection, also where others were named, take a process-wide cryptography or panic, and verify no
//! other name than the one dialled.

mod connection;
mod link;
mod tls;

use std::io;
use std::time::Duration;

use redis::{AsyncConnectionConfig, ProtocolVersion, PushInfo, RedisConnectionInfo, RedisResult};
use tokio::time::timeout;

use crate::config::RedisConfig;
use crate::topology::Address;

pub(crate) use connection::Connection;
pub(crate) use link::{Link, Live};
pub use tls::RedisTls;

/// What hears the pushes of a connection, on the connection's own task: it must return quickly.
pub(crate) type PushHandler = Box<dyn Fn(PushInfo) -> Result<(), ()> + Send + Sync>;

/// How many commands may wait to be written to one connection before their callers are held back.
const PIPELINE: usize = 1_024;

/// Opens connections to the servers of one installation.
#[derive(Clone, Debug)]
pub(crate) struct Connector {
    config: RedisConfig,
}

impl Connector {
    pub(crate) fn new(config: RedisConfig) -> Self {
        Self { config }
    }

    pub(crate) fn config(&self) -> &RedisConfig {
        &self.config
    }

    /// The same, but no more patient than this: for looking whether a server is alive.
    pub(crate) fn hurried(&self, patience: Duration) -> Self {
        let mut config = self.config.clone();
        config.connect_within = config.connect_within.min(patience);
        config.answer_within = config.answer_within.min(patience);
        Self { config }
    }

    /// A connection for the commands of a test.
    #[cfg(test)]
    pub(crate) async fn open(&self, address: &Address) -> RedisResult<Connection> {
        self.open_with_pushes(address, Box::new(|_| Ok(()))).await
    }

    /// A connection whose pushes (messages, subscriptions that ended, its own end) go to a handler.
    pub(crate) async fn open_with_pushes(
        &self,
        address: &Address,
        handler: PushHandler,
    ) -> RedisResult<Connection> {
        let opened = timeout(
            self.config.connect_within,
            self.open_in_time(address, handler),
        );
        match opened.await {
            Ok(opened) => opened,
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        }
    }

    async fn open_in_time(
        &self,
        address: &Address,
        handler: PushHandler,
    ) -> RedisResult<Connection> {
        let (credentials, config) = (self.credentials(), self.behaviour(handler));
        let stream = connection::dial(address).await?;
        match &self.config.tls {
            None => Connection::greet(stream, &credentials, config).await,
            Some(tls) => {
                let stream = tls.shake_hands(&address.host, stream).await?;
                Connection::greet(stream, &credentials, config).await
            }
        }
    }

    fn credentials(&self) -> RedisConnectionInfo {
        let mut credentials = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_lib_name("fanline", env!("CARGO_PKG_VERSION"));
        if let Some(username) = &self.config.username {
            credentials = credentials.set_username(username);
        }
        if let Some(password) = &self.config.password {
            credentials = credentials.set_password(password);
        }
        credentials
    }

    fn behaviour(&self, handler: PushHandler) -> AsyncConnectionConfig {
        AsyncConnectionConfig::new()
            .set_push_sender(handler)
            .set_pipeline_buffer_size(PIPELINE)
            .set_response_timeout(Some(self.config.answer_within))
    }
}
