//! What makes a token one, claim by claim.

use std::time::Duration;

use fanline_model::{Timestamp, UserId};
use fanline_tenancy::{AuthError, CredentialRef, Rights, SecretText, SigningAlgorithm, SigningKey};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::world::{NOW, World, capabilities, channel, jwt, refusal, signed, signing_key};

/// `{"exp": in a minute, …}`.
fn with(extra: &Value) -> Value {
    let mut claims = json!({"exp": NOW + 60});
    claims
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    claims
}

async fn refused(claims: &Value) -> String {
    refusal(World::new().token(&jwt(claims)).await)
}

#[tokio::test]
async fn a_token_says_who_what_and_until_when() {
    let claims = json!({
        "sub": "auth0|5", "exp": NOW + 60, "iat": NOW, "nbf": NOW, "jti": "t1",
        "capabilities": {"orders.*": ["subscribe", "history"]}, "channels": ["orders.5", "#user:auth0|5"],
        "email": "ignored@example.com",
    });
    let authority = World::new().token(&jwt(&claims)).await.unwrap();
    assert_eq!(authority.subject, Some(UserId::parse("auth0|5").unwrap()));
    assert_eq!(authority.expires_at, Some(Timestamp::from_secs(NOW + 60)));
    assert_eq!(
        authority.channels,
        [channel("orders.5"), channel("#user:auth0|5")]
    );
    let expected = capabilities(&[("orders.*", &["subscribe", "history"])]);
    assert!(matches!(authority.rights, Rights::Token(capabilities) if capabilities == expected));
    let credentials = [
        CredentialRef::SigningKey(signing_key("shop", true).kid),
        CredentialRef::TokenId("t1".to_owned()),
        CredentialRef::AppKey("key-shop".into()),
    ];
    assert_eq!(authority.credentials, credentials);
}

#[tokio::test]
async fn the_end_is_required_and_judged_by_our_clock() {
    let world = World::new();
    let token = jwt(&json!({"exp": NOW + 60}));
    assert!(world.token(&token).await.is_ok());
    world.clock.advance(Duration::from_millis(59_999));
    assert!(world.token(&token).await.is_ok());
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(
        world.token(&token).await.unwrap_err(),
        AuthError::Expired,
        "although its signature is remembered"
    );
    assert!(
        refused(&json!({"sub": "5"}))
            .await
            .contains("exp of the token is missing")
    );
    for exp in [json!("soon"), json!(-1), json!(1e300), json!({})] {
        assert!(refused(&json!({"exp": exp})).await.contains("exp"), "{exp}");
    }
    let fraction = World::new()
        .token(&jwt(&json!({"exp": 1_795_953_600.5})))
        .await
        .unwrap();
    assert_eq!(
        fraction.expires_at,
        Some(Timestamp::from_millis(NOW * 1000 + 500))
    );
}

#[tokio::test]
async fn a_signer_whose_clock_goes_a_little_before_ours_is_borne() {
    for name in ["nbf", "iat"] {
        assert!(
            World::new()
                .token(&jwt(&with(&json!({name: NOW + 30}))))
                .await
                .is_ok(),
            "{name}"
        );
        assert!(
            refused(&with(&json!({name: NOW + 31})))
                .await
                .contains(name),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_token_that_lives_longer_than_the_app_allows_is_refused() {
    let week = 7 * 24 * 3600;
    assert!(
        World::new()
            .token(&jwt(&json!({"exp": NOW + week, "iat": NOW})))
            .await
            .is_ok()
    );
    for claims in [
        json!({"exp": NOW + week + 1, "iat": NOW}),
        json!({"exp": NOW + week + 1}),
        // Born in a far past: it has lived too long already.
        json!({"exp": NOW + 60, "iat": NOW - week}),
    ] {
        assert!(
            refused(&claims).await.contains("at most 604800 seconds"),
            "{claims}"
        );
    }
}

#[tokio::test]
async fn an_audience_that_is_there_must_name_the_app() {
    let world = World::new();
    assert!(
        world
            .token(&jwt(&with(&json!({"aud": "app_shop"}))))
            .await
            .is_ok()
    );
    assert!(
        world
            .token(&jwt(&with(&json!({"aud": ["x", "app_shop"]}))))
            .await
            .is_ok()
    );
    assert!(
        refused(&with(&json!({"aud": "app_other"})))
            .await
            .contains("add app_shop")
    );
    assert!(refused(&with(&json!({"aud": []}))).await.contains("aud"));
    assert!(refused(&with(&json!({"aud": 5}))).await.contains("aud"));
}

#[tokio::test]
async fn a_key_from_elsewhere_needs_the_audience() {
    let world = World::new();
    let given = signing_key("shop", false);
    let text = refusal(world.token(&signed(&with(&json!({})), &given)).await);
    assert!(text.contains("aud of the token is missing"), "{text}");
    assert!(
        world
            .token(&signed(&with(&json!({"aud": "app_shop"})), &given))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_claim_of_another_shape_is_refused_by_name() {
    for (claim, value) in [
        ("sub", json!(5)),
        ("sub", json!("")),
        ("jti", json!(["a"])),
        ("capabilities", json!({"a": "subscribe"})),
        ("capabilities", json!({"a": ["fly"]})),
        ("capabilities", json!({"a*b": ["subscribe"]})),
        ("capabilities", json!(["subscribe"])),
        ("channels", json!("a")),
        ("channels", json!(["a b"])),
        ("channels", json!(["#admin"])),
        ("fl_key", json!(7)),
        ("fl_key", json!("no such")),
    ] {
        let text = refused(&with(&json!({claim: value}))).await;
        assert!(text.contains(claim), "{claim} {value}: {text}");
    }
    let many: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    assert!(
        refused(&with(&json!({"channels": many})))
            .await
            .contains("more than 1000 channels")
    );
}

#[tokio::test]
async fn the_header_chooses_neither_key_nor_algorithm() {
    let world = World::new();
    let key = signing_key("shop", true);
    let secret = EncodingKey::from_secret(key.secret().expose().as_bytes());
    let claims = json!({"exp": NOW + 60});
    let sign = |header: &Header| jsonwebtoken::encode(header, &claims, &secret).unwrap();
    let kid = Some(key.kid.to_string());

    let other_algorithm = sign(&Header {
        kid: kid.clone(),
        ..Header::new(Algorithm::HS512)
    });
    assert!(refusal(world.token(&other_algorithm).await).contains("HS256"));
    assert!(refusal(world.token(&sign(&Header::default())).await).contains("no kid"));
    let foreign = sign(&Header {
        kid: Some("made-other".to_owned()),
        ..Header::default()
    });
    assert!(refusal(world.token(&foreign).await).contains("no signing key"));
    let critical = sign(&Header {
        kid: kid.clone(),
        crit: Some(vec!["b64".to_owned()]),
        ..Header::default()
    });
    assert!(refusal(world.token(&critical).await).contains("crit"));

    // alg: none, with and without a signature.
    let unsigned = "eyJhbGciOiJub25lIiwia2lkIjoibWFkZS1zaG9wIn0.eyJleHAiOjk5OTk5OTk5OTl9.";
    for token in [
        unsigned,
        &format!("{unsigned}AAAA"),
        "",
        ".",
        "..",
        "a.b",
        "a.b.c",
        &"x".repeat(20_000),
    ] {
        refusal(world.token(token).await);
    }
}

#[tokio::test]
async fn a_signature_proves_one_text_under_one_secret() {
    let world = World::new();
    let token = jwt(&with(&json!({"sub": "5"})));
    assert!(world.token(&token).await.is_ok());

    let (head, signature) = token.rsplit_once('.').unwrap();
    let other = jwt(&with(&json!({"sub": "6"})));
    let swapped = format!("{}.{signature}", other.rsplit_once('.').unwrap().0);
    for forged in [
        swapped,
        format!("{head}."),
        format!("{token}="),
        format!("{head}.{}", &signature[..20]),
    ] {
        let text = refusal(world.token(&forged).await);
        assert!(
            text.contains("does not verify") || text.contains("no JWT"),
            "{text}"
        );
    }

    // The kid is given to a new secret: what was remembered of the old one must not count.
    world.change(|shop| {
        let kid = signing_key("shop", true).kid;
        let secret = SecretText::new("z".repeat(43));
        let new = SigningKey::new(
            kid.clone(),
            SigningAlgorithm::Hs256,
            secret,
            true,
            Timestamp::from_secs(2),
        )
        .unwrap();
        shop.signing_keys.insert(kid, new);
    });
    assert!(refusal(world.token(&token).await).contains("does not verify"));
}
