//! TLS to Redis.
//!
//! Whom to trust and with which cryptography is decided by whoever builds the configuration and is handed in:
//! nothing here asks for a process-wide default, so none can be missing. There is no way to skip the
//! verification of a certificate.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How to speak TLS with the servers.
#[derive(Clone)]
pub struct RedisTls {
    /// Whom to trust, what to show, and with which cryptography.
    pub client: Arc<ClientConfig>,
    /// The name that every server's certificate must carry. None: that of the host which was dialled, as the
    /// cluster announces it.
    pub server_name: Option<ServerName<'static>>,
}

// === impl RedisTls ===

impl RedisTls {
    /// Shakes hands with a host.
    pub(super) async fn shake_hands(
        &self,
        host: &str,
        stream: TcpStream,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => ServerName::try_from(host.to_owned()).map_err(|_| no_name(host))?,
        };
        let connector = TlsConnector::from(Arc::clone(&self.client));
        connector.connect(name, stream).await
    }
}

fn no_name(host: &str) -> io::Error {
    let sentence = format!("{host} is no name that a certificate can carry");
    io::Error::new(io::ErrorKind::InvalidInput, sentence)
}

/// Without the keys.
impl fmt::Debug for RedisTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}
