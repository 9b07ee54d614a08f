//! The functions that act on channels within Redis: their text, their arguments and their answers.
//!
//! The name of the library carries its version; two versions may be loaded at once, and both bind an epoch to
//! the server's replication id alone, so that neither rotates what the other numbered.

mod answer;
mod arguments;
mod bare;
pub(crate) mod control_calls;
mod form;
pub(crate) mod index_calls;
pub(crate) mod presence_calls;

pub(crate) use answer::{carried, head, heads, outcomes, page, state};
pub(crate) use arguments::{HeadAsked, follow, publish, read, read_heads, read_state};
pub use bare::{FUNCTION_LIBRARY, publish_command};

/// What the name of every version of the library begins with.
pub(crate) const NAME_PREFIX: &str = "fanline_";

/// The name of this version, as its first line says it.
pub(crate) fn name() -> &'static str {
    let line = LIBRARY.lines().next().unwrap_or_default();
    line.rsplit('=').next().unwrap_or_default()
}

/// The library's text, as `FUNCTION LOAD` takes it.
pub(crate) const LIBRARY: &str = concat!(
    include_str!("library/channel.lua"),
    include_str!("library/log.lua"),
    include_str!("library/records.lua"),
    include_str!("library/values.lua"),
    include_str!("library/rule.lua"),
    include_str!("library/append.lua"),
    include_str!("library/publish.lua"),
    include_str!("library/read.lua"),
    include_str!("library/sweep.lua"),
    include_str!("library/presence.lua"),
    include_str!("library/index.lua"),
    include_str!("library/signals.lua"),
    include_str!("library/nodes.lua"),
);
