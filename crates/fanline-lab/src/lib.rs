//! The lab: a whole installation, one fault, and the question whether every promise held.
//!
//! A *run* starts a Redis Cluster and several servers, lets publishers, subscribers and presence members work
//! on them, does what a *scenario* says, waits until all is quiet, and audits what the servers then hold. Everyone
//! writes down what they did and heard, one file each ([`log`]). What happened is decided afterwards, by the
//! [`checker`], from these files alone: it never sees a process, so that a run can be judged again, and so that the
//! judge itself can be tested with forged files.
//!
//! The lab drives real servers over their public protocols. It must never look into a server, repair what a
//! fault broke, or retry a scenario until it passes.

pub mod checker;
pub mod dice;
pub mod http;
pub mod log;
pub mod page;
pub mod report;
pub mod run;
pub mod scenario;
pub mod stage;
pub mod workload;
