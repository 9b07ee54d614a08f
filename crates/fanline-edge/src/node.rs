//! The life of a node: it serves until it is told to stop, then sends its clients away in an orderly
//! manner, and is gone by a deadline.

use std::{sync::Arc, time::Duration};

use fanline_telemetry::{Health, State};
use tokio::{net::TcpListener, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{door::Door, listener, sessions::Sessions};

/// A node that is ready to serve.
#[derive(Debug)]
pub struct Node {
    /// The sessions of its protocols.
    pub sessions: Sessions,
    /// What a load balancer is told.
    pub health: Health,
    /// How it stops.
    pub farewell: Farewell,
    /// The doors that close as soon as it is told to stop: public and admin.
    pub doors: Vec<(TcpListener, Arc<Door>)>,
    /// The door that stays open to the end, so that the end can be watched.
    pub ops: (TcpListener, Arc<Door>),
}

/// How a node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// How long it goes on taking new clients while it already says that it is not ready: a load
    /// balancer needs to notice.
    pub notice: Duration,
    /// Over how long its clients are sent away, each at its own moment, so that they do not all come
    /// to the next node at once.
    pub drain: Duration,
    /// How much longer it waits for what does not end by itself.
    pub grace: Duration,
}

// === impl Node ===

impl Node {
    /// Serves until `stop`, then drains. When it returns, no request is being answered and no session
    /// runs any more that the deadline did not leave behind.
    pub async fn run(self, stop: CancellationToken) {
        let Self {
            sessions,
            health,
            farewell,
            doors,
            ops,
        } = self;
        // Before anybody can ask.
        health.enter(State::Serving);
        let (accepting, watching) = (CancellationToken::new(), CancellationToken::new());
        let engine = Arc::clone(sessions.engine());
        let sweeps = tokio::spawn(engine.run(watching.clone().cancelled_owned()));

        let tasks = TaskTracker::new();
        let (listener, ops_door) = ops;
        tasks.spawn(listener::accept(
            listener,
            Arc::clone(&ops_door),
            watching.clone(),
        ));
        let mut closing = vec![ops_door];
        for (listener, door) in doors {
            closing.push(Arc::clone(&door));
            tasks.spawn(listener::accept(listener, door, accepting.clone()));
        }
        tasks.close();

        stop.cancelled().await;
        health.enter(State::Draining);
        tokio::time::sleep(farewell.notice).await;
        accepting.cancel();
        drain(&sessions, &closing[1..], farewell).await;

        watching.cancel();
        tasks.wait().await;
        for door in &closing {
            door.cut().await;
        }
        if let Err(error) = sweeps.await {
            tracing::error!(%error, "the engine's sweep ended by a fault");
        }
    }
}

/// Sends the sessions away and lets the HTTP connections finish.
async fn drain(sessions: &Sessions, doors: &[Arc<Door>], farewell: Farewell) {
    let everything = async {
        sessions.engine().drain(farewell.drain).await;
        sessions.ended().await;
        for door in doors {
            door.close().await;
        }
    };
    let deadline = farewell.drain + farewell.grace;
    if timeout(deadline, everything).await.is_err() {
        tracing::warn!(
            ?sessions,
            "some connections did not end in time and are cut"
        );
    }
}
