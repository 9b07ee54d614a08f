//! Namespaces: the rule rows of an app.

use fanline_model::AppId;
use serde_json::json;
use sqlx::Row;

use crate::audit::{Actor, Change, note};
use crate::document::{NamespaceDocument, NamespaceSettings};
use crate::error::StoreError;
use crate::scope::{Scope, sql};

/// How many rules an app may have: every snapshot carries them all (TENANCY 22).
const MOST: i64 = 1_000;

/// What a put came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// There was no such rule before.
    Created,
    /// A former rule was replaced.
    Replaced,
}

// === impl Scope ===

impl Scope {
    /// Every rule of an app, longest prefix first.
    pub async fn namespaces(&self, app: &AppId) -> Result<Vec<NamespaceDocument>, StoreError> {
        Ok(self
            .app(app)
            .await?
            .rules
            .rows()
            .iter()
            .map(NamespaceDocument::of)
            .collect())
    }

    /// One rule of an app.
    pub async fn namespace(
        &self,
        app: &AppId,
        prefix: &str,
    ) -> Result<NamespaceDocument, StoreError> {
        let rules = self.namespaces(app).await?;
        rules
            .into_iter()
            .find(|rule| rule.prefix == prefix)
            .ok_or(StoreError::NotFound("namespace"))
    }

    /// Makes or replaces a rule. What a preset brought is the owner's from then on.
    pub async fn put_namespace(
        &self,
        app: &AppId,
        prefix: &str,
        settings: &NamespaceSettings,
        actor: &Actor,
    ) -> Result<(NamespaceDocument, Put), StoreError> {
        settings.check(prefix)?;
        let document = NamespaceDocument {
            prefix: prefix.to_owned(),
            preset: false,
            settings: settings.clone(),
        };
        let mut transaction = self.write(app).await?;
        let replaced = sql(
            "UPDATE namespaces SET rule = $1 WHERE tenant_id = $2 AND app_id = $3 AND prefix = $4",
        )
        .bind(json!(document).to_string())
        .bind(self.id().as_str().to_owned())
        .bind(app.as_str().to_owned())
        .bind(prefix.to_owned())
        .execute(&mut *transaction)
        .await?;
        let put = if replaced.rows_affected() > 0 {
            Put::Replaced
        } else {
            Put::Created
        };
        if put == Put::Created {
            let count = sql(
                "SELECT COUNT(*) AS rules FROM namespaces WHERE tenant_id = $1 AND app_id = $2",
            )
            .bind(self.id().as_str().to_owned())
            .bind(app.as_str().to_owned())
            .fetch_one(&mut *transaction)
            .await?;
            if count.try_get::<i64, _>("rules")? >= MOST {
                return Err(StoreError::Conflict(format!(
                    "an app has at most {MOST} namespaces; remove one, or let a shorter prefix cover several"
                )));
            }
            sql("INSERT INTO namespaces (app_id, prefix, tenant_id, rule) VALUES ($1, $2, $3, $4)")
                .bind(app.as_str().to_owned())
                .bind(prefix.to_owned())
                .bind(self.id().as_str().to_owned())
                .bind(json!(document).to_string())
                .execute(&mut *transaction)
                .await?;
        }
        let detail = json!(document);
        let change = Change {
            actor,
            tenant: self.id(),
            app: Some(app),
            action: "namespace.put",
            detail,
        };
        note(&mut transaction, self.store(), change).await?;
        transaction.commit().await?;
        Ok((document, put))
    }

    /// Removes a rule; its channels fall to the next shorter prefix.
    pub async fn delete_namespace(
        &self,
        app: &AppId,
        prefix: &str,
        actor: &Actor,
    ) -> Result<(), StoreError> {
        let mut transaction = self.write(app).await?;
        if prefix.is_empty() {
            return Err(StoreError::Conflict(
                "the rule of the empty prefix covers what no other does and cannot be removed; put another in its place"
                    .to_owned(),
            ));
        }
        let removed =
            sql("DELETE FROM namespaces WHERE tenant_id = $1 AND app_id = $2 AND prefix = $3")
                .bind(self.id().as_str().to_owned())
                .bind(app.as_str().to_owned())
                .bind(prefix.to_owned())
                .execute(&mut *transaction)
                .await?;
        if removed.rows_affected() == 0 {
            return Err(StoreError::NotFound("namespace"));
        }
        let detail = json!({"prefix": prefix});
        let change = Change {
            actor,
            tenant: self.id(),
            app: Some(app),
            action: "namespace.delete",
            detail,
        };
        note(&mut transaction, self.store(), change).await?;
        transaction.commit().await
    }
}
