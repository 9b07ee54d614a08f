//! Whom to ask next, and whom to believe.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connector::{Connector, Link};
use crate::topology::look::{LookError, Sight, look, look_at_itself};
use crate::topology::view::{Marks, View, older};
use crate::topology::{Address, Topology, Trouble};

/// How long a server may take to tell what it sees, before another one is asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// For how long nothing but older views must have been seen until one is believed: the cluster was then
/// rebuilt, and began again with low epochs. Longer than a primary that was cut off believes in itself.
const REBUILT_AFTER: Duration = Duration::from_secs(30);

/// The memory of one watch.
pub(super) struct Lookout {
    connector: Connector,
    seeds: Vec<Address>,
    /// Every server of the cluster; the one to ask next first.
    turn: VecDeque<Address>,
    links: HashMap<Address, Arc<Link>>,
    /// Who did not answer last time. It is not asked for marks before it has answered in its turn: the others
    /// would wait for it.
    silent: HashSet<Address>,
    /// [`View::epochs`] of what was believed last.
    epochs: Vec<u64>,
    believed_at: Instant,
    marks: Marks,
    /// Why the servers asked in this look were of no use.
    met: Option<Trouble>,
    /// What was reported last.
    reported: Option<Trouble>,
}

impl Lookout {
    pub(super) fn new(connector: &Connector) -> Self {
        Self {
            connector: connector.hurried(PATIENCE),
            seeds: seeds(&connector.config().nodes),
            turn: VecDeque::new(),
            links: HashMap::new(),
            silent: HashSet::new(),
            epochs: Vec::new(),
            believed_at: Instant::now(),
            marks: Marks::new(),
            met: None,
            reported: None,
        }
    }

    /// Asks one server after the other until one can be believed; an error if all is not well.
    pub(super) async fn look(
        &mut self,
        known: &watch::Sender<Arc<Topology>>,
    ) -> Result<(), Trouble> {
        self.met = None;
        let trouble = match self.find_sight().await {
            Some(Sight::Single(topology)) => {
                publish(known, topology);
                None
            }
            Some(Sight::Cluster(view)) => {
                // At once: the marks may take as long as the slowest primary.
                publish(known, view.topology(&self.marks));
                self.ask_for_marks(&view).await;
                publish(known, view.topology(&self.marks));
                (!view.is_well()).then_some(Trouble::Unwell)
            }
            None => Some(self.met.take().unwrap_or(Trouble::Unwell)),
        };
        self.report(trouble.as_ref());
        trouble.map_or(Ok(()), Err)
    }

    /// The seeds come last: where all servers were replaced, only the names in the configuration still lead
    /// to them.
    async fn find_sight(&mut self) -> Option<Sight> {
        for _ in 0..self.turn.len() {
            let address = self.turn.pop_front()?;
            self.turn.push_back(address.clone());
            if let Some(sight) = self.look_at(&address).await {
                return Some(sight);
            }
        }
        for seed in self.seeds.clone() {
            if let Some(sight) = self.look_at(&seed).await {
                return Some(sight);
            }
        }
        None
    }

    /// What one server sees, if it can be believed.
    async fn look_at(&mut self, address: &Address) -> Option<Sight> {
        let seen = look(&self.link(address)).await;
        self.note(address, seen.as_ref().err());
        let believed = match seen.as_ref().ok()? {
            Sight::Single(_) => self.believe_single(address),
            Sight::Cluster(view) => self.believe(address, view),
        };
        seen.ok().filter(|_| believed)
    }

    /// Whether this view is not older than what is known; if so it is what is known from now on.
    fn believe(&mut self, address: &Address, view: &View) -> bool {
        let epochs = view.epochs();
        if older(&epochs, &self.epochs) {
            let rebuilt = view.is_ok() && self.believed_at.elapsed() > REBUILT_AFTER;
            if !rebuilt {
                tracing::debug!(%address, "a Redis server sees an older cluster than others did");
                return false;
            }
            tracing::warn!(
                %address,
                "the Redis cluster was rebuilt: its config epochs are lower than before"
            );
        }
        self.epochs = epochs;
        self.believed_at = Instant::now();
        if let Some(node) = view.asked() {
            self.marks.insert(node.id.clone(), node.migrating.clone());
        }
        self.keep_only(view);
        true
    }

    /// Of several single servers only the first one counts, so that every node of ours takes the same.
    fn believe_single(&mut self, address: &Address) -> bool {
        let only = self.seeds.first() == Some(address) && self.epochs.is_empty();
        if !only {
            tracing::debug!(%address, "this Redis server belongs to no cluster");
            self.met.get_or_insert(Trouble::NoCluster);
        }
        only
    }

    /// Forgets the servers that are gone, and takes the new ones into the turn.
    fn keep_only(&mut self, view: &View) {
        let addresses: HashSet<_> = view.addresses().collect();
        self.turn.retain(|address| addresses.contains(address));
        for address in view.addresses() {
            if !self.turn.contains(address) {
                self.turn.push_back(address.clone());
            }
        }
        let seeds = &self.seeds;
        self.links
            .retain(|address, _| addresses.contains(address) || seeds.contains(address));
        self.silent.retain(|address| addresses.contains(address));
        let topology = view.topology(&Marks::new());
        self.marks.retain(|id, _| topology.find(id).is_some());
    }

    /// Every primary shows only the marks that it set itself. One that does not answer keeps those it had.
    async fn ask_for_marks(&mut self, view: &View) {
        let asked = view.asked().map(|node| node.id.clone());
        let topology = view.topology(&Marks::new());
        let mut asking = Vec::new();
        for primary in &topology.primaries {
            let address = &primary.address;
            if Some(&primary.id) != asked.as_ref() && !self.silent.contains(address) {
                let link = self.link(address);
                asking.push(async move { (address, look_at_itself(&link).await) });
            }
        }
        for (address, seen) in join_all(asking).await {
            self.note(address, seen.as_ref().err());
            if let Ok(Some(node)) = seen {
                self.marks.insert(node.id, node.migrating);
            }
        }
    }

    fn link(&mut self, address: &Address) -> Arc<Link> {
        let connector = &self.connector;
        let link = self
            .links
            .entry(address.clone())
            .or_insert_with(|| Arc::new(Link::new(connector.clone(), address.clone())));
        Arc::clone(link)
    }

    fn note(&mut self, address: &Address, error: Option<&LookError>) {
        match error {
            None => {
                self.silent.remove(address);
            }
            Some(error) => {
                tracing::debug!(%address, %error, "a Redis server cannot be asked about its cluster");
                self.silent.insert(address.clone());
                self.meet(Trouble::of(address, error));
            }
        }
    }

    /// A refusal tells an operator more than silence does.
    fn meet(&mut self, trouble: Trouble) {
        if self.met.is_none() || trouble.is_refusal() {
            self.met = Some(trouble);
        }
    }

    /// Tells the operator when it turns, not while it lasts.
    fn report(&mut self, trouble: Option<&Trouble>) {
        match (&self.reported, trouble) {
            (Some(before), Some(trouble)) if before.is_like(trouble) => return,
            (_, Some(trouble)) => tracing::warn!(%trouble, "Redis is not whole"),
            (Some(_), None) => tracing::info!("Redis is whole again"),
            (None, None) => {}
        }
        self.reported = trouble.cloned();
    }
}

fn seeds(nodes: &[String]) -> Vec<Address> {
    let mut seeds = Vec::new();
    for node in nodes {
        match Address::parse(node) {
            Some(address) => seeds.push(address),
            None => tracing::error!(node, "not the address of a Redis server: write host:port"),
        }
    }
    seeds
}

fn publish(known: &watch::Sender<Arc<Topology>>, topology: Topology) {
    known.send_if_modified(|current| {
        let changed = **current != topology;
        if changed {
            *current = Arc::new(topology);
        }
        changed
    });
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::config::RedisConfig;
    use crate::topology::nodes;

    fn lookout() -> Lookout {
        Lookout::new(&Connector::new(RedisConfig {
            nodes: vec!["one:1".to_owned(), "two:2".to_owned()],
            ..RedisConfig::default()
        }))
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    /// One primary of all slots.
    fn view(config_epoch: u64, ok: bool) -> View {
        let text = format!("aaa h:1@1 myself,master - 0 0 {config_epoch} connected 0-16383\n");
        let nodes = nodes::read(&text, &HashMap::new(), &address("h:1")).unwrap();
        View::new(nodes, ok)
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_view_is_not_believed() {
        let mut lookout = lookout();
        assert!(lookout.believe(&address("h:1"), &view(7, true)));
        assert!(!lookout.believe(&address("h:1"), &view(6, true)));
        assert!(lookout.believe(&address("h:1"), &view(7, true)));
        assert!(lookout.believe(&address("h:1"), &view(8, true)));
        assert!(!lookout.believe(&address("h:1"), &view(7, true)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_cluster_that_was_rebuilt_is_believed_in_the_end_if_it_is_well() {
        let mut lookout = lookout();
        assert!(lookout.believe(&address("h:1"), &view(7, true)));
        tokio::time::advance(REBUILT_AFTER + Duration::from_millis(1)).await;
        assert!(!lookout.believe(&address("h:1"), &view(1, false)));
        assert!(lookout.believe(&address("h:1"), &view(1, true)));
        assert!(lookout.believe(&address("h:1"), &view(2, true)));
    }

    #[tokio::test(start_paused = true)]
    async fn of_single_servers_only_the_first_is_used_and_none_in_place_of_a_cluster() {
        let mut lookout = lookout();
        assert!(lookout.believe_single(&address("one:1")));
        assert!(!lookout.believe_single(&address("two:2")));
        assert!(lookout.believe(&address("h:1"), &view(1, true)));
        assert!(!lookout.believe_single(&address("one:1")));
    }
}
