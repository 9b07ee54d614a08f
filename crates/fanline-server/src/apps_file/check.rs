//! From the file's words to apps that make sense.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use fanline_model::{AppId, ChannelPattern, KeyId, Timestamp};
use fanline_store::document::AppPatch;
use fanline_tenancy::{
    ApiKey, AppKey, AppSettings, AppSnapshot, NamespaceRule, Place, Revision, RuleTable, Scope,
    Scopes, SigningAlgorithm, SigningKey, TenantState,
};
use toml::Spanned;
use toml::value::Datetime;

use super::contents::Contents;
use super::document::{self, Document, Preset, Rows};
use super::refusal::Fault;
use super::secret::{PUSHER_SECRET, SIGNING_KEY, Secret, place};
use super::{AppsFile, date};

/// How many random characters an app's id has at least.
const RANDOM_CHARS: usize = 16;

/// A check under way.
pub(super) struct Check<'a> {
    file: &'a AppsFile,
    contents: &'a Contents,
    now: Timestamp,
    /// Names that belong to one app alone, with their kind.
    taken: HashSet<(&'static str, String)>,
}

type Checked<T> = Result<T, String>;

// === impl Check ===

impl<'a> Check<'a> {
    pub(super) fn new(file: &'a AppsFile, contents: &'a Contents, now: Timestamp) -> Self {
        Self {
            file,
            contents,
            now,
            taken: HashSet::new(),
        }
    }

    pub(super) fn apps(mut self, document: &Document) -> Result<Vec<AppSnapshot>, Fault> {
        if document.apps.is_empty() {
            // Also a file that is just being written: it must not take every app away.
            return Err(Fault::new(
                0..0,
                "there is no app; `fanline apps new` prints one",
            ));
        }
        let apps = document.apps.iter();
        apps.map(|(id, app)| self.app(id, app.span(), app.get_ref()))
            .collect()
    }

    fn app(
        &mut self,
        id: &str,
        at: Range<usize>,
        app: &document::App,
    ) -> Result<AppSnapshot, Fault> {
        let here = |problem| Fault::new(at.clone(), problem);
        let id = app_id(id).map_err(here)?;
        let settings = settings(app).map_err(here)?;
        if let Some(alias) = &app.pusher_app_id {
            pusher_app_id(alias).map_err(here)?;
            self.take("pusher_app_id", alias).map_err(here)?;
        }
        let rules = rules(app)?;
        Ok(AppSnapshot {
            pusher_app_id: app.pusher_app_id.clone(),
            revision: Revision {
                tenant: 0,
                app: self.now.as_millis(),
            },
            tenant: TenantState {
                id: self.file.tenant.clone(),
                suspended: false,
            },
            settings,
            rules,
            app_keys: self.rows(&app.app_keys, |check, key, row| {
                check.app_key(&id, key, row)
            })?,
            api_keys: self.rows(&app.api_keys, Self::api_key)?,
            signing_keys: self.rows(&app.signing_keys, |check, kid, row| {
                check.signing_key(&id, kid, row)
            })?,
            id,
        })
    }

    /// Rows by their checked names. What is wrong with one is told at its place.
    fn rows<T, K: Eq + std::hash::Hash, V>(
        &mut self,
        rows: &Rows<T>,
        check: impl Fn(&mut Self, &str, &T) -> Checked<(K, V)>,
    ) -> Result<HashMap<K, V>, Fault> {
        let row = |(name, row): (&String, &Spanned<T>)| {
            check(self, name, row.get_ref()).map_err(|problem| Fault::new(row.span(), problem))
        };
        rows.iter().map(row).collect()
    }

    fn app_key(
        &mut self,
        app: &AppId,
        key: &str,
        row: &document::AppKey,
    ) -> Checked<(Arc<str>, AppKey)> {
        KeyId::parse(key).map_err(|why| format!("this is no app key: {why}"))?;
        self.take("app key", key)?;
        let most = AppKey::MAX_PUSHER_SECRETS;
        if row.pusher_secrets.len() > most {
            return Err(format!(
                "an app key has at most {most} Pusher secrets; drop the oldest"
            ));
        }
        let place = place(PUSHER_SECRET, &self.file.tenant, app, key);
        let secrets = row.pusher_secrets.iter();
        let pusher_secrets = secrets
            .map(|secret| self.open(secret, place))
            .collect::<Checked<_>>()?;
        let key = AppKey {
            enabled: row.enabled,
            pusher_secrets,
            ..AppKey::new(key)
        };
        Ok((key.key.clone(), key))
    }

    fn api_key(&mut self, id: &str, row: &document::ApiKey) -> Checked<(KeyId, ApiKey)> {
        let id = key_id(id)?;
        self.take("API key", id.as_str())?;
        let scope = |word: &String| {
            let known = || Scope::ALL.map(Scope::as_str).join(", ");
            Scope::parse(word).ok_or_else(|| format!("{word:?} is no scope; there are {}", known()))
        };
        let pattern = |text: &String| {
            ChannelPattern::parse(text).map_err(|why| format!("{text:?} is no pattern: {why}"))
        };
        let key = ApiKey {
            id: id.clone(),
            hash: hash(&row.hash)?,
            hash_key_version: row.hash_key_version,
            scopes: Scopes {
                scopes: row.scopes.iter().map(scope).collect::<Checked<_>>()?,
                patterns: row.patterns.iter().map(pattern).collect::<Checked<_>>()?,
            },
            expires_at: row.expires_at.as_ref().map(moment).transpose()?,
            parent: None,
        };
        Ok((id, key))
    }

    fn signing_key(
        &mut self,
        app: &AppId,
        kid: &str,
        row: &document::SigningKey,
    ) -> Checked<(KeyId, SigningKey)> {
        let kid = key_id(kid)?;
        let algorithm = match &row.algorithm {
            None => SigningAlgorithm::Hs256,
            Some(word) => SigningAlgorithm::parse(word).ok_or_else(|| {
                format!("{word:?} is no algorithm; there are HS256, HS384 and HS512")
            })?,
        };
        let created_at = row.created_at.as_ref().map(moment).transpose()?;
        let place = place(SIGNING_KEY, &self.file.tenant, app, kid.as_str());
        let secret = self.open(&row.secret, place)?;
        let key = SigningKey::new(
            kid.clone(),
            algorithm,
            secret,
            row.generated,
            created_at.unwrap_or_default(),
        );
        Ok((kid, key.map_err(|why| why.to_string())?))
    }

    fn open(&self, secret: &Secret, place: Place<'_>) -> Checked<fanline_tenancy::SecretText> {
        secret.open(&self.file.path, self.contents, &self.file.master, place)
    }

    fn take(&mut self, kind: &'static str, name: &str) -> Checked<()> {
        if self.taken.insert((kind, name.to_owned())) {
            return Ok(());
        }
        Err(format!(
            "the {kind} {name:?} belongs to another app of this file already; it is unique in the \
             installation"
        ))
    }
}

/// Random, never given (TENANCY 1): ids that people choose are chosen again, and then read what another
/// app has left.
fn app_id(text: &str) -> Checked<AppId> {
    let random = text.strip_prefix("app_").map_or(0, str::len);
    match AppId::parse(text) {
        Ok(id) if random >= RANDOM_CHARS => Ok(id),
        _ => Err(format!(
            "{text:?} is no app id: `app_` and {RANDOM_CHARS} random letters and digits; `fanline apps \
             new` makes one"
        )),
    }
}

fn pusher_app_id(text: &str) -> Checked<()> {
    if !text.is_empty() && text.len() <= 20 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    Err("pusher_app_id is a text of 1 to 20 digits".to_owned())
}

/// What is none is not repeated: it may be a whole API key, secret and all.
fn key_id(text: &str) -> Checked<KeyId> {
    KeyId::parse(text).map_err(|why| {
        format!("this is no key id: {why}; of an API key `fl_ID_SECRET` it is the ID alone")
    })
}

fn settings(app: &document::App) -> Checked<AppSettings> {
    let patch = AppPatch {
        name: Some(app.name.clone()),
        enabled: Some(app.enabled),
        allowed_origins: Some(app.allowed_origins.clone()),
        client_events: Some(app.client_events),
        limits: Some(app.limits.clone()),
    };
    patch.check().map_err(|why| why.to_string())?;
    Ok(AppSettings {
        name: app.name.clone(),
        enabled: app.enabled,
        allowed_origins: app.allowed_origins.clone(),
        client_events: app.client_events,
        limits: app.limits.over_defaults(),
    })
}

/// What every app is born with, and the file's rows in their place or beside them.
fn rules(app: &document::App) -> Result<RuleTable, Fault> {
    let born = RuleTable::born(app.preset == Some(Preset::Pusher));
    let rows = born.rows().iter();
    let untouched = rows.filter(|row| !app.namespaces.contains_key(&row.prefix));
    let mut rules: Vec<NamespaceRule> = untouched.cloned().collect();
    for (prefix, row) in &app.namespaces {
        let settings = &row.get_ref().0;
        settings
            .check(prefix)
            .map_err(|why| Fault::new(row.span(), why.to_string()))?;
        rules.push(settings.to_rule(prefix));
    }
    Ok(RuleTable::new(rules))
}

fn hash(text: &str) -> Checked<[u8; 32]> {
    let mut hash = [0; 32];
    let digits: Option<Vec<u32>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let pairs = digits.filter(|digits| digits.len() == 64).ok_or(
        "hash is the keyed hash of an API key, 64 hexadecimal digits, never the key itself; `fanline apps \
         new` makes both",
    )?;
    for (byte, pair) in hash.iter_mut().zip(pairs.chunks_exact(2)) {
        let value = pair.iter().fold(0, |value, digit| value * 16 + digit);
        *byte = u8::try_from(value).unwrap_or_default();
    }
    Ok(hash)
}

fn moment(date: &Datetime) -> Checked<Timestamp> {
    date::moment(date).ok_or_else(|| {
        format!("{date} is no moment; write date, time and offset, as 2027-01-01T00:00:00Z")
    })
}
