//! Nobody creates a credential that exceeds its own scopes, patterns or expiry (TENANCY 4), and what was
//! minted falls with its maker (TENANCY 6).

use std::time::Duration;

use fanline_model::Timestamp;
use fanline_tenancy::{CredentialRef, MintError, MintRequest, Proof, Rights, Scope, Scopes};

use crate::world::{
    NOW, World, api_key, by_key, capabilities, channel, patterns, refusal, request, signing_key,
};

#[tokio::test]
async fn a_minted_token_says_what_was_asked_and_who_made_it() {
    let world = World::new();
    let maker = world.backend("all").await;
    let asked = MintRequest {
        channels: vec![channel("orders.5"), channel("#user:5")],
        ..request(Some("5"), &[("orders.*", &["subscribe", "publish"])])
    };
    let authority = world
        .token(&world.mint(&maker, asked).unwrap())
        .await
        .unwrap();
    assert_eq!(authority.subject.as_ref().unwrap().as_str(), "5");
    assert_eq!(
        authority.channels,
        [channel("orders.5"), channel("#user:5")]
    );
    assert_eq!(authority.expires_at, Some(Timestamp::from_secs(NOW + 3600)));
    let expected = capabilities(&[("orders.*", &["subscribe", "publish"])]);
    assert!(matches!(&authority.rights, Rights::Token(found) if *found == expected));
    assert!(
        authority
            .credentials
            .contains(&CredentialRef::ApiKey(api_key("shop", "all").id().clone()))
    );
    assert!(
        authority
            .credentials
            .contains(&CredentialRef::SigningKey(signing_key("shop", true).kid))
    );
}

#[tokio::test]
async fn only_an_api_key_with_the_scope_mints() {
    let world = World::new();
    let anonymous = world
        .authenticate(&by_key("shop"), &Proof::None)
        .await
        .unwrap()
        .authority;
    assert_eq!(
        world.mint(&anonymous, request(None, &[])).unwrap_err(),
        MintError::NotAnApiKey
    );

    let token = world
        .mint(
            &world.backend("all").await,
            request(Some("5"), &[("*", &["subscribe"])]),
        )
        .unwrap();
    let bearer = world.token(&token).await.unwrap();
    assert_eq!(
        world.mint(&bearer, request(Some("5"), &[])).unwrap_err(),
        MintError::NotAnApiKey
    );

    let proof = Proof::ApiKey(api_key("other", "all").expose().expose().into());
    let foreign = world
        .authenticate(&by_key("other"), &proof)
        .await
        .unwrap()
        .authority;
    assert_eq!(
        world.mint(&foreign, request(None, &[])).unwrap_err(),
        MintError::NotAnApiKey
    );

    let mut without = world.backend("all").await;
    without.rights = Rights::ApiKey(Scopes {
        scopes: vec![Scope::Publish],
        patterns: patterns(&["*"]),
    });
    assert_eq!(
        world.mint(&without, request(None, &[])).unwrap_err(),
        MintError::NoScope
    );
}

#[tokio::test]
async fn a_token_can_do_no_more_than_its_maker() {
    let world = World::new();
    // It has publish and tokens, on orders.*
    let maker = world.backend("publish").await;
    let mint = |entries: &[(&str, &[&str])]| world.mint(&maker, request(Some("5"), entries));
    assert!(mint(&[("orders.*", &["publish"]), ("orders.5", &["publish"])]).is_ok());
    let too_much = [
        ("orders.*", vec!["publish", "subscribe"], "subscribe"),
        ("*", vec!["publish"], "publish"),
        ("order*", vec!["publish"], "publish"),
        ("private-orders.1", vec!["publish"], "publish"),
        ("#user:5", vec!["publish"], "publish"),
    ];
    for (pattern, words, word) in too_much {
        let refused = mint(&[(pattern, &words)]).unwrap_err();
        assert!(
            matches!(refused, MintError::NotCovered { capability, .. } if capability == word),
            "{pattern}"
        );
    }
    let users = world.backend("all").await;
    assert!(
        world
            .mint(&users, request(None, &[("#user:5", &["publish"])]))
            .is_ok()
    );
}

#[tokio::test]
async fn a_token_names_only_channels_that_it_may_read() {
    let world = World::new();
    let maker = world.backend("all").await;
    let naming = |subject, name| MintRequest {
        channels: vec![channel(name)],
        ..request(subject, &[("orders.*", &["subscribe"])])
    };
    for name in ["orders.1", "news", "#user:5"] {
        assert!(
            world.mint(&maker, naming(Some("5"), name)).is_ok(),
            "{name}"
        );
    }
    for name in ["private-a", "#user:6"] {
        let refused = world.mint(&maker, naming(Some("5"), name)).unwrap_err();
        assert!(
            matches!(refused, MintError::Channel(_)),
            "{name}: {refused}"
        );
    }
    let many = MintRequest {
        channels: vec![channel("a"); 1001],
        ..request(None, &[])
    };
    assert_eq!(
        world.mint(&maker, many).unwrap_err(),
        MintError::TooManyChannels(1000)
    );
}

#[tokio::test]
async fn a_token_lives_no_longer_than_its_maker_or_the_app_allows() {
    let world = World::new();
    let maker = world.backend("all").await;
    let lasting = |secs| MintRequest {
        ttl: Duration::from_secs(secs),
        ..request(None, &[])
    };
    let week = 7 * 24 * 3600;
    assert!(world.mint(&maker, lasting(week)).is_ok());
    assert_eq!(
        world.mint(&maker, lasting(week + 1)).unwrap_err(),
        MintError::TooLong(week)
    );
    assert_eq!(
        world.mint(&maker, lasting(0)).unwrap_err(),
        MintError::TooShort
    );

    let mut ending = maker;
    ending.expires_at = Some(Timestamp::from_millis((NOW + 10) * 1000 + 900));
    let token = world.mint(&ending, lasting(3600)).unwrap();
    assert_eq!(
        world.token(&token).await.unwrap().expires_at,
        Some(Timestamp::from_secs(NOW + 10))
    );
}

#[tokio::test]
async fn a_token_falls_with_its_maker_and_shrinks_with_it() {
    let world = World::new();
    let maker = api_key("shop", "publish").id().clone();
    let token = world
        .mint(
            &world.backend("publish").await,
            request(None, &[("orders.*", &["publish"])]),
        )
        .unwrap();
    assert!(world.token(&token).await.is_ok());

    world.change(|shop| {
        shop.api_keys.get_mut(&maker).unwrap().expires_at = Some(Timestamp::from_secs(NOW + 5))
    });
    assert_eq!(
        world.token(&token).await.unwrap().expires_at,
        Some(Timestamp::from_secs(NOW + 5))
    );
    world.change(|shop| {
        shop.api_keys.get_mut(&maker).unwrap().scopes.patterns = patterns(&["orders.1"])
    });
    assert!(
        refusal(world.token(&token).await).contains("no longer allows \"publish\" on orders.*")
    );
    world.change(|shop| drop(shop.api_keys.remove(&maker)));
    assert!(refusal(world.token(&token).await).contains("removed"));
}

#[tokio::test]
async fn the_newest_key_of_ours_signs() {
    let world = World::new();
    let random = fanline_model::SeededRandom::new(77);
    let newer = fanline_tenancy::SigningKey::generate(&random, Timestamp::from_secs(NOW));
    let kid = newer.kid.clone();
    world.change(|shop| drop(shop.signing_keys.insert(newer.kid.clone(), newer)));
    let token = world
        .mint(&world.backend("all").await, request(None, &[]))
        .unwrap();
    assert_eq!(
        jsonwebtoken::decode_header(&token).unwrap().kid,
        Some(kid.to_string())
    );

    world.change(|shop| shop.signing_keys.retain(|_, key| !key.generated));
    assert_eq!(
        world
            .mint(&world.backend("all").await, request(None, &[]))
            .unwrap_err(),
        MintError::NoSigningKey
    );
}
