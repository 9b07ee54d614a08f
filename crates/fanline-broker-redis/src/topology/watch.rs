//! Keeps the view of the cluster fresh.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::{Topology, Trouble};
use crate::connector::Connector;

mod lookout;

use lookout::Lookout;

/// How often to look while all is well.
const CALM: Duration = Duration::from_millis(500);
/// How often to look while something is wrong, or somebody suspects so.
const ALERT: Duration = Duration::from_millis(250);
/// How long a suspicion keeps us alert.
const ALERT_FOR: Duration = Duration::from_secs(5);
/// However many suspect something, looks are this far apart.
const BREATH: Duration = Duration::from_millis(100);
/// How often to look where we are refused: only an operator changes that, and every look is a failed login.
const REFUSED: Duration = Duration::from_secs(2);

/// The view of the cluster, kept fresh.
pub(crate) struct TopologyWatch {
    connector: Connector,
    view: watch::Sender<Arc<Topology>>,
    suspicion: Notify,
    trouble: Mutex<Option<Trouble>>,
}

impl TopologyWatch {
    pub(crate) fn new(connector: Connector) -> Arc<Self> {
        let (view, _) = watch::channel(Arc::new(Topology::unknown()));
        Arc::new(Self {
            connector,
            view,
            suspicion: Notify::new(),
            trouble: Mutex::new(Some(Trouble::NotAsked)),
        })
    }

    /// Looks again and again, at another server each time, until told to stop.
    pub(crate) async fn run(self: Arc<Self>, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        tokio::select! {
            () = self.keep_looking() => {}
            () = &mut shutdown => {}
        }
    }

    /// The newest view; of no server until the first one has answered.
    pub(crate) fn current(&self) -> Arc<Topology> {
        Arc::clone(&self.view.borrow())
    }

    /// What is wrong with the cluster by the last look, if anything is.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().clone()
    }

    /// Hears of every other view.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<Topology>> {
        self.view.subscribe()
    }

    /// The first view of which this holds, be it the current one.
    pub(crate) async fn wait_for(&self, holds: impl Fn(&Topology) -> bool) -> Arc<Topology> {
        let mut views = self.view.subscribe();
        loop {
            let view = Arc::clone(&views.borrow_and_update());
            // It cannot fail: its sender is ours.
            if holds(&view) || views.changed().await.is_err() {
                return view;
            }
        }
    }

    /// Somebody saw `MOVED` or a dead server: look again at once.
    pub(crate) fn suspect(&self) {
        self.suspicion.notify_one();
    }

    async fn keep_looking(&self) {
        let mut lookout = Lookout::new(&self.connector);
        let mut alert_until = Instant::now();
        loop {
            let trouble = lookout.look(&self.view).await.err();
            let (well, refused) = match &trouble {
                None => (true, false),
                Some(trouble) => (false, trouble.is_refusal()),
            };
            *self.trouble.lock() = trouble;
            if refused {
                sleep(REFUSED).await;
                continue;
            }
            sleep(BREATH).await;
            let calm = well && Instant::now() >= alert_until;
            let pause = if calm { CALM } else { ALERT };
            let suspected = timeout(pause.saturating_sub(BREATH), self.suspicion.notified());
            if suspected.await.is_ok() {
                alert_until = Instant::now() + ALERT_FOR;
            }
        }
    }
}
