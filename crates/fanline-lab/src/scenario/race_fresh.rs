//! The first subscriptions of a channel and its first publishes, in every order.

use std::time::Duration;

use anyhow::Result;
use async_trait::async_trait;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::Scenario;
use crate::log::{Expectation, Sight, Topic};
use crate::stage::Stage;
use crate::workload::{Plan, RACER};

/// Channels that nobody used before, each with an interleaving of its own.
const ROUNDS: usize = 1_000;
const RACERS: usize = 8;
/// Of these, how many subscribe in one round.
const SUBSCRIBE: usize = 2;
const MOST_PUBLISHES: usize = 4;
const ROUNDS_AT_A_TIME: usize = 4;
/// Within which everything of a round begins: about what one call to Redis takes.
const SPREAD: Duration = Duration::from_millis(8);
const LIVE_WITHIN: Duration = Duration::from_secs(30);

/// A thousand new channels.
pub(super) struct RaceFresh;

/// One thing that is done in a round.
enum Act {
    Subscribe(String),
    Publish,
}

#[async_trait]
impl Scenario for RaceFresh {
    fn name(&self) -> &'static str {
        "race-fresh"
    }

    fn about(&self) -> &'static str {
        "a thousand new channels, each first subscribed at two servers and first published to at moments that the seed \
         shuffles; whoever is subscribed hears everything from there on"
    }

    fn plan(&self) -> Plan {
        Plan {
            publishes_per_second: 50,
            racers: RACERS,
            ..Plan::default()
        }
    }

    fn expectations(&self) -> Vec<Expectation> {
        vec![Expectation {
            sight: Sight::Fresh,
            at_least: ROUNDS * SUBSCRIBE,
        }]
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.workload().all_live(LIVE_WITHIN).await?;
        let fault = stage.fault(format!("{ROUNDS} new channels"));
        // Drawn before anything runs, so that the seed alone decides.
        let rounds: Vec<_> = (0..ROUNDS).map(|number| round(stage, number)).collect();
        stream::iter(rounds)
            .map(|acts| play(stage, acts))
            .buffer_unordered(ROUNDS_AT_A_TIME)
            .try_collect::<()>()
            .await?;
        fault.ends();
        stage.workload().all_live(LIVE_WITHIN).await
    }
}

/// What is done in a round, and when.
fn round(stage: &Stage, number: usize) -> (String, Vec<(Duration, Act)>) {
    let dice = stage.dice();
    let racers: Vec<usize> = (0..RACERS).collect();
    let subscribe = dice.pick_some(&racers, SUBSCRIBE).into_iter();
    let subscribe = subscribe.map(|racer| Act::Subscribe(format!("{RACER}-{racer}.")));
    let publishes = (0..=dice.below(MOST_PUBLISHES)).map(|_| Act::Publish);
    let acts = subscribe.chain(publishes);
    let acts = acts.map(|act| (dice.between(Duration::ZERO, SPREAD), act));
    (format!("acked.race.{number}"), acts.collect())
}

async fn play(stage: &Stage, (channel, acts): (String, Vec<(Duration, Act)>)) -> Result<()> {
    let topic = Topic {
        tenant: stage.first_tenant()?.name.clone(),
        channel,
    };
    let acts = acts.into_iter().map(|(after, act)| {
        let topic = &topic;
        async move {
            stage.wait(after).await;
            match act {
                Act::Subscribe(racer) => stage.workload().want(&racer, topic),
                Act::Publish => stage.workload().publish(topic, 1, 20).await?,
            }
            anyhow::Ok(())
        }
    });
    join_all(acts).await.into_iter().collect()
}
