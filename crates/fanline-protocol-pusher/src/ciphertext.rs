//! What an encrypted channel carries: the server cannot read it, but can see that it is ciphertext.

use std::borrow::Cow;

use serde::Deserialize;

/// The sentence for data that is none.
pub(crate) const NEEDED: &str = "Channels that begin with private-encrypted- take encrypted data only: a JSON object with \
     \"nonce\" and \"ciphertext\". Publish with an SDK that has the encryption master key.";

/// The form that every SDK gives encrypted data; further fields are the SDKs' own.
#[derive(Deserialize)]
struct Ciphertext<'a> {
    #[serde(borrow)]
    nonce: Cow<'a, str>,
    #[serde(borrow)]
    ciphertext: Cow<'a, str>,
}

/// Whether the JSON text is ciphertext by its form.
pub(crate) fn is_ciphertext(json: &str) -> bool {
    // A derived struct would take an array too.
    json.trim_start().starts_with('{')
        && serde_json::from_str::<Ciphertext<'_>>(json)
            .is_ok_and(|data| !data.nonce.is_empty() && !data.ciphertext.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_object_with_nonce_and_ciphertext_is_ciphertext() {
        assert!(is_ciphertext(r#"{"nonce":"bg==","ciphertext":"Yw=="}"#));
        assert!(is_ciphertext(
            r#" {"ciphertext":"Yw==","nonce":"bg==","v":1}"#
        ));
        for other in [
            "",
            "{}",
            r#"["bg==","Yw=="]"#,
            r#"{"nonce":"bg=="}"#,
            r#"{"nonce":"","ciphertext":"Yw=="}"#,
            r#"{"nonce":1,"ciphertext":"Yw=="}"#,
            r#""{\"nonce\":\"bg==\",\"ciphertext\":\"Yw==\"}""#,
        ] {
            assert!(!is_ciphertext(other), "{other}");
        }
    }
}
