//! Who works on the installation: publishers, subscribers, presence members and their watchers.
//!
//! They are users of the public protocols and keep to their rules, whatever happens: a subscriber offers the last
//! position it applied, a publisher repeats an unknown outcome under the same id. They write down everything and
//! judge nothing.

mod board;
mod cast;
mod frame;
mod pass;
mod payload;
mod plan;
mod presence;
mod publisher;
mod reins;
mod subscriber;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use board::{Board, Standing};
pub(crate) use cast::{RACER, SLOW, TWINS};
pub use plan::Plan;

use crate::dice::Dice;
use crate::http::Http;
use crate::log::Topic;
use crate::stage::Node;
pub(crate) use payload::published;
pub(crate) use presence::Rolls;
use publisher::Publisher;
pub use reins::Conduct;
use reins::{Reins, Steering};
use subscriber::Place;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Everybody at work.
#[derive(Debug)]
pub struct Workload {
    publishing: Publishing,
    subscribers: Vec<Reins>,
    /// By tenant.
    places: BTreeMap<String, Arc<Place>>,
    steering: Steering,
    /// Who publishes what a scenario asks for, beside the others; one for each tenant.
    heralds: BTreeMap<String, Arc<Publisher>>,
    dice: Dice,
    board: Arc<Board>,
    rolls: Rolls,
    http: Http,
    tasks: TaskTracker,
    /// From here on nobody cuts a line of its own accord.
    rest: CancellationToken,
    /// Ends the subscribers and watchers.
    end: CancellationToken,
}

/// The publishers and presence members: those who change something.
#[derive(Clone, Debug)]
pub struct Publishing {
    stop: CancellationToken,
    tasks: TaskTracker,
}

// === impl Workload ===

impl Workload {
    /// The publishers, to be stopped.
    #[must_use]
    pub fn publishing(&self) -> Publishing {
        self.publishing.clone()
    }

    /// Where everybody stands.
    #[must_use]
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Who is present where.
    pub(crate) fn rolls(&self) -> &Rolls {
        &self.rolls
    }

    /// Cuts the lines of this share of the subscribers, without a word; they come back by themselves.
    pub fn cut_some(&self, share: f64) {
        for subscriber in &self.subscribers {
            if self.dice.chance(share) {
                subscriber.cut();
            }
        }
    }

    /// Cuts the lines of those whose names begin so, all at once.
    pub fn cut(&self, names: &str) {
        self.named(names).for_each(Reins::cut);
    }

    /// From now on those whose names begin so behave like this.
    pub fn behave(&self, names: &str, conduct: Conduct) {
        self.named(names).for_each(|one| one.behave(conduct));
    }

    /// The subscriber of this name asks for one channel more.
    pub fn want(&self, name: &str, topic: &Topic) {
        self.named(name).for_each(|one| one.want(topic.clone()));
    }

    /// From now on everybody who connects tries this server first, or any.
    pub fn lead_to(&self, node: Option<&Arc<Node>>) {
        self.steering.steer(node.cloned());
    }

    /// Whoever connects from now on shows a token that does not cover these channels of a tenant.
    pub async fn take_right(&self, node: &Node, topics: &[Topic]) -> Result<()> {
        let tenant = node.tenant();
        let place = self.places.get(&tenant.name).context("it has a place")?;
        place.pass.renew(&self.http, node, tenant, topics).await
    }

    /// Publishes so many messages of this size to a channel, as fast as they are answered; returns when each has its
    /// answer.
    pub async fn publish(&self, topic: &Topic, count: usize, pad: usize) -> Result<()> {
        let herald = self.heralds.get(&topic.tenant);
        let herald = herald.context("the tenant has publishers")?;
        herald.burst(topic, count, pad).await;
        Ok(())
    }

    /// When a token ends that a server makes now for a minute, in milliseconds: by its own wall clock.
    pub async fn end_of_a_token_of(&self, node: &Node) -> Result<i64> {
        let wish = json!({"subject": "anybody", "capabilities": {}, "ttl_seconds": 60});
        let url = format!("{}/v1/tokens", node.url());
        let key = &node.tenant().api_key;
        let answer = self.http.send("POST", &url, key, &[], Some(&wish)).await?;
        let end = answer.json()["expires_at"].as_i64();
        end.with_context(|| format!("no token was made: {}", answer.text))
    }

    /// Waits until every subscription is live.
    pub async fn all_live(&self, within: Duration) -> Result<()> {
        let deadline = Instant::now() + within;
        loop {
            let away = self.board.away();
            if away == 0 {
                return Ok(());
            }
            let late = Instant::now() >= deadline;
            ensure!(!late, "{away} subscriptions are not live within {within:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Nobody does anything new: what is under way is pursued to its answer, and lines stay up.
    pub(crate) async fn rest(&self) {
        self.rest.cancel();
        self.publishing.stop();
        self.publishing.finished().await;
    }

    /// Ends everybody and waits until their last line is written.
    pub(crate) async fn end(&self) {
        self.rest().await;
        self.end.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    fn named<'a>(&'a self, begins: &'a str) -> impl Iterator<Item = &'a Reins> {
        let all = self.subscribers.iter();
        all.filter(move |one| one.name.starts_with(begins))
    }
}

// === impl Publishing ===

impl Publishing {
    /// Nobody publishes or enters anything new. What is under way is pursued to its answer.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until everything that was under way has its answer.
    pub(crate) async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}
