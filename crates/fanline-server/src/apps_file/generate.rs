//! Making an app for the file, with every credential that a newcomer needs.

use std::fmt::Write as _;

use fanline_model::{AppId, ChannelPattern, Random, TenantId, Timestamp};
use fanline_tenancy::{ApiKey, ApiKeyText, Scope, Scopes, SecretText, SigningKey};
use serde::Serialize;

use super::secret::{PUSHER_SECRET, SIGNING_KEY, place, seal};
use super::{Preset, TENANT, date};
use crate::credentials;
use crate::keys::Keys;

/// What to make.
#[derive(Clone, Debug)]
pub struct Request {
    /// The app's name, for people.
    pub name: String,
    /// The app, if it has an id already: sealed secrets open in their own app only.
    pub id: Option<AppId>,
    /// What it is born with.
    pub preset: Option<Preset>,
}

/// An app for the file, and what opens it.
pub struct Made {
    /// The app's tables, as TOML.
    pub text: String,
    /// The secrets; they are here and nowhere else in clear.
    pub credentials: Credentials,
}

/// The credentials of an app, to be shown once.
#[derive(Serialize)]
pub struct Credentials {
    /// The app.
    pub app_id: String,
    /// An API key with every scope.
    pub api_key: String,
    /// A key that signs tokens.
    pub signing_key: credentials::SigningKey,
    /// Pusher credentials; the key is the app key of native clients too.
    pub pusher: credentials::Pusher,
}

/// Makes an app with one key of each kind.
///
/// # Errors
/// A secret cannot be sealed.
pub fn generate(
    request: &Request,
    keys: &Keys,
    random: &dyn Random,
    now: Timestamp,
) -> anyhow::Result<Made> {
    let master = keys.master_key();
    let tenant = TenantId::parse(TENANT)?;
    let id = request.id.clone();
    let id = id.unwrap_or_else(|| AppId::generate(random));
    let api_key = ApiKeyText::generate(random);
    let row = ApiKey::of(&api_key, &keys.hash_keys(), Scopes::all());
    let signing_key = SigningKey::generate(random, now);
    let (kid, secret) = (signing_key.kid.as_str(), signing_key.secret());
    let pusher = credentials::Pusher {
        // Twelve digits without a leading zero, as Pusher's own are digits.
        app_id: (100_000_000_000 + random.u64() % 900_000_000_000).to_string(),
        key: hexadecimal(random),
        secret: hexadecimal(random),
    };
    let pusher_secret = SecretText::new(pusher.secret.as_str());
    let place_of = |purpose, row| place(purpose, &tenant, &id, row);
    let sealed_pusher = seal(
        &master,
        place_of(PUSHER_SECRET, &pusher.key),
        &pusher_secret,
        random,
    )?;
    let sealed_signing = seal(&master, place_of(SIGNING_KEY, kid), secret, random)?;

    let mut text = format!("[apps.{id}]\nname = {}\n", toml_text(&request.name));
    if request.preset == Some(Preset::Pusher) {
        text += "# What Pusher's users expect: channels that are not private are open.\n";
        text += "preset = \"pusher\"\n";
    }
    write!(
        text,
        "pusher_app_id = \"{pusher_app}\"\n\n\
         [apps.{id}.app_keys.{key}]\n\
         pusher_secrets = [{{ sealed = \"{sealed_pusher}\" }}]\n\n\
         [apps.{id}.api_keys.{api_key}]\n\
         hash = \"{hash}\"\n\
         scopes = [{scopes}]\n\
         patterns = [{patterns}]\n\n\
         [apps.{id}.signing_keys.{kid}]\n\
         secret = {{ sealed = \"{sealed_signing}\" }}\n\
         generated = true\n\
         created_at = {now}\n",
        now = date::text(now),
        pusher_app = pusher.app_id,
        key = pusher.key,
        api_key = row.id,
        hash = hex(&row.hash),
        scopes = quoted(row.scopes.scopes.iter().copied().map(Scope::as_str)),
        patterns = quoted(row.scopes.patterns.iter().map(ChannelPattern::to_string)),
    )?;
    Ok(Made {
        credentials: Credentials {
            app_id: id.to_string(),
            api_key: api_key.expose().expose().to_owned(),
            signing_key: credentials::SigningKey {
                kid: kid.to_owned(),
                secret: secret.expose().to_owned(),
            },
            pusher,
        },
        text,
    })
}

/// Twenty hexadecimal digits, as Pusher's own keys are.
fn hexadecimal(random: &dyn Random) -> String {
    let mut bytes = [0; 10];
    random.fill(&mut bytes);
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn quoted(words: impl Iterator<Item = impl AsRef<str>>) -> String {
    let words: Vec<_> = words.map(|word| format!("\"{}\"", word.as_ref())).collect();
    words.join(", ")
}

fn toml_text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
