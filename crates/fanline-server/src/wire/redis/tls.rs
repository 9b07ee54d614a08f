//! TLS to Redis, from the files that a configuration names.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use fanline_broker_redis::RedisTls;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};

use crate::config;

/// The cryptography is named here, so that nothing depends on a process-wide default.
pub(super) fn load(tls: &config::RedisTls) -> anyhow::Result<RedisTls> {
    let roots = match &tls.authorities {
        Some(path) => authorities(path)?,
        None => of_the_system()?,
    };
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let client = match &tls.identity {
        None => client.with_no_client_auth(),
        Some((certificate, key)) => {
            let certificate = certificates("redis.tls_certificate", certificate)?;
            client
                .with_client_auth_cert(certificate, private_key(key)?)
                .context("redis.tls_certificate and redis.tls_key do not belong together")?
        }
    };
    let name = |name: &String| {
        let read = ServerName::try_from(name.clone());
        read.with_context(|| format!("redis.tls_server_name: {name:?} is no name of a host"))
    };
    Ok(RedisTls {
        client: Arc::new(client),
        server_name: tls.server_name.as_ref().map(name).transpose()?,
    })
}

fn authorities(path: &Path) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates("redis.tls_ca", path)? {
        let context = || format!("redis.tls_ca: {} holds no authority", path.display());
        roots.add(certificate).with_context(context)?;
    }
    Ok(roots)
}

/// One that cannot be read is no reason to trust none.
fn of_the_system() -> anyhow::Result<RootCertStore> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        bail!(
            "this system has no certificates of authorities: install them (package ca-certificates), or name \
             a file in redis.tls_ca"
        );
    }
    Ok(roots)
}

fn certificates(key: &str, path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let text = read(key, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.with_context(|| format!("{key}: {} is no PEM", path.display()))?;
    if found.is_empty() {
        bail!("{key}: there is no certificate in {}", path.display());
    }
    Ok(found)
}

fn private_key(path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
    let text = read("redis.tls_key", path)?;
    let missing = || {
        format!(
            "redis.tls_key: there is no private key in {}",
            path.display()
        )
    };
    PrivateKeyDer::from_pem_slice(&text).with_context(missing)
}

fn read(key: &str, path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{key}: cannot read {}", path.display()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn refusal(tls: &config::RedisTls) -> String {
        format!("{:#}", load(tls).unwrap_err())
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_key() {
        let directory = tempfile::tempdir().unwrap();
        let empty = directory.path().join("empty.pem");
        fs::write(&empty, "no certificate").unwrap();
        let missing = directory.path().join("missing.pem");
        let with = |authorities| config::RedisTls {
            authorities: Some(authorities),
            identity: None,
            server_name: None,
        };
        let said = refusal(&with(missing));
        assert!(
            said.contains("redis.tls_ca") && said.contains("missing.pem"),
            "{said}"
        );
        let said = refusal(&with(empty));
        assert!(said.contains("there is no certificate in"), "{said}");
    }
}
