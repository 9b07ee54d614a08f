//! HMAC-SHA-256 (RFC 2104, FIPS 180-4), the one keyed hash of this crate.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

/// The code of the parts, one after the other. The caller sees to it that they cannot run together.
pub(crate) fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::with_key(&Key::new(HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut code = [0; 32];
    // SHA-256 makes 32 bytes, always.
    code.copy_from_slice(context.sign().as_ref());
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hmac_of_rfc_4231() {
        let code = hmac_sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        let hex: String = code.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
