//! Opens connections: RESP3, with credentials and time-outs. Names are resolved anew each time, because a
//! primary may have been replaced behind its host name.

mod link;

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, PushInfo,
    RedisConnectionInfo, RedisResult,
};

use crate::config::RedisConfig;
use crate::topology::Address;

pub(crate) use link::{Link, Live};

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
    pub(crate) async fn open(&self, address: &Address) -> RedisResult<MultiplexedConnection> {
        self.open_with_pushes(address, Box::new(|_| Ok(()))).await
    }

    /// A connection whose pushes (messages, subscriptions that ended, its own end) go to a handler.
    pub(crate) async fn open_with_pushes(
        &self,
        address: &Address,
        handler: PushHandler,
    ) -> RedisResult<MultiplexedConnection> {
        let (host, port) = (address.host.to_string(), address.port);
        let addr = ConnectionAddr::Tcp(host, port);
        let mut settings = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_lib_name("fanline", env!("CARGO_PKG_VERSION"));
        if let Some(username) = &self.config.username {
            settings = settings.set_username(username);
        }
        if let Some(password) = &self.config.password {
            settings = settings.set_password(password);
        }
        // Without it every small command behind another would wait for an acknowledgement.
        let tcp = TcpSettings::default().set_nodelay(true);
        let info = addr
            .into_connection_info()?
            .set_redis_settings(settings)
            .set_tcp_settings(tcp);
        let config = AsyncConnectionConfig::new()
            .set_push_sender(handler)
            .set_pipeline_buffer_size(PIPELINE)
            .set_connection_timeout(Some(self.config.connect_within))
            .set_response_timeout(Some(self.config.answer_within));
        Client::open(info)?
            .get_multiplexed_async_connection_with_config(&config)
            .await
    }
}
