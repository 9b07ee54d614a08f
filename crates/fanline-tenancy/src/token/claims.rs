//! What a token says, read field by field so that a refusal can name the claim.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fanline_model::{Channel, KeyId, Timestamp, UserId};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::AppSnapshot;
use crate::authority::Capabilities;
use crate::proof::AuthError;
use crate::signing_key::SigningKey;

/// How far the clock of whoever signs may go before ours. A token's end has no such grace: the session
/// is cut by the same clock at the same moment.
pub(crate) const LEEWAY: Duration = Duration::from_secs(30);

/// The claim that names the API key which minted the token.
pub(crate) const MAKER: &str = "fl_key";

/// The claims of a token whose signature was right.
#[derive(Debug)]
pub(crate) struct Claims {
    pub(crate) sub: Option<UserId>,
    pub(crate) exp: Timestamp,
    pub(crate) jti: Option<String>,
    pub(crate) capabilities: Capabilities,
    pub(crate) channels: Vec<Channel>,
    pub(crate) maker: Option<KeyId>,
    iat: Option<Timestamp>,
    nbf: Option<Timestamp>,
    aud: Option<Vec<String>>,
}

// === impl Claims ===

impl Claims {
    /// Reads the second part of a JWT.
    pub(crate) fn read(payload: &str) -> Result<Self, AuthError> {
        let bytes = URL_SAFE_NO_PAD
            .decode(payload)
            .map_err(|_| claim("the claims", "are no base64url"))?;
        let map: Map<String, Value> = serde_json::from_slice(&bytes)
            .map_err(|_| claim("the claims", "are no JSON object"))?;
        let exp = moment(&map, "exp")?
            .ok_or_else(|| claim("the claim exp", "is missing; every token needs an end"))?;
        let sub: Option<String> = field(&map, "sub", "a text")?;
        let jti: Option<String> = field(&map, "jti", "a text")?;
        let maker: Option<String> = field(&map, MAKER, "a text")?;
        let capabilities: Option<BTreeMap<String, Vec<String>>> = field(
            &map,
            "capabilities",
            "an object of lists, like {\"orders.*\": [\"subscribe\"]}",
        )?;
        let channels: Option<Vec<String>> = field(&map, "channels", "a list of channel names")?;
        let channel = |name: String| {
            Channel::parse(&name).map_err(|why| claim("the claim channels", &why.to_string()))
        };
        Ok(Self {
            sub: sub
                .map(|id| {
                    UserId::parse(&id).map_err(|why| claim("the claim sub", &why.to_string()))
                })
                .transpose()?,
            exp,
            jti,
            capabilities: Capabilities::parse(&capabilities.unwrap_or_default())
                .map_err(|why| claim("the claim capabilities", &why.to_string()))?,
            channels: channels
                .unwrap_or_default()
                .into_iter()
                .map(channel)
                .collect::<Result<_, _>>()?,
            maker: maker
                .map(|id| {
                    KeyId::parse(&id).map_err(|why| claim("the claim fl_key", &why.to_string()))
                })
                .transpose()?,
            iat: moment(&map, "iat")?,
            nbf: moment(&map, "nbf")?,
            aud: audience(&map)?,
        })
    }

    /// Whether they hold for this app and key, now (TENANCY 3).
    pub(crate) fn judge(
        &self,
        app: &AppSnapshot,
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<(), AuthError> {
        if self.exp <= now {
            return Err(AuthError::Expired);
        }
        let soon = now.plus(LEEWAY);
        if self.nbf.is_some_and(|nbf| nbf > soon) {
            return Err(claim(
                "the claim nbf",
                "is still to come; wait, or set the clock of the signer right",
            ));
        }
        if self.iat.is_some_and(|iat| iat > soon) {
            return Err(claim(
                "the claim iat",
                "is in the future; set the clock of the signer right",
            ));
        }
        let longest = app.settings.limits.token_lifetime;
        let born = self.iat.unwrap_or(now);
        if self.exp.since(born) > longest || self.exp.since(now) > longest + LEEWAY {
            let problem = format!(
                "is too far away; a token of this app lives at most {} seconds",
                longest.as_secs()
            );
            return Err(claim("the claim exp", &problem));
        }
        match &self.aud {
            // RFC 7519, 4.1.3: where aud is present, it must name us.
            Some(audience) if !audience.iter().any(|one| one == app.id.as_str()) => Err(claim(
                "the claim aud",
                &format!("does not name this app; leave it out or add {}", app.id),
            )),
            None if !key.generated => Err(claim(
                "the claim aud",
                &format!("is missing; a key from elsewhere needs it to be {}", app.id),
            )),
            _ => {
                let most = app.settings.limits.channels_per_connection;
                if self.channels.len() > most {
                    return Err(claim(
                        "the claim channels",
                        &format!("names more than {most} channels"),
                    ));
                }
                Ok(())
            }
        }
    }
}

/// A claim that may be missing; `null` counts as missing.
fn field<T: DeserializeOwned>(
    map: &Map<String, Value>,
    name: &str,
    shape: &str,
) -> Result<Option<T>, AuthError> {
    match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => T::deserialize(value)
            .map(Some)
            .map_err(|_| claim(&format!("the claim {name}"), &format!("must be {shape}"))),
    }
}

/// A NumericDate (RFC 7519, 2): seconds since 1970, perhaps with a fraction.
fn moment(map: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, AuthError> {
    let Some(seconds) = field::<f64>(map, name, "a number of seconds since 1970")? else {
        return Ok(None);
    };
    if !(0.0..=9e15).contains(&seconds) {
        return Err(claim(
            &format!("the claim {name}"),
            "is no moment after 1970",
        ));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked just above"
    )]
    Ok(Some(Timestamp::from_millis((seconds * 1000.0) as u64)))
}

/// One text or a list of them.
fn audience(map: &Map<String, Value>) -> Result<Option<Vec<String>>, AuthError> {
    match map.get("aud") {
        Some(Value::String(one)) => Ok(Some(vec![one.clone()])),
        _ => field(map, "aud", "a text or a list of texts"),
    }
}

fn claim(what: &str, problem: &str) -> AuthError {
    AuthError::Refused(format!("{what} of the token {problem}"))
}
