//! The keys of `[redis]` about TLS. Whoever names a file and leaves TLS off has made a mistake that would be found
//! only by listening on the network.

use std::path::PathBuf;

use super::{InvalidConfig, Raw};
use crate::config::RedisTls;

/// What only TLS has a use for.
const PARTS: [&str; 4] = [
    "redis.tls_ca",
    "redis.tls_certificate",
    "redis.tls_key",
    "redis.tls_server_name",
];

pub(super) fn redis_tls(raw: &Raw) -> Result<Option<RedisTls>, InvalidConfig> {
    let [authorities, certificate, key, server_name] = PARTS;
    if !raw.boolean("redis.tls")? {
        for part in PARTS {
            if let Some(value) = given(raw, part)? {
                return Err(InvalidConfig::Value {
                    key: part,
                    found: format!("{value:?}"),
                    expected: "it has a use with `redis.tls = true` only",
                });
            }
        }
        return Ok(None);
    }
    let path = |part| Ok(given(raw, part)?.map(PathBuf::from));
    Ok(Some(RedisTls {
        authorities: path(authorities)?,
        identity: match (path(certificate)?, path(key)?) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            (Some(_), None) => return Err(without(key)),
            (None, Some(_)) => return Err(without(certificate)),
        },
        server_name: given(raw, server_name)?.map(str::to_owned),
    }))
}

fn given<'a>(raw: &'a Raw, key: &'static str) -> Result<Option<&'a str>, InvalidConfig> {
    let text = raw.text(key, "write a text, or leave it empty")?;
    Ok((!text.is_empty()).then_some(text))
}

fn without(key: &'static str) -> InvalidConfig {
    InvalidConfig::Value {
        key,
        found: "empty".to_owned(),
        expected: "a certificate and its key are given together, or neither",
    }
}
