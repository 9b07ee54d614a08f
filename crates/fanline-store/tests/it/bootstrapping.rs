//! The first start makes everything that a newcomer needs, and shows it once.

use std::io::ErrorKind;
use std::sync::Arc;

use fanline_model::{SeededRandom, Timestamp};
use fanline_store::{OperatorAccess, Store, StoreDirectory, StoreError};
use fanline_tenancy::{AppRef, Directory, Proof, Rights, Scope, SignatureOf, Verifier};

use crate::world::{NOW, World, request, vault};

#[tokio::test]
async fn every_credential_that_it_shows_opens_the_app() {
    let world = World::new().await;
    let directory = Arc::new(StoreDirectory::new(&world.store));
    let random = Arc::new(SeededRandom::new(1));
    let verifier = Verifier::new(
        directory.clone(),
        world.clock.clone(),
        random,
        vault().hash_keys,
    );
    let by_key = AppRef::Key(world.shop.pusher.key.as_str().into());

    let anonymous = verifier.authenticate(&by_key, &Proof::None).await.unwrap();
    assert_eq!(anonymous.authority.app, world.shop.app_id);

    let proof = Proof::ApiKey(world.shop.api_key.expose().into());
    let backend = verifier
        .authenticate(
            &AppRef::from_api_key(world.shop.api_key.expose()).unwrap(),
            &proof,
        )
        .await
        .unwrap();
    assert!(
        matches!(&backend.authority.rights, Rights::ApiKey(scopes) if Scope::ALL.iter().all(|one| scopes.have(*one)))
    );

    // A token of any JWT library, with the kid and the secret as they were shown.
    let header = jsonwebtoken::Header {
        kid: Some(world.shop.signing_key.kid.to_string()),
        ..jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256)
    };
    let secret =
        jsonwebtoken::EncodingKey::from_secret(world.shop.signing_key.secret.expose().as_bytes());
    let claims = serde_json::json!({"sub": "5", "exp": NOW / 1000 + 60});
    let token = jsonwebtoken::encode(&header, &claims, &secret).unwrap();
    let user = verifier
        .authenticate(&by_key, &Proof::Token(token.into()))
        .await
        .unwrap();
    assert_eq!(user.authority.subject.unwrap().as_str(), "5");

    // HMAC-SHA-256 of "x" under the Pusher secret.
    let key = aws_lc_rs::hmac::Key::new(
        aws_lc_rs::hmac::HMAC_SHA256,
        world.shop.pusher.secret.expose().as_bytes(),
    );
    let code = aws_lc_rs::hmac::sign(&key, b"x");
    let signature: String = code
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let proof = Proof::Signature {
        of: SignatureOf::Request,
        key: world.shop.pusher.key.as_str().into(),
        signed: vec!["x".into()],
        signature: signature.into(),
    };
    let by_alias = AppRef::PusherApp(world.shop.pusher.app_id.as_str().into());
    let pusher = verifier.authenticate(&by_alias, &proof).await.unwrap();
    assert!(matches!(pusher.authority.rights, Rights::Pusher));
}

#[tokio::test]
async fn credentials_have_the_form_that_clients_expect() {
    let world = World::new().await;
    let pusher = &world.shop.pusher;
    assert!(pusher.app_id.len() == 12 && pusher.app_id.bytes().all(|b| b.is_ascii_digit()));
    for half in [pusher.key.as_str(), pusher.secret.expose()] {
        assert!(
            half.len() == 20 && half.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
            "{half}"
        );
    }
    assert!(world.shop.api_key.expose().starts_with("fl_"));
    assert!(world.shop.operator_token.expose().starts_with("fl_op_"));
    assert_ne!(world.shop, world.other);
}

#[tokio::test]
async fn no_secret_stands_in_the_file_or_in_a_debug_text() {
    let world = World::new().await;
    world.store.close().await;
    let mut text = std::fs::read(world.file()).unwrap();
    for companion in ["fanline.db-wal", "fanline.db-shm"] {
        text.extend(std::fs::read(world.folder.path().join(companion)).unwrap_or_default());
    }
    let shown = format!("{:?}", world.shop);
    for secret in [
        &world.shop.api_key,
        &world.shop.signing_key.secret,
        &world.shop.pusher.secret,
        &world.shop.operator_token,
    ] {
        let secret = secret.expose().rsplit('_').next().unwrap();
        // Without the checksum at the end of a key.
        let secret = &secret[..secret.len().min(43)];
        assert!(
            !text
                .windows(secret.len())
                .any(|window| window == secret.as_bytes()),
            "{secret}"
        );
        assert!(!shown.contains(secret));
    }
    let key = world.shop.pusher.key.as_bytes();
    assert!(
        text.windows(key.len()).any(|window| window == key),
        "the file was searched"
    );
}

#[tokio::test]
async fn an_operator_s_token_proves_itself_and_no_other_does() {
    let world = World::new().await;
    let operator = world.store.operator();
    let token = operator
        .verify(world.shop.operator_token.expose())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(token.access, OperatorAccess::Full);
    for wrong in ["", "fl_op_x_y", world.shop.api_key.expose()] {
        assert_eq!(operator.verify(wrong).await.unwrap(), None, "{wrong}");
    }
    let mut other = vault();
    other.hash_keys = fanline_tenancy::HashKeys::new(1, [9; 32]);
    let store = world.open_again(other).await;
    assert_eq!(
        store
            .operator()
            .verify(world.shop.operator_token.expose())
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn what_could_not_be_kept_was_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(fanline_model::ManualClock::at(Timestamp::from_millis(NOW)));
    let file = folder.path().join("fanline.db");
    let store = Store::open(&file, vault(), clock, Arc::new(SeededRandom::new(1)))
        .await
        .unwrap();
    assert!(store.operator().is_empty().await.unwrap());
    let full = |_: &_| Err(ErrorKind::StorageFull.into());
    let failed = store
        .operator()
        .bootstrap(&request("shop", true), full)
        .await;
    assert!(matches!(failed, Err(StoreError::Keep(_))));
    assert!(
        store.operator().is_empty().await.unwrap(),
        "nothing is left behind"
    );

    let made = store
        .operator()
        .bootstrap(&request("shop", true), |_| Ok(()))
        .await
        .unwrap();
    assert!(!store.operator().is_empty().await.unwrap());
    let held = StoreDirectory::new(&store)
        .app(&AppRef::Id(made.app_id))
        .await
        .unwrap();
    assert!(held.is_serving());
}
