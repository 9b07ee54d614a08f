//! Who works on the installation: publishers, subscribers, presence members and their watchers.
//!
//! They are users of the public protocols and keep to their rules, whatever happens: a subscriber offers the last
//! position it applied, a publisher repeats an unknown outcome under the same id. They write down everything and
//! judge nothing.

mod board;
mod frame;
mod payload;
mod plan;
mod presence;
mod publisher;
mod subscriber;

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use board::{Board, Standing};
pub use plan::Plan;

use crate::dice::Dice;
use crate::http::Http;
use crate::log::Logbook;
use crate::stage::{Ground, Nodes};
pub(crate) use payload::published;
pub(crate) use presence::Rolls;

/// Everybody at work.
#[derive(Debug)]
pub struct Workload {
    publishing: Publishing,
    subscribers: Vec<watch::Sender<u64>>,
    dice: Dice,
    board: Arc<Board>,
    rolls: Rolls,
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
        let tasks = TaskTracker::new();
        let (rest, end) = (CancellationToken::new(), CancellationToken::new());
        let mut subscribers = Vec::new();
        for tenant in nodes.tenants() {
            let share = plan.share_of(tenant, nodes);
            for number in 1..=share.subscribers {
                let name = format!("subscriber-{}-{number:02}", tenant.name);
                let (cut, cuts) = watch::channel(0);
                let subscriber = subscriber::Subscriber {
                    recorder: logbook.actor(&name)?,
                    dice: Dice::of(seed, &name),
                    is_restless: number % 2 == 0,
                    rest: rest.clone(),
                    tenant: tenant.clone(),
                    nodes: nodes.of(&tenant.name),
                    board: board.clone(),
                    name,
                };
                subscribers.push(cut);
                let topics = subscriber.choose_topics(number, plan.topics_each);
                tasks.spawn(subscriber.run(topics, cuts, end.clone()));
            }
            for number in 1..=share.publishers {
                let name = format!("publisher-{}-{number:02}", tenant.name);
                let publisher = publisher::Publisher {
                    recorder: logbook.actor(&name)?,
                    dice: Dice::of(seed, &name),
                    tenant: tenant.clone(),
                    nodes: nodes.of(&tenant.name),
                    board: board.clone(),
                    http: http.clone(),
                    pause: share.pause,
                    name,
                };
                publishing
                    .tasks
                    .spawn(publisher.run(publishing.stop.clone(), publishing.tasks.clone()));
            }
        }
        let until = (&tasks, &end);
        let rolls =
            presence::start(seed, plan, ground, logbook, &board, &publishing, until).await?;
        Ok(Self {
            publishing,
            rolls,
            subscribers,
            dice: Dice::of(seed, "cuts"),
            board,
            tasks,
            rest,
            end,
        })
    }

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
        for cut in &self.subscribers {
            if self.dice.chance(share) {
                cut.send_modify(|count| *count += 1);
            }
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
