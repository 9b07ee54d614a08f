//! What is wanted, and what stands where. No IO: connections ask what is due and tell what they heard.
//!
//! A subscription stands on a *line*, which is one connection with its own generation, never used again:
//! what a line says after it was closed finds nothing here to change.

mod channel;
mod routes;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot};

use self::channel::{Channel, Side};
use self::routes::Routes;
use crate::topology::Topology;

/// Names one connection among all there ever were.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Generation(u64);

/// One command that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) shard_channel: Bytes,
    /// To subscribe, or else to unsubscribe.
    pub(super) join: bool,
    /// The server is not the slot's owner, but about to be.
    pub(super) asking: bool,
    /// The channel was acknowledged before: once it stands, its interruption will be told.
    pub(super) again: bool,
}

/// The desired set and the acknowledged set.
pub(super) struct Ledger {
    channels: HashMap<Bytes, Channel>,
    routes: Routes,
    lines: HashMap<Generation, Line>,
    generations: u64,
    /// Something happened since all that was acknowledged was last seen to stand.
    shaken: bool,
}

/// What one connection still has to do and to tell.
struct Line {
    /// Channels to look at; what is due is decided when they are looked at.
    todo: VecDeque<Bytes>,
    /// Channels whose subscription the server did not acknowledge.
    refused: Vec<Bytes>,
    /// Channels that stand again and whose ear was not told yet.
    restored: Vec<Bytes>,
    /// The server contradicted our view of the cluster.
    doubtful: bool,
    wake: Arc<Notify>,
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn new() -> Self {
        Self {
            channels: HashMap::new(),
            routes: Routes::new(),
            lines: HashMap::new(),
            generations: 0,
            shaken: true,
        }
    }

    /// Another view of the cluster: what stands elsewhere than it should is due.
    pub(super) fn turn(&mut self, view: &Arc<Topology>) {
        self.shaken = true;
        self.routes.turn(view);
        for (name, channel) in &mut self.channels {
            // Who receives a slot becomes its owner with the subscription standing.
            channel.acknowledge_if_standing(self.routes.owner(channel.slot));
            schedule(&mut self.lines, &self.routes, name, channel);
        }
    }

    /// A generation for a connection that is about to be opened.
    pub(super) fn next_generation(&mut self) -> Generation {
        self.generations += 1;
        Generation(self.generations)
    }

    /// A connection to a primary is open: everything that belongs there is due.
    pub(super) fn open(&mut self, primary: &str, line: Generation, wake: Arc<Notify>) {
        self.shaken = true;
        self.routes.open(primary, line);
        self.lines.insert(line, Line::new(wake));
        for (name, channel) in &self.channels {
            schedule(&mut self.lines, &self.routes, name, channel);
        }
    }

    /// A connection has ended, and with it whatever stood there. Answers what it had restored and not yet
    /// told.
    pub(super) fn close(&mut self, line: Generation) -> Vec<Bytes> {
        self.shaken = true;
        self.routes.close(line);
        self.channels.retain(|_, channel| {
            channel.set(line, None);
            !channel.is_idle()
        });
        self.lines
            .remove(&line)
            .map(|line| line.restored)
            .unwrap_or_default()
    }

    /// Wants a channel. `None` if it stands; else what tells that it does.
    pub(super) fn wish(&mut self, name: &Bytes) -> Option<oneshot::Receiver<()>> {
        let channel = self
            .channels
            .entry(name.clone())
            .or_insert_with(|| Channel::new(name));
        channel.wanted = true;
        if channel.acknowledge_if_standing(self.routes.owner(channel.slot)) {
            return None;
        }
        let waiting = channel.wait();
        schedule(&mut self.lines, &self.routes, name, channel);
        Some(waiting)
    }

    /// Does not want a channel any more.
    pub(super) fn release(&mut self, name: &[u8]) {
        let Some((name, mut channel)) = self.channels.remove_entry(name) else {
            return;
        };
        channel.release();
        if !channel.is_idle() {
            schedule(&mut self.lines, &self.routes, &name, &channel);
            self.channels.insert(name, channel);
        }
    }

    /// The next commands of a connection, which counts as having sent them.
    pub(super) fn take(&mut self, generation: Generation, most: usize) -> Vec<Order> {
        let mut orders = Vec::new();
        let Some(line) = self.lines.get_mut(&generation) else {
            return orders;
        };
        while orders.len() < most {
            let Some(name) = line.todo.pop_front() else {
                break;
            };
            let Some(channel) = self.channels.get_mut(&name) else {
                continue;
            };
            let Some(join) = channel.due(generation, &self.routes) else {
                continue;
            };
            let side = if join { Side::Asked } else { Side::Leaving };
            channel.set(generation, Some(side));
            orders.push(Order {
                asking: self.routes.owner(channel.slot) != Some(generation),
                again: channel.acknowledged,
                shard_channel: name,
                join,
            });
        }
        orders
    }

    /// A server acknowledged a subscription.
    pub(super) fn joined(&mut self, generation: Generation, name: &[u8]) {
        let Some(line) = self.lines.get_mut(&generation) else {
            return;
        };
        let (name, mut channel) = self.channels.remove_entry(name).unwrap_or_else(|| {
            // Given up before the server was heard: it has to be unsubscribed.
            let name = Bytes::copy_from_slice(name);
            let channel = Channel::new(&name);
            (name, channel)
        });
        // On its way out already: the server's next word about it is that it has ended.
        let stands_anew = matches!(channel.side(generation), None | Some(Side::Asked));
        if stands_anew {
            channel.set(generation, Some(Side::Stands));
            if channel.acknowledged {
                line.restored.push(name.clone());
            }
            channel.acknowledge_if_standing(self.routes.owner(channel.slot));
            schedule(&mut self.lines, &self.routes, &name, &channel);
        }
        self.channels.insert(name, channel);
    }

    /// A server ended a subscription, whether we asked for it or not.
    pub(super) fn left(&mut self, generation: Generation, name: &[u8]) {
        let Some(line) = self.lines.get_mut(&generation) else {
            return;
        };
        let Some((name, mut channel)) = self.channels.remove_entry(name) else {
            return;
        };
        if !matches!(channel.side(generation), None | Some(Side::Leaving)) {
            line.doubtful = true;
            line.wake.notify_one();
        }
        self.shaken = true;
        channel.set(generation, None);
        if !channel.is_idle() {
            schedule(&mut self.lines, &self.routes, &name, &channel);
            self.channels.insert(name, channel);
        }
    }

    /// All replies to these orders are in. Whether the server did not do one of them.
    pub(super) fn settle(&mut self, generation: Generation, orders: &[Order]) -> bool {
        let Some(line) = self.lines.get_mut(&generation) else {
            return false;
        };
        let mut refused = false;
        for order in orders {
            let Some(channel) = self.channels.get_mut(&order.shard_channel) else {
                continue;
            };
            match channel.side(generation) {
                Some(Side::Asked) => {
                    channel.set(generation, None);
                    line.refused.push(order.shard_channel.clone());
                    if channel.is_idle() {
                        self.channels.remove(&order.shard_channel);
                    }
                }
                // Still there; the next view or the end of the connection will let it go.
                Some(Side::Leaving) => channel.set(generation, Some(Side::Stands)),
                Some(Side::Stands) | None => continue,
            }
            refused = true;
        }
        line.doubtful |= refused;
        refused
    }

    /// Looks at what was refused once more.
    pub(super) fn retry(&mut self, generation: Generation) {
        if let Some(line) = self.lines.get_mut(&generation) {
            line.todo.extend(line.refused.drain(..));
        }
    }

    /// Whether the server has contradicted our view since the last time this was asked.
    pub(super) fn doubted(&mut self, generation: Generation) -> bool {
        self.lines
            .get_mut(&generation)
            .is_some_and(|line| std::mem::take(&mut line.doubtful))
    }

    /// What stands again and was not told yet; it counts as told.
    pub(super) fn restored(&mut self, generation: Generation) -> Vec<Bytes> {
        self.lines
            .get_mut(&generation)
            .map(|line| std::mem::take(&mut line.restored))
            .unwrap_or_default()
    }

    /// Whether every primary is connected, and every channel stands that was acknowledged before. Looks at all
    /// channels only after something happened.
    pub(super) fn is_whole(&mut self) -> bool {
        if self.shaken {
            let routes = &self.routes;
            let stands = |channel: &Channel| channel.stands(routes.owner(channel.slot));
            let mut channels = self.channels.values();
            self.shaken = !routes.are_open()
                || channels.any(|channel| channel.acknowledged && !stands(channel));
        }
        !self.shaken
    }

    /// How many channels are wanted, and how many of them stand at their owner.
    pub(super) fn count(&self) -> (usize, usize) {
        let wanted = self.channels.values().filter(|channel| channel.wanted);
        wanted.fold((0, 0), |(wanted, standing), channel| {
            let stands = channel.stands(self.routes.owner(channel.slot));
            (wanted + 1, standing + usize::from(stands))
        })
    }
}

/// Lets every line on which something is due for the channel look at it.
fn schedule(
    lines: &mut HashMap<Generation, Line>,
    routes: &Routes,
    name: &Bytes,
    channel: &Channel,
) {
    for generation in channel.places(routes) {
        if channel.due(generation, routes).is_some()
            && let Some(line) = lines.get_mut(&generation)
        {
            line.todo.push_back(name.clone());
            line.wake.notify_one();
        }
    }
}

// === impl Line ===

impl Line {
    fn new(wake: Arc<Notify>) -> Self {
        Self {
            todo: VecDeque::new(),
            refused: Vec::new(),
            restored: Vec::new(),
            doubtful: false,
            wake,
        }
    }
}

#[cfg(test)]
mod tests;
