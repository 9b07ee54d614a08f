//! The binary `fanline`: configuration, wiring, command line, and what `fanline dev` adds.
//!
//! The only crate that reads files of configuration and the environment, binds listeners and hears
//! signals; everything below takes them as arguments. [`wire`] alone names concrete stores, brokers and
//! protocols.

mod app_changes;
pub mod apps_file;
pub mod cli;
mod client;
pub mod config;
pub mod credentials;
pub mod data_dir;
pub mod dev;
mod files;
mod http_service;
pub mod keys;
mod loopback;
mod private_file;
mod registration;
pub mod serve;
mod stop;
pub mod wire;
