//! The first contact with every primary: it answers calls, and has the function library.

use redis::RedisError;

use super::Cluster;
use crate::topology::Address;

/// What is still missing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GreetError {
    #[error("the Redis server at {0} cannot be reached: {1}")]
    Away(Address, RedisError),
    #[error("the Redis server at {0} does not take the function library: {1}")]
    NoLibrary(Address, RedisError),
}

impl Cluster {
    /// Loads the library on every primary that has not got it from this node.
    pub(crate) async fn greet(&self) -> Result<(), GreetError> {
        let topology = self.topology.current();
        for primary in topology.owners() {
            let server = self.servers.at(&primary.address, &topology);
            let away = |error| GreetError::Away(primary.address.clone(), error);
            let live = server.open().await.map_err(away)?;
            if server.loads() == 0 {
                let loaded = server.load_library(&live, 0).await.map_err(away)?;
                loaded.map_err(|error| {
                    GreetError::NoLibrary(primary.address.clone(), error.into())
                })?;
            }
        }
        Ok(())
    }
}
