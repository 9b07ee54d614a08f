//! Redis, one server or a cluster of many, as the broker of many nodes.
//!
//! A channel is one hash, and everything that happens to it is one call of one function
//! ([`library`]) on one key: nothing else is atomic in a cluster whose slots move. Commands and
//! subscriptions go over connections of our own ([`connector`]), routed by one view of the cluster
//! ([`topology`]), because no client library flags its own retries or keeps sharded subscriptions alive.
//! This crate knows no protocol and no tenant's rules, and never claims more than Redis has answered.

mod broker;
mod cluster;
mod config;
mod connector;
pub mod doctor;
mod durability;
mod index;
mod keys;
mod library;
mod nodes;
mod presence;
mod signals;
mod slot;
mod supervisor;
mod sweeper;
mod topology;
mod vigil;

pub use broker::{RedisBroker, RedisStats};
pub use config::RedisConfig;
pub use connector::RedisTls;
pub use library::{FUNCTION_LIBRARY, publish_command};
pub use nodes::RedisNodes;
pub use presence::RedisPresence;
pub use signals::{
    InstallationId, RedisSignals, RefusedSignals, SignalKey, SignalSender, SignalStats,
};
