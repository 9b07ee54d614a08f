//! The servers of all tenants.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use super::node::{self, Launch, Process};
use super::{Ground, Node, Tenant};
use crate::dice::Dice;
use crate::http::Http;
use crate::workload::Plan;

/// Their names. The first one has all servers but one.
const TENANTS: [&str; 2] = ["alpha", "beta"];

/// What all servers are started from.
#[derive(Clone, Debug)]
pub struct Program {
    /// The server.
    pub path: PathBuf,
    /// What every second server of a tenant is started from instead, if anything.
    pub other: Option<PathBuf>,
    /// How many, at least two: the last one serves the second tenant.
    pub count: usize,
    /// Where the servers' own logs go.
    pub logs: PathBuf,
}

/// The servers. Until an installation's servers share a database, those of a tenant have copies of one data
/// directory, and each tenant is an installation of its own on the same Redis.
#[derive(Debug)]
pub struct Nodes {
    nodes: Vec<Arc<Node>>,
    tenants: Vec<Arc<Tenant>>,
    _directories: TempDir,
}

// === impl Nodes ===

impl Nodes {
    /// Starts them.
    pub(crate) async fn start(
        program: &Program,
        ground: &Ground,
        plan: &Plan,
        http: &Http,
    ) -> Result<Self> {
        let directories = tempfile::Builder::new().prefix("fanline-lab-").tempdir()?;
        let most = program.count.saturating_sub(1).max(1);
        let mut nodes = Vec::new();
        let mut tenants = Vec::new();
        for (name, count) in TENANTS.into_iter().zip([most, 1]) {
            let home = |number: usize| directories.path().join(format!("{name}-{number}"));
            let launch = |number: usize, spot: usize| Launch {
                program: program.path.clone(),
                directory: home(number),
                log: program.logs.join(format!("{name}-{number}.log")),
                spot: ground.spot(spot),
                settings: plan.settings.clone(),
            };
            let first = launch(1, nodes.len()).without_redis();
            let tenant = Arc::new(Self::bear(name, &first, plan, http).await?);
            for number in 2..=count {
                node::copy(&home(1), &home(number))?;
            }
            for number in 1..=count {
                let mut launch = launch(number, nodes.len());
                if let Some(other) = program.other.as_ref().filter(|_| number % 2 == 0) {
                    launch.program.clone_from(other);
                }
                let node = Node::start(format!("{name}-{number}"), tenant.clone(), launch);
                nodes.push(Arc::new(node.await?));
            }
            tenants.push(tenant);
        }
        Ok(Self {
            nodes,
            tenants,
            _directories: directories,
        })
    }

    /// The first start of an installation: it makes the app, and is given its rules.
    async fn bear(name: &str, launch: &Launch, plan: &Plan, http: &Http) -> Result<Tenant> {
        make_private(&launch.directory)?;
        let (process, greeting) = Process::start(launch).await?;
        let tenant = Tenant::new(name, &greeting, plan);
        tenant.make_rules(http, &greeting).await?;
        process.stop().await?;
        Ok(tenant)
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[Arc<Node>] {
        &self.nodes
    }

    /// Those of a tenant.
    #[must_use]
    pub fn of(&self, tenant: &str) -> Vec<Arc<Node>> {
        let is_theirs = |node: &&Arc<Node>| node.tenant().name == tenant;
        self.nodes.iter().filter(is_theirs).cloned().collect()
    }

    /// The tenants.
    #[must_use]
    pub fn tenants(&self) -> &[Arc<Tenant>] {
        &self.tenants
    }

    /// One whose subscribers have another one to go to.
    pub fn some(&self, dice: &Dice) -> Result<Arc<Node>> {
        let [first, ..] = TENANTS;
        let nodes = self.of(first);
        dice.pick(&nodes).cloned().context("there are servers")
    }
}

/// The server refuses a directory that others can read.
fn make_private(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}
