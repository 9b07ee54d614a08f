//! The one wall as a table: credential × rule × action.

use fanline_model::UserId;
use fanline_tenancy::access::{Action, Denied, decide};
use fanline_tenancy::{
    Access, AppSnapshot, Authority, Capabilities, NamespaceRule, Rights, RuleTable, Scope, Scopes,
};

use crate::world::{app, capabilities, channel, id, patterns};

const ACTIONS: [(char, Action); 6] = [
    ('s', Action::Subscribe),
    ('p', Action::Publish),
    ('e', Action::PublishEphemeral),
    ('h', Action::History),
    ('m', Action::Presence),
    ('i', Action::Inspect),
];

fn caller(rights: Rights) -> Authority {
    Authority {
        app: id("shop"),
        subject: None,
        rights,
        expires_at: None,
        channels: vec![],
        credentials: vec![],
    }
}

/// The letters of the actions that the wall lets through.
fn allowed(app: &AppSnapshot, authority: &Authority, name: &str, signed: bool) -> String {
    let pass = |(_, action): &(char, Action)| {
        decide(app, authority, *action, &channel(name), signed).is_ok()
    };
    ACTIONS
        .iter()
        .filter(|row| pass(row))
        .map(|(letter, _)| *letter)
        .collect()
}

fn token(entries: &[(&str, &[&str])]) -> Authority {
    caller(Rights::Token(capabilities(entries)))
}

fn key(scopes: &[Scope], over: &[&str]) -> Authority {
    caller(Rights::ApiKey(Scopes {
        scopes: scopes.to_vec(),
        patterns: patterns(over),
    }))
}

#[test]
fn each_credential_opens_its_own_cells_of_the_table() {
    let everything: &[&str] = &["subscribe", "publish", "history", "presence"];
    let anonymous = caller(Rights::Anonymous);
    let pusher = caller(Rights::Pusher);
    let all_token = token(&[("*", everything)]);
    let orders = token(&[
        ("orders.*", &["subscribe"]),
        ("private-orders.*", &["publish", "history"]),
    ]);
    let empty = caller(Rights::Token(Capabilities::default()));
    let all_key = caller(Rights::ApiKey(Scopes::all()));
    let writer = key(&[Scope::Publish], &["orders.*"]);
    let looker = key(&[Scope::Channels], &["*"]);

    // Under the preset: "" and "cache-" are open, "private-" and "presence-" are not.
    let table: &[(&str, &Authority, &str, bool, &str)] = &[
        ("anonymous, open", &anonymous, "news", false, "s"),
        ("anonymous, cache", &anonymous, "cache-news", false, "s"),
        ("anonymous, private", &anonymous, "private-a", false, ""),
        (
            "anonymous, private, signed",
            &anonymous,
            "private-a",
            true,
            "sem",
        ),
        (
            "anonymous, presence, signed",
            &anonymous,
            "presence-a",
            true,
            "sem",
        ),
        ("token without capability, open", &empty, "news", false, "s"),
        (
            "token without capability, private",
            &empty,
            "private-a",
            false,
            "",
        ),
        (
            "token for everything, private",
            &all_token,
            "private-a",
            false,
            "spehmi",
        ),
        (
            "token for everything, open",
            &all_token,
            "news",
            false,
            "spehmi",
        ),
        ("token for orders, orders", &orders, "orders.1", false, "si"),
        (
            "token for orders, private orders",
            &orders,
            "private-orders.1",
            false,
            "peh",
        ),
        (
            "token for orders, other private",
            &orders,
            "private-x",
            false,
            "",
        ),
        (
            "API key for everything",
            &all_key,
            "private-a",
            false,
            "spehmi",
        ),
        (
            "API key that publishes, its channel",
            &writer,
            "orders.1",
            false,
            "spe",
        ),
        (
            "API key that publishes, another",
            &writer,
            "private-orders.1",
            false,
            "",
        ),
        ("API key that looks", &looker, "private-a", false, "i"),
        (
            "Pusher credentials, private",
            &pusher,
            "private-a",
            false,
            "pmi",
        ),
        ("Pusher credentials, open", &pusher, "news", false, "spmi"),
    ];
    for (row, authority, name, signed, expected) in table {
        assert_eq!(
            allowed(&app("shop"), authority, name, *signed),
            *expected,
            "{row}"
        );
    }
}

#[test]
fn without_the_preset_an_anonymous_caller_opens_nothing() {
    let mut shop = app("shop");
    shop.rules = RuleTable::born(false);
    for name in ["news", "cache-news", "private-a", "presence-a"] {
        assert_eq!(
            allowed(&shop, &caller(Rights::Anonymous), name, false),
            "",
            "{name}"
        );
    }
    let denied = decide(
        &shop,
        &caller(Rights::Anonymous),
        Action::Subscribe,
        &channel("news"),
        false,
    )
    .unwrap_err();
    assert!(
        matches!(&denied, Denied::TokenNeeded { prefix, needed: "subscribe", .. } if prefix.is_empty())
    );
    assert!(denied.to_string().contains("access=token"), "{denied}");
}

#[test]
fn no_row_opens_a_private_or_presence_channel() {
    let mut shop = app("shop");
    // The longer prefix wins, and the born rows are gone (TENANCY 5).
    let open = |prefix: &str| NamespaceRule::new(prefix, Access::Open);
    shop.rules = RuleTable::new(vec![
        open(""),
        open("private-open."),
        open("presence-"),
        open("private-"),
    ]);
    for name in [
        "private-open.1",
        "private-a",
        "presence-a",
        "private-encrypted-a",
    ] {
        assert_eq!(
            allowed(&shop, &caller(Rights::Anonymous), name, false),
            "",
            "{name}"
        );
    }
    assert_eq!(
        allowed(&shop, &caller(Rights::Anonymous), "privateer", false),
        "s"
    );
}

#[test]
fn a_user_channel_is_read_by_that_user_alone() {
    let of = |subject: Option<&str>, rights: Rights| Authority {
        subject: subject.map(|user| UserId::parse(user).unwrap()),
        ..caller(rights)
    };
    let everything = || {
        Rights::Token(capabilities(&[(
            "*",
            &["subscribe", "publish", "history", "presence"],
        )]))
    };
    let named = Rights::Token(capabilities(&[("#user:5", &["subscribe", "history"])]));
    let shop = app("shop");
    assert_eq!(
        allowed(&shop, &of(Some("5"), everything()), "#user:5", false),
        "s"
    );
    assert_eq!(
        allowed(&shop, &of(Some("6"), everything()), "#user:5", false),
        "",
        "a star never covers it"
    );
    assert_eq!(
        allowed(&shop, &of(Some("6"), named), "#user:5", false),
        "hi",
        "subscribing asks for the subject"
    );
    assert_eq!(
        allowed(&shop, &of(None, Rights::Anonymous), "#user:5", false),
        ""
    );
    assert_eq!(
        allowed(
            &shop,
            &caller(Rights::ApiKey(Scopes::all())),
            "#user:5",
            false
        ),
        "pehmi"
    );
    assert_eq!(
        allowed(&shop, &key(&[Scope::Publish], &["*"]), "#user:5", false),
        "",
        "it needs the scope users"
    );
}

#[test]
fn an_authority_of_another_app_or_a_disabled_app_opens_nothing() {
    let everything = Authority {
        app: id("other"),
        ..caller(Rights::ApiKey(Scopes::all()))
    };
    assert_eq!(allowed(&app("shop"), &everything, "news", true), "");

    let mut shop = app("shop");
    shop.tenant.suspended = true;
    assert_eq!(
        allowed(&shop, &caller(Rights::ApiKey(Scopes::all())), "news", true),
        ""
    );
}
