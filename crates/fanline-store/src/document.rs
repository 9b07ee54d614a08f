//! The shapes of settings: the same JSON in the admin API, in the command line and in the rows.

mod app;
mod limits;
mod namespace;
mod object;
mod whole;

pub use app::{AppDocument, AppKeyDocument, AppPatch};
pub use limits::LimitsDocument;
pub use namespace::{
    AccessWord, HistoryDocument, NamespaceDocument, NamespaceSettings, SlowConsumerWord,
    StateDocument, check_prefix,
};
pub use object::parse;
