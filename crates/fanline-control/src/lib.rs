//! The admin API under `/admin/v1`: apps, their settings and their rules, and the nodes, for the
//! installation's operators.
//!
//! One operation per file under `routes/`; the attribute that documents an operation is also its route.
//! Unknown fields are refused by name here, unlike in frames: a misspelt setting must not pass for one
//! that was set. This crate binds no listener and admits no host: who may reach it is the server's to say.

mod body;
mod caller;
mod changes;
mod document;
mod path;
mod problem;
mod routes;
mod state;

pub use changes::AppChanges;
pub use routes::{openapi, router};
pub use state::ControlState;
