//! How a scenario leads subscribers: it cuts their lines, lets them stop reading, tells them where to go and what else
//! to listen to. What comes of it is theirs to write down.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{mpsc, watch};

use crate::log::Topic;
use crate::stage::Node;

/// How a subscriber is to behave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Conduct {
    /// As always.
    #[default]
    Usual,
    /// Once its line is cut it stays away.
    Away,
    /// It comes back, hears the verdict on what it offers, and reads no further.
    Deaf,
}

/// A scenario's end.
#[derive(Debug)]
pub(super) struct Reins {
    pub(super) name: String,
    cuts: watch::Sender<u64>,
    conduct: watch::Sender<Conduct>,
    wants: mpsc::UnboundedSender<Topic>,
}

/// A subscriber's end.
#[derive(Debug)]
pub(super) struct Orders {
    pub(super) cuts: watch::Receiver<u64>,
    pub(super) conduct: watch::Receiver<Conduct>,
    pub(super) wants: mpsc::UnboundedReceiver<Topic>,
}

/// The server that everybody who connects tries first.
#[derive(Clone, Debug, Default)]
pub(super) struct Steering(Arc<Mutex<Option<Arc<Node>>>>);

/// Both ends for a subscriber of this name.
pub(super) fn reins(name: &str) -> (Reins, Orders) {
    let (cut, cuts) = watch::channel(0);
    let (behave, conduct) = watch::channel(Conduct::Usual);
    let (want, wants) = mpsc::unbounded_channel();
    let reins = Reins {
        name: name.to_owned(),
        cuts: cut,
        conduct: behave,
        wants: want,
    };
    let orders = Orders {
        cuts,
        conduct,
        wants,
    };
    (reins, orders)
}

// === impl Reins ===

impl Reins {
    /// Cuts its line without a word.
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|count| *count += 1);
    }

    pub(super) fn behave(&self, conduct: Conduct) {
        self.conduct.send_replace(conduct);
    }

    /// It asks for this channel, too.
    pub(super) fn want(&self, topic: Topic) {
        // One that has ended wants nothing.
        let _ = self.wants.send(topic);
    }
}

// === impl Orders ===

impl Orders {
    /// Waits while it behaves so.
    pub(super) async fn no_longer(&mut self, conduct: Conduct) {
        // Nobody is left to lead it if this fails.
        let _ = self.conduct.wait_for(|now| *now != conduct).await;
    }
}

// === impl Steering ===

impl Steering {
    pub(super) fn steer(&self, to: Option<Arc<Node>>) {
        *self.0.lock() = to;
    }

    pub(super) fn node(&self) -> Option<Arc<Node>> {
        self.0.lock().clone()
    }
}
