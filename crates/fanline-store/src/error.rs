//! What can go wrong with the store, told apart by whose turn it is.

use std::path::PathBuf;

use fanline_tenancy::Unsealable;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such row, or it belongs to somebody else: the two are never told apart.
    #[error("there is no {0} by that name")]
    NotFound(&'static str),
    /// A value that cannot be; the text says which and what would be right.
    #[error("{0}")]
    Invalid(String),
    /// A value that could be, but not here and now; the text says why.
    #[error("{0}")]
    Conflict(String),
    /// The database file cannot be made.
    #[error("cannot create {path}: {source}; choose a data directory that this user may write to")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The tables cannot be brought up to date.
    #[error("the database cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The database does not answer or does not do what it should.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// A secret cannot be sealed.
    #[error(transparent)]
    Seal(#[from] Unsealable),
    /// What must be kept outside the store could not be written.
    #[error("the new credentials cannot be written: {0}")]
    Keep(#[source] std::io::Error),
    /// A row that this version cannot read.
    #[error("a row of {table} cannot be read: {problem}")]
    Corrupt {
        /// Its table.
        table: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

// === impl StoreError ===

impl StoreError {
    pub(crate) fn corrupt(table: &'static str) -> impl Fn(&dyn std::fmt::Display) -> Self {
        move |problem| Self::Corrupt {
            table,
            problem: problem.to_string(),
        }
    }
}
