//! Apps: list, look at, change the settings.

use fanline_model::{AppId, TenantId};
use fanline_tenancy::AppSnapshot;
use serde_json::json;

use crate::audit::{Actor, Change, note};
use crate::document::AppPatch;
use crate::error::StoreError;
use crate::scope::{Operator, Scope, sql};
use crate::snapshot;

// === impl Operator ===

impl Operator {
    /// Every app of every tenant, in order of id.
    pub async fn apps(&self) -> Result<Vec<AppSnapshot>, StoreError> {
        let mut transaction = self.read().await?;
        let rows = sql("SELECT tenant_id, id FROM apps ORDER BY id")
            .fetch_all(&mut *transaction)
            .await?;
        let mut apps = Vec::with_capacity(rows.len());
        for row in &rows {
            let tenant = snapshot::id(row, "apps", "tenant_id", TenantId::parse)?;
            let app = snapshot::id(row, "apps", "id", AppId::parse)?;
            apps.extend(snapshot::load(&mut transaction, self.store(), &tenant, &app).await?);
        }
        Ok(apps)
    }

    /// The scope of the tenant that an app belongs to.
    pub async fn scope_of(&self, app: &AppId) -> Result<Scope, StoreError> {
        let mut transaction = self.read().await?;
        let row = sql("SELECT tenant_id FROM apps WHERE id = $1")
            .bind(app.as_str().to_owned())
            .fetch_optional(&mut *transaction)
            .await?;
        let row = row.ok_or(StoreError::NotFound("app"))?;
        Ok(self
            .store()
            .tenant(snapshot::id(&row, "apps", "tenant_id", TenantId::parse)?))
    }
}

// === impl Scope ===

impl Scope {
    /// One app of this tenant.
    pub async fn app(&self, app: &AppId) -> Result<AppSnapshot, StoreError> {
        let mut transaction = self.read().await?;
        let found = snapshot::load(&mut transaction, self.store(), self.id(), app).await?;
        found.ok_or(StoreError::NotFound("app"))
    }

    /// Changes what the patch names, and answers the app as it is then.
    pub async fn patch_app(
        &self,
        app: &AppId,
        patch: &AppPatch,
        actor: &Actor,
    ) -> Result<AppSnapshot, StoreError> {
        patch.check()?;
        let mut transaction = self.write(app).await?;
        let origins = patch
            .allowed_origins
            .as_ref()
            .map(|list| json!(list).to_string());
        let limits = patch.limits.as_ref().map(serde_json::to_string).transpose();
        sql(
            "UPDATE apps SET name = COALESCE($1, name), enabled = COALESCE($2, enabled),
                    allowed_origins = COALESCE($3, allowed_origins),
                    client_events = COALESCE($4, client_events), limits = COALESCE($5, limits)
             WHERE tenant_id = $6 AND id = $7",
        )
        .bind(patch.name.clone())
        .bind(patch.enabled.map(i64::from))
        .bind(origins)
        .bind(patch.client_events.map(i64::from))
        .bind(limits.map_err(|why| StoreError::Invalid(why.to_string()))?)
        .bind(self.id().as_str().to_owned())
        .bind(app.as_str().to_owned())
        .execute(&mut *transaction)
        .await?;
        let detail = json!(patch);
        let change = Change {
            actor,
            tenant: self.id(),
            app: Some(app),
            action: "app.patch",
            detail,
        };
        note(&mut transaction, self.store(), change).await?;
        let changed = snapshot::load(&mut transaction, self.store(), self.id(), app).await?;
        transaction.commit().await?;
        changed.ok_or(StoreError::NotFound("app"))
    }
}
