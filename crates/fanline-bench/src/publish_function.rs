//! What a publish costs Redis: the function that every broker calls beside a bare one, in a server of its own.
//!
//! This alone looks inside of Fanline: it loads the library's very text and sends the very commands of a broker.
//! The bare function does on one hash what no publish can do without: number, append, notify.

mod calls;
mod table;

use anyhow::{Context, Result, bail};
use clap::Args;
use fanline_broker_redis::FUNCTION_LIBRARY;
use fanline_testkit::redis::RedisServer;
use redis::Value;
use redis::aio::MultiplexedConnection;
use serde::Serialize;

use crate::proc::Process;
use crate::progress::Progress;
use crate::report::Machine;
use crate::rounds::place;
use crate::statistics::median;
use calls::{Batches, Row};
pub(crate) use table::table;

/// Numbers by a hash field, keeps and notifies, and nothing else.
const BARE: &str = "#!lua name=bare\n\
    redis.register_function('bare_publish', function(keys, args)\n\
        local seq = redis.call('HINCRBY', keys[1], 'seq', 1)\n\
        redis.call('HSET', keys[1], seq, args[1])\n\
        redis.call('SPUBLISH', keys[1], args[1])\n\
        return seq\n\
    end)";

#[derive(Clone, Debug, Args, Serialize)]
pub(crate) struct PublishFunction {
    /// Interleaved rounds; medians are printed.
    #[arg(long, value_name = "COUNT", default_value_t = 15)]
    rounds: usize,
    /// Messages of each row in each round.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    messages: usize,
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    channels: usize,
    /// Calls that are written before their answers are read.
    #[arg(long, value_name = "COUNT", default_value_t = 200)]
    pipeline: usize,
    /// Bytes of each message.
    #[arg(long, value_name = "BYTES", default_value_t = 128)]
    payload: usize,
}

/// Everything that is printed.
#[derive(Debug, Serialize)]
pub(crate) struct FunctionReport {
    scenario: PublishFunction,
    machine: Machine,
    rows: Vec<Measured>,
}

/// One row's rounds: processor time of the server for each message, in microseconds.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    row: Row,
    median_us: f64,
    rounds_us: Vec<f64>,
}

impl PublishFunction {
    pub(crate) fn run(&self) -> Result<FunctionReport> {
        if [self.rounds, self.messages, self.channels, self.pipeline].contains(&0) {
            bail!("--rounds, --messages, --channels and --pipeline are at least 1");
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let rounds = runtime.block_on(self.measure())?;
        let rows = Row::ALL.into_iter().zip(rounds);
        Ok(FunctionReport {
            scenario: self.clone(),
            machine: Machine::this(),
            rows: rows
                .map(|(row, rounds_us)| Measured {
                    row,
                    median_us: median(&rounds_us),
                    rounds_us,
                })
                .collect(),
        })
    }

    /// One server for all rounds; the rows take turns.
    async fn measure(&self) -> Result<Vec<Vec<f64>>> {
        let server = RedisServer::start().await?;
        let id = server.process_id().context("the server has ended")?;
        let process = Process::with_id(id);
        let mut connection = server.connect().await?;
        for library in [FUNCTION_LIBRARY, BARE] {
            let mut load = redis::cmd("FUNCTION");
            load.arg("LOAD").arg("REPLACE").arg(library);
            let _: String = load.query_async(&mut connection).await?;
        }
        let rows = Row::ALL.len();
        let progress = Progress::rows((self.rounds * rows) as u64);
        let mut measured = vec![Vec::new(); rows];
        for round in 0..self.rounds {
            for turn in 0..rows {
                let at = place(round, turn, rows);
                let row = Row::ALL[at];
                progress.row(format!("{row}, round {} of {}", round + 1, self.rounds));
                measured[at].push(self.row(row, &process, &mut connection).await?);
                progress.row_done();
            }
        }
        Ok(measured)
    }

    /// Every row of every round begins with an empty Redis, and with one batch that is not counted.
    async fn row(
        &self,
        row: Row,
        process: &Process,
        connection: &mut MultiplexedConnection,
    ) -> Result<f64> {
        let _: String = redis::cmd("FLUSHALL").query_async(connection).await?;
        let mut batches = Batches::new(row, self.channels, self.pipeline, self.payload)?;
        send(&batches.next()?, connection).await?;
        let counted: Vec<_> = (0..self.messages.div_ceil(batches.messages()))
            .map(|_| batches.next())
            .collect::<Result<_>>()?;
        let before = process.cpu_time()?;
        for batch in &counted {
            send(batch, connection).await?;
        }
        let spent = process.cpu_time()?.since(&before);
        Ok(spent.total() * 1e6 / (counted.len() * batches.messages()) as f64)
    }
}

async fn send(batch: &redis::Pipeline, connection: &mut MultiplexedConnection) -> Result<()> {
    let answers: Vec<Value> = batch.query_async(connection).await?;
    if answers.len() < batch.len() {
        bail!("{} calls have {} answers", batch.len(), answers.len());
    }
    Ok(())
}
