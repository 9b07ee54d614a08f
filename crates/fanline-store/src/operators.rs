//! The tokens of the installation's operators.

use fanline_model::{KeyId, Timestamp};
use fanline_tenancy::ApiKeyText;
use sqlx::Row;
use subtle::ConstantTimeEq;

use crate::audit::Actor;
use crate::error::StoreError;
use crate::scope::{Operator, Transaction, millis, sql, unsigned};

/// What an operator may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorAccess {
    /// Look at everything.
    Read,
    /// Change everything.
    Full,
}

/// An operator's token that proved itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorToken {
    /// Its id.
    pub id: KeyId,
    /// A name for people.
    pub name: String,
    /// What it may do.
    pub access: OperatorAccess,
}

// === impl OperatorToken ===

impl OperatorToken {
    /// The name under which the audit notes what it did.
    pub fn actor(&self) -> Actor {
        Actor(format!("operator:{}", self.id))
    }
}

// === impl OperatorAccess ===

impl OperatorAccess {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Full => "full",
        }
    }

    /// Reads the word; what is not known may only look.
    fn parse(text: &str) -> Self {
        if text == Self::Full.as_str() {
            Self::Full
        } else {
            Self::Read
        }
    }
}

// === impl Operator ===

impl Operator {
    /// The operator that this token belongs to, if it is one and its time is not over.
    pub async fn verify(&self, text: &str) -> Result<Option<OperatorToken>, StoreError> {
        let Ok(text) = ApiKeyText::parse(text) else {
            return Ok(None);
        };
        let mut transaction = self.read().await?;
        let row = sql("SELECT name, access, hash, hash_key_version, expires_at FROM operator_tokens WHERE id = $1")
            .bind(text.id().as_str().to_owned())
            .fetch_optional(&mut *transaction)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let stored: String = row.try_get("hash")?;
        let version = u32::try_from(row.try_get::<i64, _>("hash_key_version")?).unwrap_or_default();
        let ends: Option<i64> = row.try_get("expires_at")?;
        let now = self.store().now();
        let over = ends.is_some_and(|end| Timestamp::from_millis(unsigned(end)) <= now);
        let hash = text.hash(version, &self.store().vault().hash_keys);
        let right = hash.is_some_and(|hash| hex(&hash).as_bytes().ct_eq(stored.as_bytes()).into());
        if !right || over {
            return Ok(None);
        }
        Ok(Some(OperatorToken {
            id: text.id().clone(),
            name: row.try_get("name")?,
            access: OperatorAccess::parse(row.try_get("access")?),
        }))
    }
}

/// Adds a token's row.
pub(crate) async fn insert(
    transaction: &mut Transaction,
    operator: &Operator,
    text: &ApiKeyText,
    name: &str,
    access: OperatorAccess,
) -> Result<(), StoreError> {
    let (version, hash) = text.hash_newest(&operator.store().vault().hash_keys);
    sql("INSERT INTO operator_tokens (id, name, access, hash, hash_key_version, expires_at, created_at)
         VALUES ($1, $2, $3, $4, $5, NULL, $6)")
    .bind(text.id().as_str().to_owned())
    .bind(name.to_owned())
    .bind(access.as_str())
    .bind(hex(&hash))
    .bind(i64::from(version))
    .bind(millis(operator.store().now()))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A hash as rows hold it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The other way; anything but 64 hexadecimal digits is none.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}
