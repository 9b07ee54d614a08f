//! Connection keys: proof that a client had a connection id before, so that it may keep it on any node.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanline_model::{AppId, ConnectionId, UserId};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Makes and checks connection keys. The key is shared by the nodes of an installation.
pub(crate) struct ConnectionKeys {
    secret: [u8; 32],
}

impl ConnectionKeys {
    pub(crate) fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// The key of a connection: its id and a MAC over id, app and subject.
    pub(crate) fn make(&self, id: ConnectionId, app: &AppId, subject: Option<&UserId>) -> Box<str> {
        format!(
            "{id}.{}",
            URL_SAFE_NO_PAD.encode(self.mac(id, app, subject))
        )
        .into()
    }

    /// The connection id of a key that was made for this app and subject; `None` for anything else.
    pub(crate) fn check(
        &self,
        key: &str,
        app: &AppId,
        subject: Option<&UserId>,
    ) -> Option<ConnectionId> {
        let (id, mac) = key.rsplit_once('.')?;
        let id = ConnectionId::parse(id).ok()?;
        let given = URL_SAFE_NO_PAD.decode(mac).ok()?;
        bool::from(given.as_slice().ct_eq(&self.mac(id, app, subject))).then_some(id)
    }

    fn mac(&self, id: ConnectionId, app: &AppId, subject: Option<&UserId>) -> [u8; 16] {
        // A key of any length is accepted by HMAC, so that this cannot fail.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.secret) else {
            return [0; 16];
        };
        let (left, right) = id.to_parts();
        mac.update(b"fanline connection key 1\0");
        mac.update(&left.to_be_bytes());
        mac.update(&right.to_be_bytes());
        mac.update(app.as_str().as_bytes());
        // Anonymous is not the same as a user with an empty id.
        mac.update(&[0, u8::from(subject.is_some())]);
        mac.update(subject.map_or(b"", |subject| subject.as_str().as_bytes()));
        let full = mac.finalize().into_bytes();
        let mut short = [0; 16];
        short.copy_from_slice(&full[..16]);
        short
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_key_keeps_its_id_for_the_same_app_and_subject_only() {
        let keys = ConnectionKeys::new([7; 32]);
        let (app, other) = (
            AppId::parse("app_a").unwrap(),
            AppId::parse("app_b").unwrap(),
        );
        let (ann, bob) = (UserId::parse("ann").unwrap(), UserId::parse("bob").unwrap());
        let id = ConnectionId::from_parts(12, 34);
        let key = keys.make(id, &app, Some(&ann));
        assert_eq!(keys.check(&key, &app, Some(&ann)), Some(id));
        assert_eq!(keys.check(&key, &app, Some(&bob)), None);
        assert_eq!(keys.check(&key, &app, None), None);
        assert_eq!(keys.check(&key, &other, Some(&ann)), None);
        assert_eq!(
            ConnectionKeys::new([8; 32]).check(&key, &app, Some(&ann)),
            None
        );
    }

    #[test]
    fn a_forged_key_is_nobody() {
        let keys = ConnectionKeys::new([7; 32]);
        let app = AppId::parse("app_a").unwrap();
        for forged in [
            "",
            "1.2",
            "1.2.",
            "1.2.AAAAAAAAAAAAAAAAAAAAAA",
            "x.y.z",
            "1.2.%%%",
        ] {
            assert_eq!(keys.check(forged, &app, None), None, "{forged:?}");
        }
    }
}
