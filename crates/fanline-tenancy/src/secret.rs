//! Secrets that do not tell themselves: no `Display`, a redacted `Debug`, comparison in constant time.

use std::fmt;
use std::sync::Arc;

use subtle::ConstantTimeEq;

/// A secret text, shared between snapshots.
#[derive(Clone)]
pub struct SecretText(Arc<str>);

/// Secret bytes, shared between snapshots.
#[derive(Clone)]
pub struct SecretBytes(Arc<[u8]>);

// === impl SecretText ===

impl SecretText {
    /// Takes a secret in.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for the one line that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The same secret as bytes.
    pub fn to_bytes(&self) -> SecretBytes {
        SecretBytes::new(self.0.as_bytes())
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

// === impl SecretBytes ===

impl SecretBytes {
    /// Takes a secret in.
    pub fn new(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The secret itself, for the one line that needs it.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SecretBytes {}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_in_its_debug_text() {
        assert_eq!(
            format!("{:?}", SecretText::new("hunter2")),
            "SecretText(..)"
        );
        assert_eq!(
            format!("{:?}", Some(SecretBytes::new(*b"hunter2"))),
            "Some(SecretBytes(..))"
        );
    }

    #[test]
    fn secrets_compare_by_value() {
        assert_eq!(SecretText::new("a"), SecretText::new("a"));
        assert_ne!(SecretText::new("a"), SecretText::new("ab"));
    }
}
