//! Reading one app whole: the snapshot that the edge lives on.

use fanline_model::{AppId, ChannelPattern, KeyId, TenantId, Timestamp};
use fanline_tenancy::{
    Access, ApiKey, AppKey, AppSettings, AppSnapshot, NamespaceRule, Revision, RuleTable,
    Scope as KeyScope, Scopes, SecretText, SigningAlgorithm, SigningKey, TenantState,
};
use sqlx::Row;
use sqlx::Sqlite;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};

use crate::document::{LimitsDocument, NamespaceDocument};
use crate::error::StoreError;
use crate::operators::unhex;
use crate::scope::{Store, Transaction, sql, unsigned};
use crate::vault::Slot;

/// What Pusher secrets are sealed for.
pub(crate) const PUSHER_SECRET: &str = "pusher_secret";
/// What signing keys are sealed for.
pub(crate) const SIGNING_KEY: &str = "signing_key";

/// Which app, of which tenant; and where to read.
struct Reader<'a> {
    store: &'a Store,
    transaction: &'a mut Transaction,
    tenant: TenantId,
    app: AppId,
}

/// The app of this tenant, if there is one, all in one transaction.
pub(crate) async fn load(
    transaction: &mut Transaction,
    store: &Store,
    tenant: &TenantId,
    app: &AppId,
) -> Result<Option<AppSnapshot>, StoreError> {
    let row = sql(
        "SELECT a.pusher_app_id, a.name, a.enabled, a.allowed_origins, a.client_events, a.limits,
                a.revision, t.suspended, t.revision AS tenant_revision
         FROM apps a JOIN tenants t ON t.id = a.tenant_id WHERE a.tenant_id = $1 AND a.id = $2",
    )
    .bind(tenant.as_str().to_owned())
    .bind(app.as_str().to_owned())
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else { return Ok(None) };

    let mut reader = Reader {
        store,
        transaction,
        tenant: tenant.clone(),
        app: app.clone(),
    };
    let app_keys = reader.app_keys().await?;
    let api_keys = reader.api_keys().await?;
    let signing_keys = reader.signing_keys().await?;
    let rules = reader.rules().await?;
    Ok(Some(AppSnapshot {
        id: app.clone(),
        pusher_app_id: row.try_get("pusher_app_id")?,
        revision: Revision {
            tenant: unsigned(row.try_get("tenant_revision")?),
            app: unsigned(row.try_get("revision")?),
        },
        tenant: TenantState {
            id: tenant.clone(),
            suspended: flag(&row, "suspended")?,
        },
        settings: settings(&row)?,
        rules,
        app_keys: app_keys
            .into_iter()
            .map(|key| (key.key.clone(), key))
            .collect(),
        api_keys: api_keys
            .into_iter()
            .map(|key| (key.id.clone(), key))
            .collect(),
        signing_keys: signing_keys
            .into_iter()
            .map(|key| (key.kid.clone(), key))
            .collect(),
    }))
}

fn settings(row: &SqliteRow) -> Result<AppSettings, StoreError> {
    let limits: LimitsDocument = json(row, "apps", "limits")?;
    Ok(AppSettings {
        name: row.try_get("name")?,
        enabled: flag(row, "enabled")?,
        allowed_origins: json(row, "apps", "allowed_origins")?,
        client_events: flag(row, "client_events")?,
        limits: limits.over_defaults(),
    })
}

// === impl Reader ===

impl Reader<'_> {
    async fn app_keys(&mut self) -> Result<Vec<AppKey>, StoreError> {
        let statement = sql(
            "SELECT key, enabled, pusher_secrets FROM app_keys WHERE tenant_id = $1 AND app_id = $2",
        );
        let rows = self.rows(statement).await?;
        let key = |row: &SqliteRow| {
            let key: String = row.try_get("key")?;
            let sealed: Vec<String> = json(row, "app_keys", "pusher_secrets")?;
            let open = |sealed: &String| self.open(PUSHER_SECRET, &key, sealed);
            let pusher_secrets = sealed
                .iter()
                .filter_map(open)
                .take(AppKey::MAX_PUSHER_SECRETS)
                .collect();
            Ok(AppKey {
                enabled: flag(row, "enabled")?,
                pusher_secrets,
                ..AppKey::new(key)
            })
        };
        rows.iter().map(key).collect()
    }

    async fn api_keys(&mut self) -> Result<Vec<ApiKey>, StoreError> {
        let statement = sql(
            "SELECT id, parent_id, hash, hash_key_version, scopes, patterns, expires_at
             FROM api_keys WHERE tenant_id = $1 AND app_id = $2",
        );
        self.rows(statement).await?.iter().map(api_key).collect()
    }

    async fn signing_keys(&mut self) -> Result<Vec<SigningKey>, StoreError> {
        let statement = sql("SELECT kid, algorithm, generated, secret, created_at
             FROM signing_keys WHERE tenant_id = $1 AND app_id = $2");
        let rows = self.rows(statement).await?;
        let mut keys = Vec::new();
        for row in &rows {
            let kid: KeyId = id(row, "signing_keys", "kid", KeyId::parse)?;
            let word: String = row.try_get("algorithm")?;
            let Some(secret) = self.open(SIGNING_KEY, kid.as_str(), row.try_get("secret")?) else {
                continue;
            };
            let created_at = Timestamp::from_millis(unsigned(row.try_get("created_at")?));
            let key = SigningAlgorithm::parse(&word)
                .ok_or_else(|| format!("{word} is no algorithm"))
                .and_then(|algorithm| {
                    let generated = flag(row, "generated").unwrap_or(false);
                    SigningKey::new(kid.clone(), algorithm, secret, generated, created_at)
                        .map_err(|why| why.to_string())
                });
            match key {
                Ok(key) => keys.push(key),
                Err(problem) => {
                    tracing::error!(app = %self.app, %kid, problem, "this signing key is out of use")
                }
            }
        }
        Ok(keys)
    }

    async fn rules(&mut self) -> Result<RuleTable, StoreError> {
        let statement =
            sql("SELECT prefix, rule FROM namespaces WHERE tenant_id = $1 AND app_id = $2");
        let rows = self.rows(statement).await?;
        let rules: Result<Vec<_>, StoreError> =
            rows.iter().map(|row| rule(row, &self.app)).collect();
        Ok(RuleTable::new(rules?))
    }

    /// The rows of this app; every statement of this file names tenant and app, in this order.
    async fn rows(
        &mut self,
        statement: Query<'static, Sqlite, SqliteArguments>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        let rows = statement
            .bind(self.tenant.as_str().to_owned())
            .bind(self.app.as_str().to_owned())
            .fetch_all(&mut **self.transaction)
            .await?;
        Ok(rows)
    }

    fn open(&self, purpose: &'static str, row: &str, sealed: &str) -> Option<SecretText> {
        let slot = Slot {
            purpose,
            tenant: &self.tenant,
            app: &self.app,
            row,
        };
        self.store.vault().open(slot, sealed)
    }
}

fn api_key(row: &SqliteRow) -> Result<ApiKey, StoreError> {
    let corrupt = StoreError::corrupt("api_keys");
    let hash: String = row.try_get("hash")?;
    let words: Vec<String> = json(row, "api_keys", "scopes")?;
    let patterns: Vec<String> = json(row, "api_keys", "patterns")?;
    let parent: Option<String> = row.try_get("parent_id")?;
    let ends: Option<i64> = row.try_get("expires_at")?;
    Ok(ApiKey {
        id: id(row, "api_keys", "id", KeyId::parse)?,
        hash: unhex(&hash).ok_or_else(|| corrupt(&"hash"))?,
        hash_key_version: u32::try_from(row.try_get::<i64, _>("hash_key_version")?)
            .map_err(|why| corrupt(&why))?,
        scopes: Scopes {
            // A scope or pattern that this version does not know gives nothing.
            scopes: words
                .iter()
                .filter_map(|word| KeyScope::parse(word))
                .collect(),
            patterns: patterns
                .iter()
                .filter_map(|text| ChannelPattern::parse(text).ok())
                .collect(),
        },
        expires_at: ends.map(|end| Timestamp::from_millis(unsigned(end))),
        parent: parent
            .map(|text| KeyId::parse(&text).map_err(|why| corrupt(&why)))
            .transpose()?,
    })
}

/// A rule that cannot be read is shut: left out, a shorter prefix might open what it closed.
pub(crate) fn rule(row: &SqliteRow, app: &AppId) -> Result<NamespaceRule, StoreError> {
    let prefix: String = row.try_get("prefix")?;
    let text: String = row.try_get("rule")?;
    match serde_json::from_str::<NamespaceDocument>(&text) {
        Ok(document) => Ok(NamespaceDocument { prefix, ..document }.to_rule()),
        Err(error) => {
            tracing::error!(%app, prefix, %error, "a namespace cannot be read and is shut");
            Ok(NamespaceRule::new(prefix, Access::Token))
        }
    }
}

/// A shared text of JSON.
fn json<T: serde::de::DeserializeOwned>(
    row: &SqliteRow,
    table: &'static str,
    column: &str,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    serde_json::from_str(&text).map_err(|why| StoreError::corrupt(table)(&why))
}

/// An id, checked.
pub(crate) fn id<T, E: std::fmt::Display>(
    row: &SqliteRow,
    table: &'static str,
    column: &str,
    parse: fn(&str) -> Result<T, E>,
) -> Result<T, StoreError> {
    let text: String = row.try_get(column)?;
    parse(&text).map_err(|why| StoreError::corrupt(table)(&why))
}

fn flag(row: &SqliteRow, column: &str) -> Result<bool, StoreError> {
    Ok(row.try_get::<i64, _>(column)? != 0)
}
