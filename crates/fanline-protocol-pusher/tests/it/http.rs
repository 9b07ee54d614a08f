//! The HTTP API.

mod batches;
mod channels;
mod events;
mod later;
mod requests;
