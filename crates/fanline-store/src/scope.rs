//! The only door to the database, and the only place that holds its connections.
//!
//! A [`Scope`] belongs to one tenant; [`Operator`] crosses tenants and is named so that a reviewer sees
//! it. Both hand out transactions and nothing else. A write to an app *begins* with raising the app's
//! revision: that takes the row lock on Postgres and the writer's lock on SQLite (TENANCY 14).

mod open;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::sync::Arc;

use fanline_model::{AppId, Clock, Random, TenantId, Timestamp};
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool};

use crate::error::StoreError;
use crate::vault::Vault;

/// The store of one installation. Clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    /// One connection: SQLite has one writer, and waiting for it here is fair.
    writer: SqlitePool,
    readers: SqlitePool,
    vault: Vault,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
}

/// Everything of one tenant, and nothing of any other.
#[derive(Clone, Debug)]
pub struct Scope {
    store: Store,
    tenant: TenantId,
}

/// Everything of every tenant: for the installation's operators, the directory and the bootstrap.
#[derive(Clone, Debug)]
pub struct Operator {
    store: Store,
}

/// A transaction. Dropped without a commit it leaves nothing behind.
pub(crate) struct Transaction(sqlx::Transaction<'static, Sqlite>);

/// A statement. It is never kept prepared: behind a pooler another's rows would come back (TENANCY 13).
pub(crate) fn sql(text: &'static str) -> Query<'static, Sqlite, SqliteArguments> {
    sqlx::query(text).persistent(false)
}

// === impl Store ===

impl Store {
    /// Opens the database file, makes it if it is not there, and brings its tables up to date.
    pub async fn open(
        file: &Path,
        vault: Vault,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, StoreError> {
        let (writer, readers) = open::open(file).await?;
        Ok(Self(Arc::new(Inner {
            writer,
            readers,
            vault,
            clock,
            random,
        })))
    }

    /// Writes everything to the file and lets go of it.
    pub async fn close(&self) {
        self.0.readers.close().await;
        self.0.writer.close().await;
    }

    /// The scope of one tenant.
    pub fn tenant(&self, tenant: TenantId) -> Scope {
        Scope {
            store: self.clone(),
            tenant,
        }
    }

    /// The scope of every tenant.
    pub fn operator(&self) -> Operator {
        Operator {
            store: self.clone(),
        }
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) fn random(&self) -> &dyn Random {
        &*self.0.random
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

// === impl Scope ===

impl Scope {
    /// The tenant.
    pub fn id(&self) -> &TenantId {
        &self.tenant
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Begins to read.
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction(self.store.0.readers.begin().await?))
    }

    /// Begins to change an app: its row is locked and its revision is raised to the larger of old + 1 and
    /// now in milliseconds (TENANCY 11), so that no revision ever comes twice.
    pub(crate) async fn write(&self, app: &AppId) -> Result<Transaction, StoreError> {
        let mut transaction = Transaction(self.store.0.writer.begin().await?);
        let raised = sql(
            "UPDATE apps SET revision = CASE WHEN revision + 1 > $1 THEN revision + 1 ELSE $1 END
             WHERE tenant_id = $2 AND id = $3 RETURNING revision",
        )
        .bind(millis(self.store.now()))
        .bind(self.tenant.as_str().to_owned())
        .bind(app.as_str().to_owned())
        .fetch_optional(&mut *transaction)
        .await?;
        raised
            .map(|_| transaction)
            .ok_or(StoreError::NotFound("app"))
    }
}

// === impl Operator ===

impl Operator {
    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Begins to read.
    pub(crate) async fn read(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction(self.store.0.readers.begin().await?))
    }

    /// Begins to write; the first statement must be the write that locks (TENANCY 14).
    pub(crate) async fn write(&self) -> Result<Transaction, StoreError> {
        Ok(Transaction(self.store.0.writer.begin().await?))
    }
}

// === impl Transaction ===

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        Ok(self.0.commit().await?)
    }
}

impl Deref for Transaction {
    type Target = SqliteConnection;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// Times and counts as the database has them. What no clock reaches saturates.
pub(crate) fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}

/// The other way; there is nothing below zero.
pub(crate) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
