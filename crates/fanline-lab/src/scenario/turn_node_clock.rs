//! A server whose wall clock jumps.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use async_trait::async_trait;
use fanline_testkit::redis::{RedisCluster, WallClock};
use tempfile::TempDir;
use tokio::time::Instant;

use super::Scenario;
use crate::stage::{Ground, Node, Spot, Stage};

const HOUR: Duration = Duration::from_secs(3_600);
const HOUR_IN_MILLIS: i64 = 3_600_000;
/// In milliseconds: two answers are not of one moment.
const CLOSE: i64 = 5_000;
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// More than a run has servers.
const CLOCKS: usize = 8;

/// An hour ahead, an hour behind, and right again.
pub(super) struct TurnNodeClock;

/// What is done to a clock.
type Turn = fn(&WallClock) -> Result<()>;

/// The clock of each server.
struct Clocks {
    clocks: Vec<WallClock>,
    _directories: Vec<TempDir>,
}

#[async_trait]
impl Scenario for TurnNodeClock {
    fn name(&self) -> &'static str {
        "turn-node-clock"
    }

    fn about(&self) -> &'static str {
        "one server's wall clock jumps an hour ahead, two back, and to the right time; what is kept, recognised and \
         expired goes by Redis's clock alone, and nobody notices anything"
    }

    fn obstacle(&self) -> Option<String> {
        WallClock::obstacle()
    }

    async fn ground(&self) -> Result<Ground> {
        let cluster = RedisCluster::start().await?;
        let directories: Vec<_> = (0..CLOCKS)
            .map(|_| TempDir::new())
            .collect::<std::io::Result<_>>()?;
        let clocks: Vec<_> = directories
            .iter()
            .map(|directory| WallClock::kept_in(directory.path()))
            .collect::<Result<_>>()?;
        let redis = cluster.addresses();
        let spot = |clock: &WallClock| {
            Ok(Spot {
                before: Vec::new(),
                listen: "127.0.0.1:0".to_owned(),
                redis: redis.clone(),
                environment: clock.environment()?,
            })
        };
        let spots: Vec<_> = clocks.iter().map(spot).collect::<Result<_>>()?;
        let clocks = Clocks {
            clocks,
            _directories: directories,
        };
        let spots = move |number: usize| spots[number % CLOCKS].clone();
        Ok(Ground::new(cluster, spots, clocks))
    }

    async fn act(&self, stage: &Stage) -> Result<()> {
        stage.traffic().await;
        let node = stage.nodes().some(stage.dice())?;
        let clock = clock_of(stage, &node)?;
        let name = node.name();
        let turns: [(&str, Turn, i64); 3] = [
            (
                "an hour ahead",
                |clock| clock.set_ahead(HOUR),
                HOUR_IN_MILLIS,
            ),
            (
                "an hour behind",
                |clock| clock.set_behind(HOUR),
                -HOUR_IN_MILLIS,
            ),
            ("right again", |clock| clock.set_ahead(Duration::ZERO), 0),
        ];
        let right = stage
            .nodes()
            .all()
            .iter()
            .find(|other| other.name() != name);
        let right = right.context("there is another server")?;
        for (what, turn, ahead) in turns {
            let fault = stage.fault(format!("the clock of {name} {what}"));
            turn(clock)?;
            shows(stage, &node, right, ahead).await?;
            stage.traffic().await;
            stage.workload().cut_some(0.5);
            stage.traffic().await;
            fault.ends();
        }
        Ok(())
    }
}

/// Waits until a server's clock is so much ahead of another one's. An answer's `Date` does not tell: it is remembered
/// until the clock has passed it.
async fn shows(stage: &Stage, node: &Node, right: &Node, ahead: i64) -> Result<()> {
    let deadline = Instant::now() + SHOWN_WITHIN;
    loop {
        let here = stage.workload().end_of_a_token_of(node).await?;
        let there = stage.workload().end_of_a_token_of(right).await?;
        let by = here - there;
        if (by - ahead).abs() < CLOSE {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "its clock is {by} ms ahead, not {ahead} ms"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn clock_of<'a>(stage: &'a Stage, node: &Arc<Node>) -> Result<&'a WallClock> {
    let nodes = stage.nodes().all();
    let place = nodes.iter().position(|other| other.name() == node.name());
    let clocks = stage.ground().network::<Clocks>();
    let clocks = clocks.context("this scenario brings its own ground")?;
    let clock = place.and_then(|place| clocks.clocks.get(place));
    clock.context("every server has a clock")
}
