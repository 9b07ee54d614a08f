//! Which server, and with which API key.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use fanline_tenancy::SecretText;
use http::Uri;

use crate::credentials::Credentials;

/// Where `dev` listens if nobody said otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:7300";
/// The variable that holds an API key.
const API_KEY: &str = "FANLINE_API_KEY";

/// How a command finds the server that it asks.
#[derive(Clone, Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server, as http://HOST:PORT; without it, the `fanline dev` of the data directory
    #[arg(long, env = "FANLINE_URL", value_name = "URL")]
    url: Option<String>,
    /// A file that holds the API key; the variable FANLINE_API_KEY may hold it, too. Without either,
    /// the key that `fanline dev` made
    #[arg(long, env = "FANLINE_API_KEY_FILE", value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// The data directory of `fanline dev`
    #[arg(long, env = "FANLINE_DATA_DIR", value_name = "DIR")]
    #[arg(default_value = "./fanline-data")]
    data_dir: PathBuf,
}

/// A server to ask, and the key to ask with.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    url: Uri,
    api_key: SecretText,
}

// === impl ServerArgs ===

impl ServerArgs {
    /// The server and the key that these arguments mean.
    #[expect(
        clippy::disallowed_methods,
        reason = "a key on the command line could be read by every process of the machine"
    )]
    pub(crate) fn server(&self) -> anyhow::Result<Server> {
        self.server_with(env::var(API_KEY).ok().filter(|key| !key.is_empty()))
    }

    fn server_with(&self, variable: Option<String>) -> anyhow::Result<Server> {
        let made = Credentials::load(&self.data_dir)?;
        let url = match (&self.url, &made) {
            (Some(url), _) => url,
            (None, Some(made)) => &made.url,
            (None, None) => DEFAULT_URL,
        };
        let api_key = match (&self.api_key_file, variable, made.as_ref()) {
            (Some(path), _, _) => read_key(path)?,
            (None, Some(key), _) => key,
            (None, None, Some(made)) => made.api_key.clone(),
            (None, None, None) => bail!(
                "no API key: set {API_KEY}, or name a file with --api-key-file, or the data \
                 directory of a `fanline dev` with --data-dir ({} has none)",
                self.data_dir.display()
            ),
        };
        Ok(Server {
            url: parse(url)?,
            api_key: SecretText::new(api_key.trim()),
        })
    }
}

fn read_key(path: &Path) -> anyhow::Result<String> {
    let text = fs::read_to_string(path)
        .with_context(|| format!("cannot read the API key in {}", path.display()))?;
    ensure!(!text.trim().is_empty(), "{} is empty", path.display());
    Ok(text)
}

fn parse(url: &str) -> anyhow::Result<Uri> {
    let uri: Uri = url
        .trim_end_matches('/')
        .parse()
        .with_context(|| format!("{url:?} is no URL; write http://HOST:PORT"))?;
    match uri.scheme_str() {
        Some("http") if uri.host().is_some() => Ok(uri),
        Some("https") => bail!(
            "this command speaks plain HTTP only; run it beside the server, or use curl for {url}"
        ),
        _ => bail!("{url:?} is no URL of a server; write http://HOST:PORT"),
    }
}

// === impl Server ===

impl Server {
    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        let base = self.url.to_string();
        format!("{}{path}", base.trim_end_matches('/'))
    }

    /// The URL of a WebSocket.
    pub(crate) fn socket_url(&self, path: &str) -> String {
        self.url(path).replacen("http", "ws", 1)
    }

    /// The API key.
    pub(crate) const fn api_key(&self) -> &SecretText {
        &self.api_key
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::credentials::tests::forged;

    fn arguments(data_dir: &Path) -> ServerArgs {
        ServerArgs {
            url: None,
            api_key_file: None,
            data_dir: data_dir.to_owned(),
        }
    }

    #[test]
    fn a_data_directory_of_dev_is_enough() {
        let directory = tempfile::tempdir().unwrap();
        let mut made = forged(directory.path());
        made.url = "http://127.0.0.1:4567".to_owned();
        made.save().unwrap();
        let server = arguments(directory.path()).server_with(None).unwrap();
        assert_eq!(server.url("/v1"), "http://127.0.0.1:4567/v1");
        assert_eq!(server.socket_url("/x"), "ws://127.0.0.1:4567/x");
        assert_eq!(server.api_key().expose(), "fl_id_secret");
    }

    #[test]
    fn a_file_wins_over_the_variable_and_the_variable_over_dev() {
        let directory = tempfile::tempdir().unwrap();
        forged(directory.path()).save().unwrap();
        let mut arguments = arguments(directory.path());
        let variable = || Some("from variable".to_owned());
        let server = arguments.server_with(variable()).unwrap();
        assert_eq!(server.api_key().expose(), "from variable");
        let file = directory.path().join("key");
        fs::write(&file, "from file\n").unwrap();
        arguments.api_key_file = Some(file);
        let server = arguments.server_with(variable()).unwrap();
        assert_eq!(server.api_key().expose(), "from file");
    }

    #[test]
    fn without_any_key_the_three_ways_to_give_one_are_named() {
        let directory = tempfile::tempdir().unwrap();
        let refused = arguments(directory.path()).server_with(None).unwrap_err();
        let sentence = refused.to_string();
        for way in ["FANLINE_API_KEY", "--api-key-file", "--data-dir"] {
            assert!(sentence.contains(way), "{sentence}");
        }
    }

    #[test]
    fn a_url_that_this_command_cannot_speak_to_says_what_to_write() {
        for (url, hint) in [
            ("localhost:7300", "http://HOST:PORT"),
            ("https://example.test", "plain HTTP"),
            ("", "http://HOST:PORT"),
        ] {
            let sentence = format!("{:#}", parse(url).unwrap_err());
            assert!(sentence.contains(hint), "{url}: {sentence}");
        }
    }
}
