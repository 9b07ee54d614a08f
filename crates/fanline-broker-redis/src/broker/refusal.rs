//! What the port says when Redis answers nothing, or refuses.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fanline_broker::{BrokerError, ChannelId, Outcome, Publish, PublishError};
use fanline_model::MessageId;
use redis::Value;

use crate::cluster::CallError;
use crate::library;

/// What Redis begins its refusal with when it has reached `maxmemory`. It looks before a function runs.
const OUT_OF_MEMORY: &str = "OOM";

/// Whether Redis is full, told to the operator when it changes.
#[derive(Debug, Default)]
pub(super) struct Fullness {
    is_full: AtomicBool,
    refusals: AtomicU64,
}

/// The answer to a publish.
pub(super) fn published(
    publish: &Publish,
    answer: Result<Value, CallError>,
    fullness: &Fullness,
) -> Result<Vec<Outcome>, PublishError> {
    let unknown = || {
        let ids = publish.drafts.iter().map(|draft| draft.id.clone());
        PublishError::OutcomeUnknown(ids.collect())
    };
    match answer {
        Ok(answer) => {
            fullness.accepted();
            library::outcomes(&answer, publish.condition.as_ref())
                .filter(|outcomes| outcomes.len() == publish.drafts.len())
                .ok_or_else(|| {
                    no_answer(&publish.channel);
                    unknown()
                })
        }
        Err(CallError::Unavailable) => Err(BrokerError::Unavailable.into()),
        Err(CallError::Unknown) => Err(unknown()),
        Err(CallError::Refused { code, .. }) if code == OUT_OF_MEMORY => {
            fullness.refused();
            Err(BrokerError::Full.into())
        }
        Err(CallError::Refused { code, detail }) => Err(refused(publish, &code, &detail)),
    }
}

/// The answer of a call that changes nothing, or that may be repeated.
pub(super) fn read<T>(
    channel: &ChannelId,
    answer: Result<Value, CallError>,
    parse: impl Fn(&Value) -> Option<T>,
) -> Result<T, BrokerError> {
    let value = answer.map_err(|error| {
        if let CallError::Refused { code, detail } = error {
            tracing::error!(%channel, code, detail, "Redis refused to read");
        }
        BrokerError::Unavailable
    })?;
    parse(&value).ok_or_else(|| {
        no_answer(channel);
        BrokerError::Unavailable
    })
}

fn refused(publish: &Publish, code: &str, detail: &str) -> PublishError {
    match code {
        "FLMISMATCH" => match MessageId::parse(detail.trim()) {
            Ok(id) => PublishError::IdempotencyMismatch(id),
            Err(_) => BrokerError::Unavailable.into(),
        },
        "FLRECORDS" => PublishError::RecordsFull,
        "FLKEYS" => PublishError::KeysFull,
        _ => {
            tracing::error!(channel = %publish.channel, code, detail, "Redis refused a publish");
            BrokerError::Unavailable.into()
        }
    }
}

fn no_answer(channel: &ChannelId) {
    tracing::error!(%channel, "Redis answered in a form that this version does not know");
}

// === impl Fullness ===

impl Fullness {
    /// How many publishes were refused for it.
    pub(super) fn refusals(&self) -> u64 {
        self.refusals.load(Ordering::Relaxed)
    }

    fn accepted(&self) {
        // The look first: nearly always there is nothing to change, and a swap would contend.
        if self.is_full.load(Ordering::Relaxed) && self.is_full.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis takes publishes again");
        }
    }

    fn refused(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::error!(
                "Redis has reached maxmemory and refuses publishes; raise maxmemory, add primaries, or let \
                 namespaces keep less"
            );
        }
    }
}
