//! Which app a proof belongs to, and whether it is one.

use fanline_model::{SeededRandom, Timestamp};
use fanline_tenancy::{
    ApiKeyText, AppRef, AppSnapshot, AuthError, CredentialRef, Proof, Rights, Scope,
    VerificationRates, Verifier,
};
use serde_json::json;

use crate::world::{
    NOW, World, api_key, app, by_key, hash_keys, id, jwt, refusal, request, signing_key,
};

#[tokio::test]
async fn an_app_key_alone_is_an_anonymous_caller() {
    let world = World::new();
    let verified = world
        .authenticate(&by_key("shop"), &Proof::None)
        .await
        .unwrap();
    assert_eq!(
        (&verified.app.id, &verified.authority.app),
        (&id("shop"), &id("shop"))
    );
    assert!(matches!(verified.authority.rights, Rights::Anonymous));
    assert!(verified.authority.subject.is_none() && verified.authority.expires_at.is_none());
    assert_eq!(
        verified.authority.credentials,
        [CredentialRef::AppKey("key-shop".into())]
    );
}

#[tokio::test]
async fn an_unknown_a_switched_off_and_a_missing_app_key_are_told_apart() {
    let world = World::new();
    let key = |text: &str| AppRef::Key(text.into());
    assert_eq!(
        world
            .authenticate(&key("nobody"), &Proof::None)
            .await
            .unwrap_err(),
        AuthError::UnknownApp
    );
    let off = refusal(world.authenticate(&key("off-shop"), &Proof::None).await);
    assert!(off.contains("switched off"), "{off}");
    let missing = refusal(
        world
            .authenticate(&AppRef::Id(id("shop")), &Proof::None)
            .await,
    );
    assert!(missing.contains("app key"), "{missing}");
}

#[tokio::test]
async fn a_disabled_app_or_a_suspended_tenant_serves_nobody() {
    let world = World::new();
    world.change(|shop| shop.settings.enabled = false);
    assert_eq!(
        world
            .authenticate(&by_key("shop"), &Proof::None)
            .await
            .unwrap_err(),
        AuthError::AppDisabled
    );
    world.change(|shop| shop.tenant.suspended = true);
    let token = jwt(&json!({"exp": NOW + 60}));
    assert_eq!(
        world.token(&token).await.unwrap_err(),
        AuthError::AppDisabled
    );
}

#[tokio::test]
async fn an_api_key_proves_itself_by_its_own_id_or_under_its_apps_name() {
    let world = World::new();
    let text = api_key("shop", "all");
    let proof = Proof::ApiKey(text.expose().expose().into());
    for by in [
        AppRef::ApiKey(text.id().clone()),
        by_key("shop"),
        AppRef::PusherApp("pusher-shop".into()),
    ] {
        let verified = world.authenticate(&by, &proof).await.unwrap();
        assert_eq!(verified.authority.app, id("shop"));
        assert_eq!(
            verified.authority.credentials[0],
            CredentialRef::ApiKey(text.id().clone())
        );
        assert!(
            matches!(verified.authority.rights, Rights::ApiKey(scopes) if scopes.have(Scope::Tokens))
        );
    }
}

#[tokio::test]
async fn a_credential_under_the_name_of_another_app_is_refused() {
    let world = World::new();
    let key = Proof::ApiKey(api_key("shop", "all").expose().expose().into());
    assert!(refusal(world.authenticate(&by_key("other"), &key).await).contains("another app"));
    let token = Proof::Token(jwt(&json!({"exp": NOW + 60})).into());
    assert!(refusal(world.authenticate(&by_key("other"), &token).await).contains("kid"));
}

#[tokio::test]
async fn a_wrong_secret_an_unknown_key_and_a_damaged_key_are_refused() {
    let world = World::new();
    let good = api_key("shop", "all");
    let refused = async |by: AppRef, text: &str| {
        refusal(world.authenticate(&by, &Proof::ApiKey(text.into())).await)
    };

    // The id of a key that exists before the secret of another.
    let stranger = ApiKeyText::generate(&SeededRandom::new(1));
    let forged = stranger
        .expose()
        .expose()
        .replace(stranger.id().as_str(), good.id().as_str());
    let damaged = refused(by_key("shop"), &forged).await;
    assert!(damaged.contains("checksum"), "{damaged}");
    let unknown = refused(
        AppRef::ApiKey(stranger.id().clone()),
        stranger.expose().expose(),
    )
    .await;
    assert!(unknown.contains("no app has this API key"), "{unknown}");
    let form = refused(by_key("shop"), "hunter2").await;
    assert!(
        form.contains("fl_<id>_<secret>") && !form.contains("hunter2"),
        "{form}"
    );
}

#[tokio::test]
async fn an_api_key_ends_with_its_time_and_with_whoever_made_it() {
    let world = World::new();
    let backend = async || {
        let proof = Proof::ApiKey(api_key("shop", "child").expose().expose().into());
        world
            .authenticate(&by_key("shop"), &proof)
            .await
            .map(|verified| verified.authority)
    };
    let parent = api_key("shop", "publish").id().clone();

    // It can do no more than its parent, whatever its own row says.
    let authority = backend().await.unwrap();
    assert!(
        matches!(&authority.rights, Rights::ApiKey(scopes) if scopes.scopes == [Scope::Publish, Scope::Tokens])
    );
    assert!(
        authority
            .credentials
            .contains(&CredentialRef::ApiKey(parent.clone()))
    );

    world.change(|shop| {
        shop.api_keys.get_mut(&parent).unwrap().expires_at = Some(Timestamp::from_secs(NOW + 10))
    });
    assert_eq!(
        backend().await.unwrap().expires_at,
        Some(Timestamp::from_secs(NOW + 10))
    );
    world.change(|shop| {
        shop.api_keys.get_mut(&parent).unwrap().expires_at = Some(Timestamp::from_secs(NOW))
    });
    assert!(refusal(backend().await).contains("expired"));
    world.change(|shop| drop(shop.api_keys.remove(&parent)));
    assert!(refusal(backend().await).contains("fell with the key that made it"));
    let own = api_key("shop", "child").id().clone();
    world.change(|shop| shop.api_keys.get_mut(&parent).unwrap().parent = Some(own));
    assert!(
        refusal(backend().await).contains("too many"),
        "a circle in the rows ends"
    );
}

#[tokio::test]
async fn verifications_are_admitted_before_they_are_paid_for() {
    let world = World::new();
    let rates = VerificationRates {
        app_per_second: 1,
        node_per_second: 10,
        burst_seconds: 1,
    };
    let random = std::sync::Arc::new(SeededRandom::new(1));
    let verifier = Verifier::new(
        world.directory.clone(),
        world.clock.clone(),
        random,
        hash_keys(),
    )
    .with_rates(rates);
    let token = |n: u64| Proof::Token(jwt(&json!({"exp": NOW + 60, "jti": n.to_string()})).into());

    assert!(
        verifier
            .authenticate(&by_key("shop"), &token(1))
            .await
            .is_ok()
    );
    assert_eq!(
        verifier
            .authenticate(&by_key("shop"), &token(2))
            .await
            .unwrap_err(),
        AuthError::Busy
    );
    assert!(
        verifier
            .authenticate(&by_key("shop"), &token(1))
            .await
            .is_ok(),
        "what is remembered costs nothing"
    );
    assert!(
        verifier.refresh(&by_key("shop"), &token(2)).await.is_ok(),
        "live sessions have a lane of their own"
    );
}

#[tokio::test]
async fn a_caller_stands_as_long_as_everything_that_holds_it_up() {
    let world = World::new();
    let maker = world.backend("publish").await;
    let token = world
        .mint(&maker, request(None, &[("orders.*", &["publish"])]))
        .unwrap();
    let bearer = world.token(&token).await.unwrap();
    assert!(bearer.stands(&app("shop")) && maker.stands(&app("shop")));

    let without = |change: &dyn Fn(&mut AppSnapshot)| {
        let mut shop = app("shop");
        change(&mut shop);
        (maker.stands(&shop), bearer.stands(&shop))
    };
    let id = api_key("shop", "publish").id().clone();
    assert_eq!(
        without(&|shop| drop(shop.api_keys.remove(&id))),
        (false, false)
    );
    let kid = signing_key("shop", true).kid;
    assert_eq!(
        without(&|shop| drop(shop.signing_keys.remove(&kid))),
        (true, false)
    );
    assert_eq!(
        without(&|shop| shop.app_keys.get_mut("key-shop").unwrap().enabled = false),
        (false, false)
    );
    assert_eq!(without(&|shop| shop.app_keys.clear()), (false, false));
}
