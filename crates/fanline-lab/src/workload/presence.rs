//! Members who come and go, and watchers who hear of it.
//!
//! No protocol carries presence yet, so they call the broker's presence port, as a server would: two brokers of
//! their own on the same Redis, each with a watcher. When the native protocol has presence frames, members and
//! watchers become subscribers; the events that they write down stay the same.

mod member;
mod watcher;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use fanline_broker::{ChannelId, Presence, Roster};
use fanline_broker_redis::{RedisBroker, RedisConfig};
use fanline_model::{AppId, Channel, SystemRandom};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Board, Plan, Publishing};
use crate::dice::Dice;
use crate::log::{Event, Logbook, Member, Recorder, Revision, Topic};
use crate::stage::Ground;
use watcher::Watcher;

/// A server that nobody asked for a lease within this time is believed gone.
const LEASE: Duration = Duration::from_secs(4);
const CHANNELS: usize = 3;
const WATCHERS: usize = 2;
/// More than there will ever be.
const MANY: usize = 10_000;
const PAGE: usize = 100;
const APP: &str = "app_ofthelab";
const TENANT: &str = "presence";

/// The presence port, as the lab sees it.
#[derive(Clone)]
pub(crate) struct Rolls {
    presence: Arc<dyn Presence>,
    channels: Arc<[(Topic, ChannelId)]>,
}

/// Starts watchers and members. Members come to rest when publishing stops, and stay as they are until the end.
pub(super) async fn start(
    seed: u64,
    plan: &Plan,
    ground: &Ground,
    logbook: &Logbook,
    board: &Arc<Board>,
    publishing: &Publishing,
    (tasks, end): (&TaskTracker, &CancellationToken),
) -> Result<Rolls> {
    let channels: Arc<[_]> = (0..CHANNELS).map(channel).collect::<Result<_>>()?;
    let mut all = Vec::new();
    for number in 1..=WATCHERS {
        let config = RedisConfig {
            nodes: ground.redis().to_vec(),
            ..RedisConfig::default()
        };
        let broker = Arc::new(RedisBroker::new(config, Arc::new(SystemRandom), 1));
        let rolls = Rolls {
            presence: Arc::new(broker.presence()),
            channels: channels.clone(),
        };
        let recorder = logbook.actor(&format!("watcher-{number}"))?;
        tasks.spawn(Watcher::new(broker, rolls.clone(), recorder).run(end.clone()));
        all.push(rolls);
    }
    for number in 1..=plan.members {
        let name = format!("member-{number:02}");
        let Some(rolls) = all.get(number % WATCHERS) else {
            continue;
        };
        let second = all.get((number + 1) % WATCHERS);
        let member = member::Person {
            second: second.filter(|_| plan.enter_twice).cloned(),
            recorder: logbook.actor(&name)?,
            dice: Dice::of(seed, &name),
            rolls: rolls.clone(),
            board: board.clone(),
            name,
        };
        tasks.spawn(member.run(publishing.stop.clone(), end.clone()));
    }
    all.pop()
        .ok_or_else(|| anyhow::anyhow!("there is a watcher"))
}

fn channel(number: usize) -> Result<(Topic, ChannelId)> {
    let name = format!("room.{number}");
    let id = ChannelId::new(AppId::parse(APP)?, Channel::parse(&name)?);
    let topic = Topic {
        tenant: TENANT.to_owned(),
        channel: name,
    };
    Ok((topic, id))
}

// === impl Rolls ===

impl Rolls {
    /// The channels.
    pub(crate) fn topics(&self) -> impl Iterator<Item = &Topic> {
        self.channels.iter().map(|(topic, _)| topic)
    }

    /// Reads who is on a channel and writes it down; answers the entries.
    pub(crate) async fn call(&self, topic: &Topic, recorder: &Recorder) -> Result<Vec<Member>> {
        let found = self.channels.iter().find(|(of, _)| of == topic);
        let Some((_, channel)) = found else {
            return Ok(Vec::new());
        };
        let (members, revision) = self.whole(channel).await?;
        recorder.record(Event::Roster {
            topic: topic.clone(),
            members: members.clone(),
            revision,
        });
        Ok(members)
    }

    /// All pages of one revision.
    async fn whole(&self, channel: &ChannelId) -> Result<(Vec<Member>, Revision)> {
        'again: loop {
            let mut members = Vec::new();
            let mut after = None;
            let mut first = None;
            loop {
                let page: Roster = self.presence.roster(channel, after, PAGE).await?;
                if *first.get_or_insert(page.revision) != page.revision {
                    continue 'again;
                }
                members.extend(page.entries.iter().map(|entry| Member {
                    member: entry.member.as_str().to_owned(),
                    connection: entry.connection.to_string(),
                }));
                after = page
                    .entries
                    .last()
                    .map(|last| (last.member.clone(), last.connection));
                if !page.more || after.is_none() {
                    return Ok((members, revision(page.revision)));
                }
            }
        }
    }
}

impl std::fmt::Debug for Rolls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rolls").finish_non_exhaustive()
    }
}

fn revision(revision: fanline_broker::PresenceRevision) -> Revision {
    Revision {
        epoch: revision.epoch.to_string(),
        number: revision.number,
    }
}
