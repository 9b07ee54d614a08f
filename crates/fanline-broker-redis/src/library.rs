//! The functions that act on channels within Redis: their text, their arguments and their answers.
//!
//! The name of the library carries its version; two versions may be loaded at once, and both bind an epoch to
//! the server's replication id alone, so that neither rotates what the other numbered.

mod answer;
mod arguments;
pub(crate) mod presence_calls;

pub(crate) use answer::{carried, head, outcomes, page, state};
pub(crate) use arguments::{follow, publish, read, read_head, read_state};

/// The library's text, as `FUNCTION LOAD` takes it.
pub(crate) const LIBRARY: &str = concat!(
    include_str!("library/channel.lua"),
    include_str!("library/publish.lua"),
    include_str!("library/read.lua"),
    include_str!("library/presence.lua"),
    include_str!("library/leases.lua"),
);
