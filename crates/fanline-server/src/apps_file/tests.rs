//! What comes into force, what does not, and what is said about it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use fanline_model::{AppId, Channel, SeededRandom};
use fanline_tenancy::{
    Access, ApiKeyText, AppRef, Directory as _, SigningAlgorithm, StaticDirectory,
};
use tempfile::TempDir;

use super::*;
use crate::config::Key;
use crate::keys::Keys;

/// A file of apps in a directory of its own.
struct World {
    directory: TempDir,
    keys: Keys,
}

const NOW: Timestamp = Timestamp::from_millis(1_000);
const APP: &str = "app_0123456789abcdef";

impl World {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            keys: Keys {
                master: Key::parse(&"01".repeat(32)).unwrap(),
                hash: Key::parse(&"02".repeat(32)).unwrap(),
            },
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("apps.toml")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn file(&self) -> AppsFile {
        AppsFile::new(&self.path(), self.keys.master_key()).unwrap()
    }

    fn generate(&self, seed: u64, preset: Option<Preset>) -> Made {
        let request = Request {
            name: "a \"shop\"".to_owned(),
            id: None,
            preset,
        };
        generate(&request, &self.keys, &SeededRandom::new(seed), NOW).unwrap()
    }

    fn load(&self, text: &str) -> Vec<AppSnapshot> {
        self.write(text);
        let loaded = self.file().load(NOW);
        loaded.unwrap_or_else(|refusal| panic!("{refusal}")).apps
    }

    /// What is said of an app with these lines below its name, without the path.
    fn refusal(&self, lines: &str) -> String {
        self.refusal_of(&format!("[apps.{APP}]\nname = \"a\"\n{lines}\n"))
    }

    fn refusal_of(&self, text: &str) -> String {
        self.write(text);
        let refusal = self.file().load(NOW).err().unwrap().to_string();
        let path = format!("{}, ", self.path().display());
        refusal.strip_prefix(&path).unwrap().to_owned()
    }

    fn watch(&self) -> (Watch, Arc<StaticDirectory>) {
        let watch = Watch::begin(self.file(), NOW).unwrap();
        let directory = watch.directory();
        (watch, directory)
    }
}

#[test]
fn a_generated_app_is_valid_and_its_credentials_are_its_own() {
    let world = World::new();
    let made = world.generate(1, Some(Preset::Pusher));
    let apps = world.load(&(made.text.clone() + "\n" + &world.generate(2, None).text));
    assert_eq!(apps.len(), 2);
    let credentials = &made.credentials;
    let app = apps
        .iter()
        .find(|app| app.id.as_str() == credentials.app_id);
    let app = app.unwrap();
    assert_eq!(app.settings.name, "a \"shop\"");
    assert_eq!(app.revision.app, 1_000);

    let key = ApiKeyText::parse(&credentials.api_key).unwrap();
    let row = &app.api_keys[key.id()];
    assert!(row.matches(&key, &world.keys.hash_keys()));
    let [signing] = app.signing_keys.values().collect::<Vec<_>>()[..] else {
        panic!("one signing key")
    };
    assert_eq!(signing.kid.as_str(), credentials.signing_key.kid);
    assert_eq!(signing.secret().expose(), credentials.signing_key.secret);
    assert!(signing.generated && signing.created_at == NOW);
    let app_key = &app.app_keys[credentials.pusher.key.as_str()];
    let secret = app_key.pusher_secrets[0].expose();
    assert_eq!(secret, credentials.pusher.secret);
    assert_eq!(app.pusher_app_id.as_ref(), Some(&credentials.pusher.app_id));
    let open = app.rules.of(&Channel::parse("news").unwrap());
    assert_eq!(open.access, Access::Open);
    for secret in [
        credentials.api_key.as_str(),
        &credentials.signing_key.secret,
        secret,
    ] {
        assert!(!made.text.contains(secret), "{}", made.text);
    }
}

#[test]
fn a_file_says_all_that_an_app_has() {
    let world = World::new();
    let secret = "s".repeat(64);
    fs::write(world.directory.path().join("jwt"), format!("{secret}\n")).unwrap();
    let apps = world.load(&format!(
        r#"
        [apps.{APP}]
        name = "shop"
        enabled = false
        allowed_origins = ["https://shop.example"]
        client_events = false
        limits = {{ connections = 5 }}

        [apps.{APP}.app_keys.shop-web]

        [apps.{APP}.api_keys.backend]
        hash = "{hash}"
        scopes = ["publish", "admin:read"]
        patterns = ["orders.*"]
        expires_at = 2030-01-01T00:00:00Z

        [apps.{APP}.signing_keys.idp]
        algorithm = "HS512"
        secret = {{ file = "jwt" }}

        [apps.{APP}.namespaces."orders."]
        access = "open"
        history = {{ messages = 10 }}

        [apps.{APP}.namespaces."bare."]
        history = false
        "#,
        hash = "ab".repeat(32),
    ));
    let [app] = &apps[..] else { panic!("one app") };
    assert!(!app.is_serving() && !app.settings.client_events);
    assert!(app.admits_origin(Some("https://shop.example")));
    assert!(!app.admits_origin(Some("https://other.example")));
    assert_eq!(app.settings.limits.connections, 5);
    assert!(app.app_keys["shop-web"].pusher_secrets.is_empty());
    let [key] = app.api_keys.values().collect::<Vec<_>>()[..] else {
        panic!("one API key")
    };
    assert_eq!((key.hash, key.hash_key_version), ([0xAB; 32], 1));
    assert_eq!(key.expires_at, Some(Timestamp::from_secs(1_893_456_000)));
    assert_eq!(key.scopes.scopes.len(), 2);
    let [signing] = app.signing_keys.values().collect::<Vec<_>>()[..] else {
        panic!("one signing key")
    };
    assert_eq!(signing.algorithm, SigningAlgorithm::Hs512);
    assert_eq!(signing.secret().expose(), secret);
    assert!(!signing.generated);
    let rule = |channel| app.rules.of(&Channel::parse(channel).unwrap()).clone();
    let orders = rule("orders.1");
    assert_eq!(orders.access, Access::Open);
    assert_eq!(orders.retention.history.unwrap().messages, 10);
    assert_eq!(rule("bare.1").retention.history, None);
    assert_eq!(rule("news").access, Access::Token);
    assert!(
        rule("cache-a").retention.state.is_some(),
        "a born rule stays"
    );
}

#[test]
fn what_makes_no_sense_is_told_with_its_line_and_what_would() {
    let world = World::new();
    let app = format!("apps.{APP}");
    for (lines, line, hint) in [
        ("colour = 1", 3, "unknown field `colour`, expected one of"),
        ("pusher_app_id = \"shop\"", 1, "digits"),
        ("allowed_origins = [\"shop\"]", 1, "scheme://host"),
        ("limits = { conections = 1 }", 3, "`conections`"),
        (
            "limits = { connects_per_second = 0 }",
            1,
            "must lie between",
        ),
        ("preset = \"ably\"", 3, "expected `pusher`"),
        (
            &format!("\n[{app}.api_keys.k]\nhash = \"0f\"\nscopes = []"),
            4,
            "64 hexadecimal",
        ),
        (
            &format!(
                "[{app}.api_keys.k]\nhash = \"{}\"\nscopes = [\"all\"]",
                "0f".repeat(32)
            ),
            3,
            "there are publish,",
        ),
        (
            &format!("[{app}.namespaces.\"private-a\"]\naccess = \"open\""),
            3,
            "never open",
        ),
        (
            &format!("[{app}.namespaces.a]\nacces = \"open\""),
            3,
            "unknown field `acces`",
        ),
        (
            &format!("[{app}.signing_keys.k]\nsecret = {{ file = \"missing\" }}"),
            3,
            "cannot be read",
        ),
        (
            &format!("[{app}.signing_keys.k]\nsecret = {{ sealed = \"AAAA\" }}"),
            3,
            "seal it again",
        ),
        ("name = \"twice\"", 3, "duplicate key"),
        ("allowed_origins = [", 3, ""),
    ] {
        let said = world.refusal(lines);
        let begin = format!("line {line}: ");
        assert!(
            said.starts_with(&begin) && said.contains(hint),
            "{lines}: {said}"
        );
    }
    let empty = world.refusal_of("# nothing\n");
    assert!(empty.contains("fanline apps new"), "{empty}");
    let given = world.refusal_of("[apps.shop]\nname = \"shop\"\n");
    assert!(
        given.starts_with("line 1: ") && given.contains("random"),
        "{given}"
    );
}

#[test]
fn a_secret_in_clear_is_refused_and_not_repeated() {
    let world = World::new();
    let app = format!("apps.{APP}");
    for lines in [
        format!("[{app}.signing_keys.k]\nsecret = \"hunter2\""),
        format!("[{app}.signing_keys.k]\nsecret = {{ text = \"hunter2\" }}"),
        format!("[{app}.signing_keys.k]\nsecret = [\"hunter2\"]"),
        format!("[{app}.signing_keys]\nk = \"hunter2\""),
        format!("[{app}.app_keys.k]\npusher_secrets = \"hunter2\""),
        format!("[{app}.app_keys.k]\npusher_secrets = [\"hunter2\"]"),
        format!("[{app}.api_keys.k]\nhash = \"hunter2\"\nscopes = []"),
        format!(
            "[{app}.api_keys.fl_k_{}hunter2]\nhash = \"0f\"\nscopes = []",
            "x".repeat(60)
        ),
        "api_keys = \"hunter2\"".to_owned(),
    ] {
        let said = world.refusal(&lines);
        assert!(!said.contains("hunter2"), "{lines}: {said}");
    }
}

#[test]
fn an_empty_secret_is_none() {
    let world = World::new();
    fs::write(world.directory.path().join("pusher"), "\n").unwrap();
    let said = world.refusal(&format!(
        "[apps.{APP}.app_keys.k]\npusher_secrets = [{{ file = \"pusher\" }}]"
    ));
    assert!(said.contains("is empty"), "{said}");
}

#[test]
fn what_belongs_to_one_app_is_refused_to_a_second() {
    let world = World::new();
    let other = "app_fedcba9876543210";
    for row in ["app_keys.k]", "api_keys.k]\nhash = \"HASH\"\nscopes = []"] {
        let row = row.replace("HASH", &"0f".repeat(32));
        let app = |id| format!("[apps.{id}]\nname = \"a\"\n[apps.{id}.{row}\n");
        let said = world.refusal_of(&(app(APP) + &app(other)));
        assert!(said.contains("another app"), "{said}");
    }
}

#[test]
fn a_sealed_secret_opens_in_its_own_place_only() {
    let world = World::new();
    let made = world.generate(1, None);
    let moved = made.text.replace(&made.credentials.app_id, APP);
    let said = world.refusal_of(&moved);
    assert!(said.contains("seal it again"), "{said}");
    let renamed = made
        .text
        .replace(&made.credentials.signing_key.kid, "another");
    assert!(world.refusal_of(&renamed).contains("seal it again"));
}

#[tokio::test]
async fn a_change_is_in_force_once_it_held_still_for_a_look() {
    let world = World::new();
    let (one, two) = (world.generate(1, None), world.generate(2, None));
    world.write(&one.text);
    let (mut watch, directory) = world.watch();
    let knows = |made: &Made| {
        let key = AppRef::from_api_key(&made.credentials.api_key).unwrap();
        let directory = directory.clone();
        async move { directory.app(&key).await.is_ok() }
    };
    watch.look(NOW);
    assert!(knows(&one).await && !knows(&two).await);

    world.write(&two.text);
    watch.look(NOW);
    assert!(knows(&one).await, "it may still be being written");
    watch.look(NOW);
    assert!(!knows(&one).await && knows(&two).await);
    let id = AppId::parse(&one.credentials.app_id).unwrap();
    assert!(
        !directory.held(&id).unwrap().is_serving(),
        "its sessions are sent away"
    );
}

#[tokio::test]
async fn a_bad_version_leaves_the_former_one_in_force_until_a_good_one_comes() {
    let world = World::new();
    let (one, two) = (world.generate(1, None), world.generate(2, None));
    world.write(&one.text);
    let (mut watch, directory) = world.watch();
    let id = |made: &Made| AppId::parse(&made.credentials.app_id).unwrap();
    let serves = |made| {
        directory
            .held(&id(made))
            .is_some_and(|app| app.is_serving())
    };
    for bad in ["", "[apps", "[apps.shop]\nname = \"a\"\n"] {
        world.write(bad);
        for _ in 0..3 {
            watch.look(NOW);
        }
        assert!(serves(&one), "{bad:?}");
    }
    fs::remove_file(world.path()).unwrap();
    watch.look(NOW);
    assert!(serves(&one));
    world.write(&two.text);
    watch.look(NOW);
    watch.look(NOW);
    assert!(serves(&two) && !serves(&one));
}

#[test]
fn a_secret_file_that_changes_is_a_change() {
    let world = World::new();
    let secret = world.directory.path().join("jwt");
    fs::write(&secret, "a".repeat(32)).unwrap();
    world.write(&format!(
        "[apps.{APP}]\nname = \"a\"\n[apps.{APP}.signing_keys.k]\nsecret = {{ file = \"jwt\" }}\n"
    ));
    let (mut watch, directory) = world.watch();
    let present = || {
        let app = directory.held(&AppId::parse(APP).unwrap()).unwrap();
        let key = app.signing_keys.values().next().unwrap().secret().clone();
        (key.expose().to_owned(), app.revision.app)
    };
    let (_, before) = present();
    fs::write(&secret, "b".repeat(32)).unwrap();
    watch.look(NOW);
    watch.look(NOW);
    let (key, after) = present();
    assert_eq!(key, "b".repeat(32));
    assert!(after > before, "{after} follows {before}");
}
