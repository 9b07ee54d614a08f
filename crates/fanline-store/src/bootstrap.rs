//! The first start: a tenant, an app, and every credential that a newcomer needs, in one transaction.

use fanline_model::{AppId, ChannelPattern, KeyId, TenantId, Timestamp};
use fanline_tenancy::{
    ApiKey, ApiKeyText, RuleTable, Scope as KeyScope, Scopes, SecretText, SigningKey,
};
use serde_json::json;

use crate::audit::{Actor, Change, note};
use crate::document::NamespaceDocument;
use crate::error::StoreError;
use crate::operators::{self, OperatorAccess, hex};
use crate::scope::{Operator, Transaction, millis, sql};
use crate::snapshot::{PUSHER_SECRET, SIGNING_KEY};
use crate::vault::Slot;

/// What to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapRequest {
    /// The tenant's name, for people.
    pub tenant_name: String,
    /// The app's name, for people.
    pub app_name: String,
    /// Whether the app has the rules that Pusher's users expect: what is not private is open.
    pub preset_for_pusher: bool,
}

/// What was made. The secrets are here and nowhere else in clear: they cannot be read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrapped {
    /// The tenant.
    pub tenant_id: TenantId,
    /// The app.
    pub app_id: AppId,
    /// An API key with every scope, `fl_…`.
    pub api_key: SecretText,
    /// A signing key.
    pub signing_key: SigningCredentials,
    /// A Pusher app: its key is the app key of native clients too.
    pub pusher: PusherCredentials,
    /// A token of an operator who may do everything.
    pub operator_token: SecretText,
}

/// A signing key, to be shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningCredentials {
    /// What a token's header must name.
    pub kid: KeyId,
    /// The secret.
    pub secret: SecretText,
}

/// Pusher credentials, to be shown once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PusherCredentials {
    /// Digits.
    pub app_id: String,
    /// The public key, 20 hexadecimal digits.
    pub key: String,
    /// The secret, 20 hexadecimal digits.
    pub secret: SecretText,
}

/// Everything that is about to be written.
struct Making<'a> {
    operator: &'a Operator,
    request: &'a BootstrapRequest,
    api_key: ApiKeyText,
    signing_key: SigningKey,
    operator_token: ApiKeyText,
    made: Bootstrapped,
}

// === impl Operator ===

impl Operator {
    /// Whether nobody lives here yet.
    pub async fn is_empty(&self) -> Result<bool, StoreError> {
        let mut transaction = self.read().await?;
        let tenant = sql("SELECT id FROM tenants LIMIT 1")
            .fetch_optional(&mut *transaction)
            .await?;
        Ok(tenant.is_none())
    }

    /// Makes a tenant with an app and its credentials.
    ///
    /// `keep` is called with the secrets before anything is committed, to write them where they belong.
    /// The other way round, a process that dies between the two would leave an installation to which
    /// nobody has the keys.
    pub async fn bootstrap(
        &self,
        request: &BootstrapRequest,
        keep: impl FnOnce(&Bootstrapped) -> std::io::Result<()> + Send,
    ) -> Result<Bootstrapped, StoreError> {
        let making = Making::new(self, request);
        let mut transaction = self.write().await?;
        making.insert(&mut transaction).await?;
        keep(&making.made).map_err(StoreError::Keep)?;
        transaction.commit().await?;
        Ok(making.made)
    }
}

// === impl Making ===

impl<'a> Making<'a> {
    fn new(operator: &'a Operator, request: &'a BootstrapRequest) -> Self {
        let random = operator.store().random();
        let half_key = || {
            let mut bytes = [0; 10];
            random.fill(&mut bytes);
            hex(&bytes)
        };
        let api_key = ApiKeyText::generate(random);
        let signing_key = SigningKey::generate(random, operator.store().now());
        let operator_token = ApiKeyText::generate_for_operator(random);
        let made = Bootstrapped {
            tenant_id: TenantId::generate(random),
            app_id: AppId::generate(random),
            api_key: api_key.expose(),
            signing_key: SigningCredentials {
                kid: signing_key.kid.clone(),
                secret: signing_key.secret().clone(),
            },
            pusher: PusherCredentials {
                // Twelve digits without a leading zero, as Pusher's own are digits.
                app_id: (100_000_000_000 + random.u64() % 900_000_000_000).to_string(),
                key: half_key(),
                secret: SecretText::new(half_key()),
            },
            operator_token: operator_token.expose(),
        };
        Self {
            operator,
            request,
            api_key,
            signing_key,
            operator_token,
            made,
        }
    }

    async fn insert(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        self.tenant_and_app(transaction).await?;
        self.keys(transaction).await?;
        self.rules(transaction).await?;
        let access = OperatorAccess::Full;
        operators::insert(
            transaction,
            self.operator,
            &self.operator_token,
            "bootstrap",
            access,
        )
        .await?;
        let Bootstrapped {
            tenant_id,
            app_id,
            pusher,
            signing_key,
            ..
        } = &self.made;
        let change = Change {
            actor: &Actor("bootstrap".to_owned()),
            tenant: tenant_id,
            app: Some(app_id),
            action: "bootstrap",
            detail: json!({
                "api_key_id": self.api_key.id().as_str(),
                "kid": signing_key.kid.as_str(),
                "pusher_app_id": pusher.app_id,
                "app_key": pusher.key,
                "operator_token_id": self.operator_token.id().as_str(),
            }),
        };
        note(transaction, self.operator.store(), change).await
    }

    /// The tenant's row comes first: it is the lock of everything that follows (TENANCY 14).
    async fn tenant_and_app(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let now = millis(self.now());
        sql("INSERT INTO tenants (id, name, suspended, revision, created_at) VALUES ($1, $2, 0, $3, $3)")
            .bind(self.tenant())
            .bind(self.request.tenant_name.clone())
            .bind(now)
            .execute(&mut **transaction)
            .await?;
        sql("INSERT INTO apps (id, tenant_id, pusher_app_id, name, enabled, allowed_origins, client_events,
                    limits, revision, created_at)
             VALUES ($1, $2, $3, $4, 1, '[]', 1, '{}', $5, $5)")
        .bind(self.app())
        .bind(self.tenant())
        .bind(self.made.pusher.app_id.clone())
        .bind(self.request.app_name.clone())
        .bind(now)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    async fn keys(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        let now = millis(self.now());
        let pusher = &self.made.pusher;
        let sealed = self.seal(PUSHER_SECRET, &pusher.key, &pusher.secret)?;
        sql(
            "INSERT INTO app_keys (key, tenant_id, app_id, enabled, pusher_secrets, created_at)
             VALUES ($1, $2, $3, 1, $4, $5)",
        )
        .bind(pusher.key.clone())
        .bind(self.tenant())
        .bind(self.app())
        .bind(json!([sealed]).to_string())
        .bind(now)
        .execute(&mut **transaction)
        .await?;

        let row = ApiKey::of(
            &self.api_key,
            &self.operator.store().vault().hash_keys,
            Scopes::all(),
        );
        let words: Vec<_> = row
            .scopes
            .scopes
            .iter()
            .map(|scope: &KeyScope| scope.as_str())
            .collect();
        let patterns: Vec<_> = row
            .scopes
            .patterns
            .iter()
            .map(ChannelPattern::to_string)
            .collect();
        sql("INSERT INTO api_keys (id, tenant_id, app_id, parent_id, name, hash, hash_key_version, scopes,
                    patterns, expires_at, created_at)
             VALUES ($1, $2, $3, NULL, 'bootstrap', $4, $5, $6, $7, NULL, $8)")
        .bind(row.id.as_str().to_owned())
        .bind(self.tenant())
        .bind(self.app())
        .bind(hex(&row.hash))
        .bind(i64::from(row.hash_key_version))
        .bind(json!(words).to_string())
        .bind(json!(patterns).to_string())
        .bind(now)
        .execute(&mut **transaction)
        .await?;

        let key = &self.signing_key;
        sql("INSERT INTO signing_keys (app_id, kid, tenant_id, algorithm, generated, secret, created_at)
             VALUES ($1, $2, $3, $4, 1, $5, $6)")
        .bind(self.app())
        .bind(key.kid.as_str().to_owned())
        .bind(self.tenant())
        .bind(key.algorithm.as_str())
        .bind(self.seal(SIGNING_KEY, key.kid.as_str(), key.secret())?)
        .bind(now)
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    async fn rules(&self, transaction: &mut Transaction) -> Result<(), StoreError> {
        for rule in RuleTable::born(self.request.preset_for_pusher).rows() {
            sql("INSERT INTO namespaces (app_id, prefix, tenant_id, rule) VALUES ($1, $2, $3, $4)")
                .bind(self.app())
                .bind(rule.prefix.clone())
                .bind(self.tenant())
                .bind(json!(NamespaceDocument::of(rule)).to_string())
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }

    fn seal(
        &self,
        purpose: &'static str,
        row: &str,
        secret: &SecretText,
    ) -> Result<String, StoreError> {
        let slot = Slot {
            purpose,
            tenant: &self.made.tenant_id,
            app: &self.made.app_id,
            row,
        };
        let store = self.operator.store();
        Ok(store.vault().seal(slot, secret, store.random())?)
    }

    fn tenant(&self) -> String {
        self.made.tenant_id.to_string()
    }

    fn app(&self) -> String {
        self.made.app_id.to_string()
    }

    fn now(&self) -> Timestamp {
        self.signing_key.created_at
    }
}
