//! Everybody begins: who there is, under which name, with which channels.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::pass::Pass;
use super::publisher::Publisher;
use super::reins::{Reins, Steering, reins};
use super::subscriber::{Place, Subscriber};
use super::{Board, Plan, Publishing, Workload, presence};
use crate::dice::Dice;
use crate::http::Http;
use crate::log::{Logbook, Topic};
use crate::stage::{Ground, Nodes, Tenant};

/// Beside the regular subscribers of the first tenant; a scenario calls them by these names.
pub(crate) const TWINS: &str = "twin";
/// One who listens to the short channel alone.
pub(crate) const SLOW: &str = "slow";
/// Those who are given their channels by the scenario.
pub(crate) const RACER: &str = "racer";
/// Very many, with one channel each, who share a file.
const CROWD: &str = "crowd";

/// Hires.
struct Office<'a> {
    seed: u64,
    plan: &'a Plan,
    http: &'a Http,
    logbook: &'a Logbook,
    tasks: TaskTracker,
    hired: Vec<Reins>,
}

impl Workload {
    /// Everybody begins.
    pub(crate) async fn start(
        seed: u64,
        plan: &Plan,
        ground: &Ground,
        nodes: &Nodes,
        http: &Http,
        logbook: &Logbook,
    ) -> Result<Self> {
        let publishing = Publishing {
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        let board = Arc::new(Board::default());
        let steering = Steering::default();
        let (rest, end) = (CancellationToken::new(), CancellationToken::new());
        let mut office = Office {
            seed,
            plan,
            http,
            logbook,
            tasks: TaskTracker::new(),
            hired: Vec::new(),
        };
        let mut places = BTreeMap::new();
        let mut heralds = BTreeMap::new();
        for (number, tenant) in nodes.tenants().iter().enumerate() {
            let place = Arc::new(Place {
                tenant: tenant.clone(),
                nodes: nodes.of(&tenant.name),
                board: board.clone(),
                steering: steering.clone(),
                pass: Pass::default(),
                rest: rest.clone(),
                end: end.clone(),
            });
            if plan.guarded > 0 {
                let node = place.nodes.first().context("a tenant has a server")?;
                place.pass.renew(http, node, tenant, &[]).await?;
            }
            office.subscribers(&place, plan.share_of(tenant, nodes).subscribers)?;
            if number == 0 {
                office.special(&place)?;
            }
            office.publishers(&place, plan.share_of(tenant, nodes), &publishing)?;
            let herald = office.publisher(&place, format!("herald-{}", tenant.name))?;
            heralds.insert(tenant.name.clone(), Arc::new(herald));
            places.insert(tenant.name.clone(), place);
        }
        let until = (&office.tasks, &end);
        let rolls =
            presence::start(seed, plan, ground, logbook, &board, &publishing, until).await?;
        Ok(Self {
            publishing,
            rolls,
            subscribers: office.hired,
            places,
            steering,
            heralds,
            dice: Dice::of(seed, "cuts"),
            board,
            http: http.clone(),
            tasks: office.tasks,
            rest,
            end,
        })
    }
}

impl Office<'_> {
    fn subscribers(&mut self, place: &Arc<Place>, count: usize) -> Result<()> {
        for number in 1..=count {
            let name = format!("subscriber-{}-{number:02}", place.tenant.name);
            let mut subscriber = self.subscriber(place, name)?;
            subscriber.is_restless = number % 2 == 0;
            let topics = subscriber.choose_topics(number, self.plan.topics_each);
            self.hire(subscriber, topics);
        }
        Ok(())
    }

    fn special(&mut self, place: &Arc<Place>) -> Result<()> {
        for number in 1..=self.plan.twins {
            let key = Arc::new(Mutex::new(None));
            for twin in ["a", "b"] {
                let mut one = self.subscriber(place, format!("{TWINS}-{number}{twin}"))?;
                one.key = Some(key.clone());
                let topics = one.choose_topics(number, self.plan.topics_each);
                self.hire(one, topics);
            }
        }
        for (number, topic) in place.tenant.short().enumerate() {
            let one = self.subscriber(place, format!("{SLOW}-{number}"))?;
            self.hire(one, vec![topic.clone()]);
        }
        for number in 0..self.plan.racers {
            let one = self.subscriber(place, format!("{RACER}-{number}."))?;
            self.hire(one, Vec::new());
        }
        if self.plan.crowd > 0 {
            // All of it at one server, for a scenario to take that away.
            place.steering.steer(place.nodes.first().cloned());
            let file = self.logbook.actor(CROWD)?;
            for number in (0..).take(self.plan.crowd) {
                let name = format!("{CROWD}-{number:05}");
                let one = Subscriber {
                    recorder: file.of(number),
                    ..self.unrecorded(place, name)
                };
                let number = usize::try_from(number)?;
                let topics = one.choose_topics(number, 1);
                self.hire(one, topics);
            }
        }
        Ok(())
    }

    fn subscriber(&self, place: &Arc<Place>, name: String) -> Result<Subscriber> {
        Ok(Subscriber {
            recorder: self.logbook.actor(name.trim_end_matches('.'))?,
            ..self.unrecorded(place, name)
        })
    }

    fn unrecorded(&self, place: &Arc<Place>, name: String) -> Subscriber {
        Subscriber {
            recorder: crate::log::Recorder::none(),
            dice: Dice::of(self.seed, &name),
            is_restless: false,
            key: None,
            place: place.clone(),
            name,
        }
    }

    fn hire(&mut self, subscriber: Subscriber, topics: Vec<Topic>) {
        let (reins, orders) = reins(&subscriber.name);
        self.hired.push(reins);
        self.tasks.spawn(subscriber.run(topics, orders));
    }

    fn publishers(
        &self,
        place: &Arc<Place>,
        share: super::plan::Share,
        publishing: &Publishing,
    ) -> Result<()> {
        for number in 1..=share.publishers {
            let name = format!("publisher-{}-{number:02}", place.tenant.name);
            let publisher = self.publisher(place, name)?;
            let (stop, tasks) = (publishing.stop.clone(), publishing.tasks.clone());
            publishing
                .tasks
                .spawn(publisher.run(share.pause, stop, tasks));
        }
        Ok(())
    }

    fn publisher(&self, place: &Arc<Place>, name: String) -> Result<Publisher> {
        Ok(Publisher {
            recorder: self.logbook.actor(&name)?,
            dice: Dice::of(self.seed, &name),
            tenant: Arc::<Tenant>::clone(&place.tenant),
            nodes: place.nodes.clone(),
            board: place.board.clone(),
            http: self.http.clone(),
            named: 0.into(),
            name,
        })
    }
}
