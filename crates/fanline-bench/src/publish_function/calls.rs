//! The calls of each row.

use std::fmt;

use anyhow::Result;
use fanline_broker::{ChannelId, Publish, envelope};
use fanline_broker_redis::publish_command;
use fanline_model::{AppId, Channel, Draft, Epoch, MessageId, Payload, Retention, SystemRandom};
use redis::{Cmd, Pipeline};
use serde::Serialize;

/// More than any row records.
const IDEMPOTENCY_RECORDS: usize = 10_000_000;

/// How messages are published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Row {
    /// By the bare function.
    Bare,
    /// One each call, whose id the server made.
    Single,
    /// One each call, whose id the publisher gave: it is recorded.
    Recorded,
    /// Ten each call, whose ids the server made.
    Ten,
}

/// One batch after the other, never with the same id.
pub(super) struct Batches {
    row: Row,
    channels: Vec<ChannelId>,
    pipeline: usize,
    payload: Payload,
    published: u64,
}

// === impl Row ===

impl Row {
    pub(super) const ALL: [Self; 4] = [Self::Bare, Self::Single, Self::Recorded, Self::Ten];

    fn messages_per_call(self) -> usize {
        match self {
            Self::Bare | Self::Single | Self::Recorded => 1,
            Self::Ten => 10,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bare => "bare",
            Self::Single => "single",
            Self::Recorded => "single, its id recorded",
            Self::Ten => "ten each call",
        })
    }
}

// === impl Batches ===

impl Batches {
    pub(super) fn new(row: Row, channels: usize, pipeline: usize, payload: usize) -> Result<Self> {
        let app = AppId::generate(&SystemRandom);
        let channel = |n| {
            Ok(ChannelId::new(
                app.clone(),
                Channel::parse(&format!("orders.{n}"))?,
            ))
        };
        Ok(Self {
            row,
            channels: (0..channels).map(channel).collect::<Result<_>>()?,
            pipeline,
            payload: Payload::text("x".repeat(payload)),
            published: 0,
        })
    }

    /// How many messages one batch holds.
    pub(super) fn messages(&self) -> usize {
        self.pipeline * self.row.messages_per_call()
    }

    pub(super) fn next(&mut self) -> Result<Pipeline> {
        let mut batch = Pipeline::with_capacity(self.pipeline);
        for call in 0..self.pipeline {
            let drafts = (0..self.row.messages_per_call())
                .map(|_| self.draft())
                .collect::<Result<_>>()?;
            batch.add_command(self.command(call, drafts));
        }
        Ok(batch)
    }

    fn draft(&mut self) -> Result<Draft> {
        self.published += 1;
        let id = match self.row {
            Row::Recorded => MessageId::of_call(&format!("{:016x}", self.published), 0)?,
            Row::Bare | Row::Single | Row::Ten => MessageId::generate(&SystemRandom),
        };
        Ok(Draft::new(id, self.payload.clone()))
    }

    fn command(&self, call: usize, drafts: Vec<Draft>) -> Cmd {
        let channel = &self.channels[call % self.channels.len()];
        if let (Row::Bare, Some(draft)) = (self.row, drafts.first()) {
            let mut command = redis::cmd("FCALL");
            command.arg("bare_publish").arg(1).arg(channel.to_string());
            command.arg(envelope::encode_draft(draft));
            return command;
        }
        let publish = Publish {
            channel: channel.clone(),
            drafts,
            retention: Retention::default(),
            condition: None,
            retry: false,
            items_hash: None,
        };
        publish_command(
            &publish,
            Epoch::generate(&SystemRandom),
            IDEMPOTENCY_RECORDS,
        )
    }
}
