//! An installation whose apps are a file, which any number of nodes share.

use std::path::PathBuf;

use serde::Deserialize;
use tempfile::TempDir;

use crate::server::{Info, Pusher, Server, SigningKey, fanline};

/// A file with one app, and what opens it. Its nodes keep what they must in one directory beside it.
pub struct Installation {
    directory: TempDir,
    made: Made,
}

/// What `fanline apps new --output json` tells.
#[derive(Deserialize)]
struct Made {
    master_key: String,
    hash_key: String,
    app_id: String,
    api_key: String,
    signing_key: SigningKey,
    pusher: Pusher,
}

// === impl Installation ===

impl Installation {
    /// An installation with an app as `fanline dev` makes it: what is not private is open.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let output = fanline(&["apps", "new", "--preset", "pusher", "--output", "json"])
            .output()
            .expect("the binary runs");
        assert!(output.status.success(), "{output:?}");
        let installation = Self {
            directory,
            made: serde_json::from_slice(&output.stderr).expect("the credentials"),
        };
        installation.write(&String::from_utf8_lossy(&output.stdout));
        installation
    }

    /// The file of apps.
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("apps.toml")
    }

    /// What stands in it.
    pub fn text(&self) -> String {
        std::fs::read_to_string(self.file()).expect("the file of apps")
    }

    /// Puts something else into it.
    pub fn write(&self, text: &str) {
        std::fs::write(self.file(), text).expect("the file of apps can be written");
    }

    /// Where a node with the embedded broker keeps its replay buffers; made by the first that needs it.
    pub fn data_dir(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Starts a node on the broker of this run.
    pub fn start(&self) -> Server {
        self.serve(&[])
    }

    /// Starts a node on this Redis.
    pub fn start_on_redis(&self, nodes: &[String]) -> Server {
        let nodes = nodes.join(",");
        self.serve(&[
            ("FANLINE_BROKER_KIND", "redis"),
            ("FANLINE_REDIS_NODES", &nodes),
        ])
    }

    /// Starts a node with these variables in its environment.
    pub fn start_with(&self, environment: &[(&str, &str)]) -> Server {
        self.serve(environment)
    }

    fn serve(&self, broker: &[(&str, &str)]) -> Server {
        let made = &self.made;
        let mut command = fanline(&["serve"]);
        for listener in ["PUBLIC", "ADMIN", "OPS"] {
            command.env(format!("FANLINE_{listener}_LISTEN"), "127.0.0.1:0");
        }
        command
            .env("FANLINE_STORE_KIND", "static")
            .env("FANLINE_STORE_PATH", self.file())
            .env("FANLINE_SECRETS_MASTER_KEY", &made.master_key)
            .env("FANLINE_SECRETS_HASH_KEY", &made.hash_key)
            .env("FANLINE_DATA_DIR", self.data_dir())
            .env("FANLINE_STOP_DRAIN", "0s")
            .envs(broker.iter().copied());
        let info = Info {
            url: String::new(),
            admin_url: String::new(),
            ops_url: String::new(),
            app_id: made.app_id.clone(),
            api_key: made.api_key.clone(),
            signing_key: made.signing_key.clone(),
            pusher: made.pusher.clone(),
            operator_token: String::new(),
            data_dir: self.data_dir(),
        };
        Server::serve(command, info)
    }
}

impl Default for Installation {
    fn default() -> Self {
        Self::new()
    }
}
