//! What `fanline dev` made at its first start, kept in the data directory and used again.
//!
//! It is also where `fanline publish` and `subscribe` find the way to a running `dev`.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::{data_dir, private_file};

/// Everything that `dev` tells a script, in the order in which it tells it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Credentials {
    /// Where clients and publishers come in.
    pub url: String,
    /// The admin API.
    pub admin_url: String,
    /// Metrics and health.
    pub ops_url: String,
    /// The tenant.
    pub tenant_id: String,
    /// Its app.
    pub app_id: String,
    /// What a backend proves itself with.
    pub api_key: String,
    /// What a backend signs its users' tokens with.
    pub signing_key: SigningKey,
    /// What Pusher libraries are given; `key` is the app key for native clients too.
    pub pusher: Pusher,
    /// The installation's operator.
    pub operator_token: String,
    /// Where all of it is kept.
    pub data_dir: PathBuf,
}

/// A key that signs tokens.
#[derive(Clone, Serialize, Deserialize)]
pub struct SigningKey {
    /// Its name in a token's header.
    pub kid: String,
    /// Its secret; the text's bytes are the key.
    pub secret: String,
}

/// Pusher's three words.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pusher {
    /// In the paths of Pusher's HTTP API.
    pub app_id: String,
    /// Public.
    pub key: String,
    /// For a backend only.
    pub secret: String,
}

// === impl Credentials ===

impl Credentials {
    /// Those of a data directory; `None` if `dev` never ran there.
    ///
    /// # Errors
    /// The file cannot be read, or is damaged.
    pub fn load(data_dir: &Path) -> io::Result<Option<Self>> {
        let path = data_dir::credentials(data_dir);
        let Some(contents) = private_file::read(&path)? else {
            return Ok(None);
        };
        serde_json::from_slice(&contents)
            .map(Some)
            .map_err(|error| {
                let sentence = format!("{} is damaged: {error}", path.display());
                io::Error::new(io::ErrorKind::InvalidData, sentence)
            })
    }

    /// The same, with the addresses of another start: public, admin, ops.
    #[must_use]
    pub fn at(self, [url, admin_url, ops_url]: [String; 3]) -> Self {
        Self {
            url,
            admin_url,
            ops_url,
            ..self
        }
    }

    /// Keeps them, readable by their owner only.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let mut text = serde_json::to_string_pretty(self)?;
        text.push('\n');
        private_file::write(&data_dir::credentials(&self.data_dir), text.as_bytes())
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(crate) mod tests {
    use super::*;

    /// Credentials that open nothing.
    pub(crate) fn forged(data_dir: &Path) -> Credentials {
        Credentials {
            url: "http://127.0.0.1:7300".to_owned(),
            admin_url: "http://127.0.0.1:7301".to_owned(),
            ops_url: "http://127.0.0.1:7302".to_owned(),
            tenant_id: "tenant".to_owned(),
            app_id: "app".to_owned(),
            api_key: "fl_id_secret".to_owned(),
            signing_key: SigningKey {
                kid: "kid".to_owned(),
                secret: "signing secret".to_owned(),
            },
            pusher: Pusher {
                app_id: "1234".to_owned(),
                key: "app-key".to_owned(),
                secret: "pusher secret".to_owned(),
            },
            operator_token: "operator token".to_owned(),
            data_dir: data_dir.to_owned(),
        }
    }

    #[test]
    fn credentials_read_back_and_only_their_owner_reads_them() {
        let directory = tempfile::tempdir().unwrap();
        assert!(Credentials::load(directory.path()).unwrap().is_none());
        let credentials = forged(directory.path());
        credentials.save().unwrap();
        let loaded = Credentials::load(directory.path()).unwrap().unwrap();
        let text = |credentials| serde_json::to_string(credentials).unwrap();
        assert_eq!(text(&loaded), text(&credentials));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let path = data_dir::credentials(directory.path());
            let mode = std::fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn damaged_credentials_name_their_file_and_no_secret() {
        let directory = tempfile::tempdir().unwrap();
        let path = data_dir::credentials(directory.path());
        std::fs::write(&path, "{\"url\": \"hunter2\"").unwrap();
        let sentence = Credentials::load(directory.path()).unwrap_err().to_string();
        assert!(
            sentence.contains("credentials.json is damaged"),
            "{sentence}"
        );
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }

    #[test]
    fn debug_output_holds_no_secret() {
        let text = format!("{:?}", forged(Path::new("/data")));
        assert!(
            !text.contains("secret") && !text.contains("token"),
            "{text}"
        );
    }
}
