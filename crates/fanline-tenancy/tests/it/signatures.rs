//! Pusher signatures: each proves its own purpose, under any live secret of its key.

use fanline_tenancy::{AppRef, AuthError, CredentialRef, Proof, Rights, SecretText, SignatureOf};

use crate::world::{World, app, by_key, pusher_signature, refusal};

#[tokio::test]
async fn a_signed_request_is_a_backend_with_pusher_rights() {
    let world = World::new();
    let proof = pusher_signature(
        SignatureOf::Request,
        "key-shop",
        "secret-shop",
        "POST\n/apps/1/events\n",
    );
    for by in [AppRef::PusherApp("pusher-shop".into()), by_key("shop")] {
        let authority = world.authenticate(&by, &proof).await.unwrap().authority;
        assert!(matches!(authority.rights, Rights::Pusher) && authority.subject.is_none());
        assert_eq!(
            authority.credentials,
            [CredentialRef::AppKey("key-shop".into())]
        );
    }
    let unknown = world
        .authenticate(&AppRef::PusherApp("nobody".into()), &proof)
        .await;
    assert_eq!(unknown.unwrap_err(), AuthError::UnknownApp);
}

#[tokio::test]
async fn a_signature_by_the_key_of_another_app_opens_nothing() {
    let world = World::new();
    let proof = pusher_signature(
        SignatureOf::Request,
        "key-shop",
        "secret-shop",
        "GET\n/apps/2/channels\n",
    );
    assert!(
        refusal(
            world
                .authenticate(&AppRef::PusherApp("pusher-other".into()), &proof)
                .await
        )
        .contains("key")
    );
}

#[tokio::test]
async fn a_signature_for_one_purpose_proves_no_other() {
    let world = World::new();
    let shop = app("shop");
    for of in [SignatureOf::Channel, SignatureOf::User] {
        let proof = pusher_signature(of, "key-shop", "secret-shop", "1.2:private-a");
        assert_eq!(world.verifier.verify_signature(&shop, &proof), Ok(()));
        refusal(world.authenticate(&by_key("shop"), &proof).await);
    }
    let request = pusher_signature(
        SignatureOf::Request,
        "key-shop",
        "secret-shop",
        "1.2:private-a",
    );
    refusal(world.verifier.verify_signature(&shop, &request));
    refusal(world.verifier.verify_signature(&shop, &Proof::None));
}

#[test]
fn any_live_secret_of_the_key_will_do_and_no_other() {
    let world = World::new();
    let mut shop = app("shop");
    let sign =
        |secret: &str| pusher_signature(SignatureOf::Channel, "key-shop", secret, "1.2:private-a");
    shop.app_keys
        .get_mut("key-shop")
        .unwrap()
        .pusher_secrets
        .push(SecretText::new("rotated"));
    for secret in ["secret-shop", "rotated"] {
        assert_eq!(
            world.verifier.verify_signature(&shop, &sign(secret)),
            Ok(()),
            "{secret}"
        );
    }
    for secret in ["", "secret-other", "secret-sho"] {
        assert!(
            refusal(world.verifier.verify_signature(&shop, &sign(secret)))
                .contains("does not verify")
        );
    }
}

#[test]
fn keys_without_a_secret_switched_off_or_unknown_sign_nothing() {
    let world = World::new();
    let sign = |key: &str, secret: &str| {
        pusher_signature(SignatureOf::Channel, key, secret, "1.2:private-a")
    };
    let refused = |key, secret| {
        refusal(
            world
                .verifier
                .verify_signature(&app("shop"), &sign(key, secret)),
        )
    };
    assert!(refused("plain-shop", "").contains("no secret"));
    assert!(refused("off-shop", "s").contains("switched off"));
    assert!(refused("key-other", "secret-other").contains("does not have"));

    let mut disabled = app("shop");
    disabled.settings.enabled = false;
    let proof = sign("key-shop", "secret-shop");
    assert_eq!(
        world.verifier.verify_signature(&disabled, &proof),
        Err(AuthError::AppDisabled)
    );
}

#[test]
fn a_signature_is_lower_case_hex_as_received() {
    let world = World::new();
    let Proof::Signature {
        of,
        key,
        signed,
        signature,
    } = pusher_signature(
        SignatureOf::Channel,
        "key-shop",
        "secret-shop",
        "1.2:private-a",
    )
    else {
        panic!("a signature is a signature");
    };
    for other in [
        signature.to_uppercase(),
        String::new(),
        format!("{signature}00"),
        signature[..63].to_owned(),
    ] {
        let proof = Proof::Signature {
            of,
            key: key.clone(),
            signed: signed.clone(),
            signature: other.into(),
        };
        refusal(world.verifier.verify_signature(&app("shop"), &proof));
    }
    let nothing_signed = Proof::Signature {
        of,
        key,
        signed: vec![],
        signature,
    };
    refusal(
        world
            .verifier
            .verify_signature(&app("shop"), &nothing_signed),
    );
}
