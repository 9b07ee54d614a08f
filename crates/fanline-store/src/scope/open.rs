//! Opening the SQLite file: what differs from Postgres stands here.

use std::fs::OpenOptions;
use std::path::Path;
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

use crate::error::StoreError;

/// How long a caller waits for a connection before the store counts as away.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writer and the readers of a file whose tables are up to date.
pub(super) async fn open(file: &Path) -> Result<(SqlitePool, SqlitePool), StoreError> {
    create_private(file)?;
    let options = SqliteConnectOptions::new()
        .filename(file)
        .journal_mode(SqliteJournalMode::Wal)
        // What was answered must be there after a power cut (DESIGN, "Decided early").
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(PATIENCE);
    let limits = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(PATIENCE)
    };

    let writer = limits(1).connect_with(options.clone()).await?;
    migrator().run(&writer).await?;
    let readers = limits(4)
        .connect_with(options.pragma("query_only", "ON"))
        .await?;
    Ok((writer, readers))
}

/// The tables, as files, without sqlx's macros (they would compile SQLite twice).
fn migrator() -> Migrator {
    let migration = |version, name: &'static str, text: &'static str| {
        Migration::new(
            version,
            name.into(),
            MigrationType::Simple,
            text.into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations(vec![migration(
        1,
        "directory",
        include_str!("../../../../migrations/0001_directory.sql"),
    )])
}

/// Makes the file readable by its owner alone; SQLite gives its companions the same mode.
fn create_private(file: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |source| StoreError::Create {
        path: file.to_owned(),
        source,
    };
    options.open(file).map(drop).map_err(failed)
}
