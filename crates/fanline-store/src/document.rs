//! The shapes of settings: the same JSON in the admin API, in the command line and in the rows.

mod app;
mod limits;
mod namespace;
mod object;
mod retention;
mod whole;
mod words;

pub use app::{AppDocument, AppKeyDocument, AppPatch};
pub use limits::LimitsDocument;
pub use namespace::{NamespaceDocument, NamespaceSettings, check_prefix};
pub use object::parse;
pub use retention::{HistoryDocument, StateDocument};
pub use words::{AccessWord, DurabilityWord, SlowConsumerWord};
