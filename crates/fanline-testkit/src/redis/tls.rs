//! TLS for servers that run: certificates of an authority that lives as long as a test, and a second port.
//!
//! The rig itself goes on over the plain port, so that everything else here works on such servers too. A
//! restarted server has forgotten its TLS port.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use redis::{Cmd, RedisError};
use tempfile::TempDir;

use super::cluster::RedisCluster;
use super::ports;
use super::server::RedisServer;

/// How often another process may be quicker to take the port.
const PORT_TRIES: usize = 10;

/// An authority and what it has signed, as PEM files that are gone with this value. It must outlive the servers
/// that were given them.
#[derive(Debug)]
pub struct Certificates {
    directory: TempDir,
}

/// What a server asks of its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clients {
    /// No certificate.
    Anonymous,
    /// A certificate of the same authority.
    Certified,
}

// === impl Certificates ===

impl Certificates {
    /// Makes an authority, a certificate for servers of these names or addresses, and one for a client.
    pub fn make(names: &[&str]) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("fanline-certificates-")
            .tempdir()
            .context("no temporary directory")?;
        let made = Self { directory };

        let key = KeyPair::generate()?;
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        authority.distinguished_name = named("authority");
        fs::write(made.authority(), authority.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(authority, key);

        // In a cluster every server is also a client of the others.
        let both = [
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        made.sign(&issuer, "server", names, &both)?;
        made.sign(&issuer, "client", &[], &both[1..])?;
        Ok(made)
    }

    /// The authority's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.file("authority")
    }

    /// The client's certificate.
    #[must_use]
    pub fn client_certificate(&self) -> PathBuf {
        self.file("client")
    }

    /// The client's key.
    #[must_use]
    pub fn client_key(&self) -> PathBuf {
        self.file("client-key")
    }

    fn sign(
        &self,
        issuer: &Issuer<'_, KeyPair>,
        file: &str,
        names: &[&str],
        purposes: &[ExtendedKeyUsagePurpose],
    ) -> Result<()> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names)?;
        params.extended_key_usages = purposes.to_vec();
        params.distinguished_name = named(file);
        let key = KeyPair::generate()?;
        fs::write(self.file(file), params.signed_by(&key, issuer)?.pem())?;
        fs::write(self.file(&format!("{file}-key")), key.serialize_pem())?;
        Ok(())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(format!("{name}.pem"))
    }

    /// The settings of a server with these certificates.
    fn settings(&self, clients: Clients) -> Vec<(&'static str, String)> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let asked = match clients {
            Clients::Anonymous => "no",
            Clients::Certified => "yes",
        };
        vec![
            ("tls-cert-file", text(&self.file("server"))),
            ("tls-key-file", text(&self.file("server-key"))),
            ("tls-ca-cert-file", text(&self.authority())),
            ("tls-auth-clients", asked.to_owned()),
        ]
    }
}

// === impl RedisServer ===

impl RedisServer {
    /// Opens a port for TLS beside the plain one, and answers its address.
    pub async fn listen_with_tls(
        &self,
        certificates: &Certificates,
        clients: Clients,
    ) -> Result<String> {
        self.ask::<()>(&set(&certificates.settings(clients)))
            .await?;
        let mut tries = 1;
        loop {
            let port = ports::free()?;
            let port_setting = set(&[("tls-port", port.to_string())]);
            match self.ask::<()>(&port_setting).await {
                Ok(()) => return Ok(format!("{}:{port}", self.ip())),
                Err(error) if tries < PORT_TRIES && error.is::<RedisError>() => tries += 1,
                Err(error) => return Err(error),
            }
        }
    }
}

// === impl RedisCluster ===

impl RedisCluster {
    /// Opens a port for TLS on every node, which clients over TLS are sent to from then on, and answers their
    /// addresses. The nodes speak TLS with each other, too, as soon as they connect anew.
    pub async fn listen_with_tls(&self, certificates: &Certificates) -> Result<Vec<String>> {
        let opening = self.nodes().map(|node| async move {
            let server = self.server(node);
            let address = server
                .listen_with_tls(certificates, Clients::Anonymous)
                .await?;
            let port = address.rsplit(':').next().unwrap_or_default().to_owned();
            // Only with them do the nodes use this port and tell each other; the last setting makes them say it.
            let among_themselves = ["tls-cluster", "tls-replication"];
            let among_themselves = among_themselves.map(|name| (name, "yes".to_owned()));
            server.ask::<()>(&set(&among_themselves)).await?;
            server
                .ask::<()>(&set(&[("cluster-announce-tls-port", port)]))
                .await?;
            anyhow::Ok(address)
        });
        let addresses = try_join_all(opening).await?;
        self.wait_until_settled().await?;
        Ok(addresses)
    }
}

/// OpenSSL takes a certificate for its own authority if both have one name.
fn named(name: &str) -> DistinguishedName {
    let mut distinguished = DistinguishedName::new();
    distinguished.push(DnType::CommonName, format!("{name} of a test"));
    distinguished
}

fn set(settings: &[(&'static str, String)]) -> Cmd {
    let mut command = redis::cmd("CONFIG");
    command.arg("SET");
    for (name, value) in settings {
        command.arg(*name).arg(value);
    }
    command
}
