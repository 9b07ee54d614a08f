//! The rig's own connections: one for each question, so that none outlives its server.

use std::time::Duration;

use anyhow::{Context as _, Result};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue};

const CONNECT_WITHIN: Duration = Duration::from_secs(2);
/// Longer than any command of ours takes.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Opens a connection to the server at this address.
pub(super) async fn open(address: &str) -> Result<MultiplexedConnection> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(ANSWER_WITHIN));
    Client::open(format!("redis://{address}"))?
        .get_multiplexed_async_connection_with_config(&config)
        .await
        .with_context(|| format!("no connection to {address}"))
}

/// One question on a connection of its own.
pub(super) async fn ask<T: FromRedisValue>(address: &str, command: &Cmd) -> Result<T> {
    let mut connection = open(address).await?;
    command
        .query_async(&mut connection)
        .await
        .with_context(|| format!("{address} refuses {}", describe(command)))
}

/// The words of a command; what is not text is replaced.
fn describe(command: &Cmd) -> String {
    let words: Vec<_> = command
        .args_iter()
        .filter_map(|word| match word {
            redis::Arg::Simple(word) => Some(String::from_utf8_lossy(word)),
            _ => None,
        })
        .collect();
    words.join(" ")
}
