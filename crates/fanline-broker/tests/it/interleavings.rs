//! Whatever happens in whatever order: no position is used twice, and no gap is silent.
//!
//! A model of one channel is told everything that is done to it, and knows nothing of how it is done.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use fanline_broker::memory::MemoryLimits;
use fanline_broker::{Broker, ChannelId, Head, Outcome, PageLimit, Publish};
use fanline_model::{
    AppId, Channel, Draft, Durability, Epoch, History, Message, MessageId, Payload, Position,
    Retention, SeededRandom,
};
use fanline_testkit::contract::broker::BrokerUnderTest;
use fanline_testkit::contract::ear::{Ear, Heard};
use proptest::prelude::*;

use crate::memory::Memory;

/// What may happen to a channel.
#[derive(Clone, Debug)]
enum Step {
    Publish { count: usize, ephemeral: bool },
    Repeat { back: usize },
    Follow,
    Unfollow,
    Advance { seconds: u64 },
    Fork { back: u64 },
    Lose { count: usize },
    Evict { back: u64 },
    Restart,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (1..5usize, any::<bool>()).prop_map(|(count, ephemeral)| Step::Publish { count, ephemeral }),
        3 => (0..10usize).prop_map(|back| Step::Repeat { back }),
        2 => Just(Step::Follow),
        1 => Just(Step::Unfollow),
        3 => (0..90u64).prop_map(|seconds| Step::Advance { seconds }),
        2 => (0..6u64).prop_map(|back| Step::Fork { back }),
        1 => (1..4usize).prop_map(|count| Step::Lose { count }),
        1 => (0..6u64).prop_map(|back| Step::Evict { back }),
        1 => Just(Step::Restart),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..60)
}

const RETENTION: Retention = Retention {
    history: Some(History {
        window: Duration::from_secs(60),
        messages: 12,
        bytes: usize::MAX,
    }),
    position_ttl: Duration::from_secs(600),
    idempotency_window: Duration::from_secs(100),
    state: None,
    durability: Durability::Acked,
};
const ALL: PageLimit = PageLimit {
    messages: usize::MAX,
    bytes: usize::MAX,
};

/// A channel, and what must be true of it.
struct World {
    memory: Memory,
    ear: Arc<Ear>,
    random: SeededRandom,
    channel: ChannelId,
    /// Which message got which position, for ever and over every process.
    given: HashMap<(u64, u64), MessageId>,
    /// What was published with an id of the publisher's own, with the answer.
    named: Vec<(MessageId, Position)>,
    /// Up to where in the ear was looked.
    looked: usize,
    /// The position after which a follower has heard everything, while it follows.
    heard_to: Option<Position>,
    /// How many messages may still be kept from the follower.
    losing: usize,
}

impl World {
    fn new() -> Self {
        let ear = Arc::new(Ear::default());
        let random = SeededRandom::new(7);
        Self {
            memory: Memory::start(Arc::clone(&ear) as _, MemoryLimits::default()),
            ear,
            channel: ChannelId::new(
                AppId::generate(&random),
                Channel::parse("orders.1").unwrap(),
            ),
            random,
            given: HashMap::new(),
            named: Vec::new(),
            looked: 0,
            heard_to: None,
            losing: 0,
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Publish { count, ephemeral } => self.publish(count, ephemeral).await,
            Step::Repeat { back } => self.repeat(back).await,
            Step::Follow => {
                let head = self
                    .memory
                    .broker
                    .follow(&self.channel, &RETENTION)
                    .await
                    .unwrap()
                    .unwrap();
                self.heard_to.get_or_insert(head.position);
            }
            Step::Unfollow => {
                self.memory.broker.unfollow(&self.channel).await;
                self.heard_to = None;
            }
            Step::Advance { seconds } => self.memory.advance(Duration::from_secs(seconds)).await,
            Step::Fork { back } => {
                let at = self
                    .head()
                    .await
                    .map_or(0, |head| head.position.seq.saturating_sub(back));
                self.memory.broker.fork(&self.channel, at);
                // What the failover lost may be published again.
                self.named.retain(|(_, position)| position.seq <= at);
            }
            Step::Lose { count } => {
                if self.heard_to.is_some() {
                    self.memory.broker.lose_next(&self.channel, count);
                    self.losing += count;
                }
            }
            Step::Evict { back } => {
                let through = self
                    .head()
                    .await
                    .map_or(0, |head| head.position.seq.saturating_sub(back));
                self.memory.broker.evict(&self.channel, through);
            }
            Step::Restart => {
                let saved = self.memory.broker.save();
                self.crash();
                let before = self.head().await;
                assert_eq!(before, None);
                self.memory.broker.restore(&saved).unwrap();
            }
            Step::Crash => {
                self.crash();
                self.named.clear();
            }
        }
        self.check().await;
    }

    /// Another process, at the same clock.
    fn crash(&mut self) {
        let clock = Arc::clone(&self.memory.clock);
        self.memory = Memory::start_at(clock, Arc::clone(&self.ear) as _, MemoryLimits::default());
        (self.heard_to, self.losing) = (None, 0);
    }

    async fn publish(&mut self, count: usize, ephemeral: bool) {
        let named = MessageId::parse(&format!("key-{}", self.given.len())).unwrap();
        let mut drafts: Vec<_> = (1..count)
            .map(|_| self.draft(MessageId::generate(&self.random)))
            .collect();
        drafts.push(self.draft(named.clone()));
        if ephemeral {
            drafts.iter_mut().for_each(|draft| draft.ephemeral = true);
            drafts
                .iter_mut()
                .for_each(|draft| draft.id = MessageId::generate(&self.random));
        }
        let outcomes = self.send(drafts.clone()).await;
        for (draft, outcome) in drafts.into_iter().zip(outcomes) {
            match outcome {
                Outcome::Appended {
                    position: Some(position),
                } if !ephemeral => self.give(&draft.id, position),
                Outcome::Appended { position: None } if ephemeral => {}
                other => panic!("{other:?}"),
            }
        }
        if !ephemeral {
            let position = self
                .given
                .iter()
                .find(|(_, id)| **id == named)
                .map(|(position, _)| *position);
            let (epoch, seq) = position.unwrap();
            self.named
                .push((named, Position::new(Epoch::from_u64(epoch), seq)));
        }
    }

    /// The same id again gives the same position, or a new one if its window is over.
    async fn repeat(&mut self, back: usize) {
        let Some(index) = self.named.len().checked_sub(back + 1) else {
            return;
        };
        let (id, position) = self.named[index].clone();
        let outcome = self.send(vec![self.draft(id.clone())]).await.remove(0);
        match outcome {
            Outcome::Duplicate { position: then } => assert_eq!(then, Some(position)),
            Outcome::Appended {
                position: Some(anew),
            } => {
                self.named.remove(index);
                self.given.remove(&(position.epoch.as_u64(), position.seq));
                self.give(&id, anew);
                self.given
                    .insert((position.epoch.as_u64(), position.seq), id.clone());
                self.named.push((id, anew));
            }
            other => panic!("{other:?}"),
        }
    }

    fn draft(&self, id: MessageId) -> Draft {
        Draft::new(id, Payload::text("x"))
    }

    async fn send(&self, drafts: Vec<Draft>) -> Vec<Outcome> {
        let publish = Publish {
            channel: self.channel.clone(),
            drafts,
            retention: RETENTION,
            condition: None,
            retry: false,
            items_hash: None,
        };
        self.memory.broker.publish(publish).await.unwrap()
    }

    fn give(&mut self, id: &MessageId, position: Position) {
        let before = self
            .given
            .insert((position.epoch.as_u64(), position.seq), id.clone());
        assert_eq!(before, None, "{position} was given twice");
    }

    async fn head(&self) -> Option<Head> {
        self.memory.broker.head(&self.channel).await.unwrap()
    }

    async fn check(&mut self) {
        self.check_log().await;
        self.check_follower().await;
    }

    /// The log is what was published, without a gap from what is evicted to the head.
    async fn check_log(&self) {
        let Some(head) = self.head().await else {
            return;
        };
        let evicted = head.evicted_through;
        let page = self
            .memory
            .broker
            .read(&self.channel, evicted, ALL)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(page.head, head);
        let positions: Vec<_> = page
            .messages
            .iter()
            .map(|message| message.position.unwrap())
            .collect();
        let seqs: Vec<_> = positions.iter().map(|position| position.seq).collect();
        assert_eq!(seqs, (evicted + 1..=head.position.seq).collect::<Vec<_>>());
        for (message, position) in page.messages.iter().zip(&positions) {
            let id = &self.given[&(position.epoch.as_u64(), position.seq)];
            assert_eq!(*id, message.draft.id, "{position} reads as another message");
            let known = position.epoch == head.position.epoch
                || head
                    .lineage
                    .survived(position.epoch)
                    .is_some_and(|at| position.seq <= at)
                || head.lineage.forks().len() == 4;
            assert!(
                known,
                "{position} is in the log and not in the lineage of {head:?}"
            );
        }
    }

    /// What a follower hears continues what it heard; a jump is never larger than what was lost on purpose.
    /// Across epochs it continues what survived, and says so, unless the message that says it was lost.
    async fn check_follower(&mut self) {
        let heard = self.ear.of(&self.channel);
        let news: Vec<_> = heard[self.looked..].to_vec();
        self.looked = heard.len();
        for message in news.into_iter().filter_map(logged) {
            let Some(at) = self.heard_to else {
                panic!("heard {:?} without following", message.position);
            };
            let position = message.position.unwrap();
            let from = if position.epoch == at.epoch {
                // Who followed after the fork and before the first message stands at the fork already.
                assert!(
                    message.fork.is_none_or(|fork| fork.at == at.seq),
                    "{message:?} after {at}"
                );
                at.seq
            } else {
                assert!(
                    message.fork.is_some() || self.losing > 0,
                    "{position} declares no fork after {at}"
                );
                let lineage = self.head().await.unwrap().lineage;
                let newest = lineage.forks().last().copied();
                assert!(
                    message.fork.is_none() || message.fork == newest,
                    "{message:?} in {lineage:?}"
                );
                match lineage.survived(at.epoch) {
                    Some(survived) => at.seq.min(survived),
                    None => position.seq - 1,
                }
            };
            let jump = position.seq - from - 1;
            assert!(
                jump <= self.losing as u64,
                "{position} after {at}, losing {}",
                self.losing
            );
            self.losing -= jump as usize;
            self.heard_to = Some(position);
        }
    }
}

fn logged(heard: Heard) -> Option<Arc<Message>> {
    match heard {
        Heard::Message(message) => message.position.is_some().then_some(message),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_position_is_used_twice_and_no_gap_is_silent(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in steps {
                world.step(step).await;
            }
        });
    }
}
