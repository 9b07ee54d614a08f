//! The broker on Redis, from a configuration: how it is reached, when it counts as reached, what it counts.

mod figures;
mod tls;

use fanline_broker_redis::{RedisBroker, RedisConfig, doctor};
use fanline_model::SystemClock;
use fanline_telemetry::Health;

use crate::config;

pub(crate) use fanline_broker_redis::doctor::{Finding, Verdict};
pub(super) use figures::measure;

/// How Redis is to be reached.
///
/// # Errors
/// A certificate cannot be read.
pub(super) fn reach(redis: &config::Redis) -> anyhow::Result<RedisConfig> {
    let password = redis.password.as_ref();
    Ok(RedisConfig {
        nodes: redis.nodes.clone(),
        replicas: redis.replicas,
        username: redis.username.clone(),
        password: password.map(|password| password.expose().to_owned()),
        tls: redis.tls.as_ref().map(tls::load).transpose()?,
        ..RedisConfig::default()
    })
}

/// Keeps the broker connected; never ends. The node is not ready before the first contact.
pub(super) async fn run(broker: &RedisBroker, health: &Health) {
    let contact = async {
        broker.first_contact(|missing| health.miss(missing)).await;
        tracing::info!("Redis is reached, and has the functions");
        health.found();
    };
    tokio::join!(broker.run(std::future::pending()), contact);
}

/// Looks at the servers that a configuration names, and at those that they know.
///
/// # Errors
/// A certificate cannot be read.
pub(crate) async fn examine(redis: &config::Redis) -> anyhow::Result<Vec<Finding>> {
    Ok(doctor::examine(&reach(redis)?, &SystemClock).await)
}
