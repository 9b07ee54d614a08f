//! Who changed what: one line with every change, in its transaction.

use fanline_model::{AppId, TenantId, Timestamp};
use serde_json::Value;
use sqlx::Row;

use crate::error::StoreError;
use crate::scope::{Operator, Store, Transaction, millis, sql, unsigned};

/// Whoever makes a change, as the audit names them: `operator:<token id>`, or `bootstrap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor(pub(crate) String);

/// One line.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditLine {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// Whose.
    pub tenant: String,
    /// Of which app, if of one.
    pub app: Option<String>,
    /// What was done, such as `namespace.put`.
    pub action: String,
    /// To what; never a secret.
    pub detail: Value,
}

/// What a change says of itself.
pub(crate) struct Change<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) tenant: &'a TenantId,
    pub(crate) app: Option<&'a AppId>,
    pub(crate) action: &'static str,
    pub(crate) detail: Value,
}

/// Adds a line within the change's own transaction.
pub(crate) async fn note(
    transaction: &mut Transaction,
    store: &Store,
    change: Change<'_>,
) -> Result<(), StoreError> {
    sql("INSERT INTO audit (id, at, actor, tenant_id, app_id, action, detail) VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(store.random().alphanumeric(22))
        .bind(millis(store.now()))
        .bind(change.actor.0.clone())
        .bind(change.tenant.as_str().to_owned())
        .bind(change.app.map(|app| app.as_str().to_owned()))
        .bind(change.action)
        .bind(change.detail.to_string())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

// === impl Operator ===

impl Operator {
    /// The newest lines of every tenant, newest first.
    pub async fn audit(&self, most: u32) -> Result<Vec<AuditLine>, StoreError> {
        let mut transaction = self.read().await?;
        let rows = sql("SELECT at, actor, tenant_id, app_id, action, detail FROM audit ORDER BY at DESC, id LIMIT $1")
            .bind(i64::from(most))
            .fetch_all(&mut *transaction)
            .await?;
        let line = |row: &sqlx::sqlite::SqliteRow| {
            Ok(AuditLine {
                at: Timestamp::from_millis(unsigned(row.try_get("at")?)),
                actor: row.try_get("actor")?,
                tenant: row.try_get("tenant_id")?,
                app: row.try_get("app_id")?,
                action: row.try_get("action")?,
                detail: serde_json::from_str(row.try_get("detail")?).unwrap_or(Value::Null),
            })
        };
        rows.iter().map(line).collect()
    }
}
