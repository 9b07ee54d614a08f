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
mod keys;
mod library;
mod presence;
mod slot;
mod supervisor;
mod topology;

pub use broker::{RedisBroker, RedisStats};
pub use config::RedisConfig;
pub use presence::RedisPresence;
