//! One connection: what it hears, what it has to send, and whether it lives.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::{Pipeline, PushInfo, PushKind, RedisError, RedisResult, Value};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Shared;
use super::backoff::Backoff;
use super::ledger::{Generation, Order};
use crate::connector::{Connection, PushHandler};

/// Commands sent at once: enough to make a round trip cheap, few enough to be answered in time.
const BATCH: usize = 1_024;
/// Silence that is put to the test.
const QUIET: Duration = Duration::from_secs(1);
/// How long an answer to the test may take.
const PROBE: Duration = Duration::from_millis(750);
/// Tests without any sign of life after which the server is taken for dead.
const MISSES: u32 = 2;

/// One connection to one primary.
pub(super) struct Line {
    shared: Arc<Shared>,
    generation: Generation,
    wake: Arc<Notify>,
    opened: Instant,
    /// When the server was last heard, in milliseconds since `opened`.
    heard: AtomicU64,
    ended: AtomicBool,
}

/// Why a connection is given up.
#[derive(Debug, thiserror::Error)]
pub(super) enum LineError {
    #[error("the server closed the connection")]
    Closed,
    #[error("the server is silent")]
    Silent,
    #[error(transparent)]
    Redis(#[from] RedisError),
}

/// A line that stands in the ledger, until this is dropped.
pub(super) struct Standing(Arc<Line>);

// === impl Line ===

impl Line {
    pub(super) fn new(shared: &Arc<Shared>) -> Arc<Self> {
        Arc::new(Self {
            shared: Arc::clone(shared),
            generation: shared.ledger.lock().next_generation(),
            wake: Arc::new(Notify::new()),
            opened: Instant::now(),
            heard: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        })
    }

    /// What hears the pushes of this connection.
    pub(super) fn handler(self: &Arc<Self>) -> PushHandler {
        let line = Arc::clone(self);
        Box::new(move |push| {
            line.hear(push);
            Ok(())
        })
    }

    /// Puts the line into the ledger.
    pub(super) fn stand(self: &Arc<Self>, primary: &str) -> Standing {
        let wake = Arc::clone(&self.wake);
        let mut ledger = self.shared.ledger.lock();
        ledger.open(primary, self.generation, wake);
        Standing(Arc::clone(self))
    }

    /// Serves the connection until it has to be given up.
    pub(super) async fn serve(&self, connection: Connection) -> LineError {
        self.touch();
        tokio::select! {
            error = self.reconcile(connection.clone()) => error,
            error = self.keep_alive(connection) => error,
        }
    }

    fn hear(&self, push: PushInfo) {
        if self.ended.load(Ordering::Acquire) {
            return;
        }
        self.touch();
        let mut data = push.data.into_iter();
        match (push.kind, data.next(), data.next()) {
            (
                PushKind::SMessage,
                Some(Value::BulkString(channel)),
                Some(Value::BulkString(payload)),
            ) => {
                self.shared.messages.fetch_add(1, Ordering::Relaxed);
                self.shared.ear.message(&channel, Bytes::from(payload));
            }
            (PushKind::SSubscribe, Some(Value::BulkString(channel)), _) => {
                self.shared.ledger.lock().joined(self.generation, &channel);
            }
            (PushKind::SUnsubscribe, Some(Value::BulkString(channel)), _) => {
                self.shared.ledger.lock().left(self.generation, &channel);
            }
            (PushKind::Disconnection, ..) => {
                self.ended.store(true, Ordering::Release);
                self.wake.notify_one();
            }
            _ => {}
        }
    }

    /// Sends what is due whenever something is.
    async fn reconcile(&self, mut connection: Connection) -> LineError {
        let mut backoff = Backoff::new();
        let mut retry_at: Option<Instant> = None;
        while !self.ended.load(Ordering::Acquire) {
            if retry_at.take_if(|at| *at <= Instant::now()).is_some() {
                self.shared.ledger.lock().retry(self.generation);
            }
            let orders = self.shared.ledger.lock().take(self.generation, BATCH);
            if !orders.is_empty() {
                let refused = match self.send(&mut connection, &orders).await {
                    Ok(refused) => refused,
                    Err(error) => return error.into(),
                };
                if refused && retry_at.is_none() {
                    retry_at = Some(Instant::now() + backoff.wait());
                } else if retry_at.is_none() {
                    backoff.reset();
                }
            }
            if self.shared.ledger.lock().doubted(self.generation) {
                (self.shared.suspect)();
            }
            // Told together, not batch by batch; but new wishes do not put it off.
            if !orders.iter().any(|order| order.again) {
                self.report();
            }
            if orders.is_empty() {
                let retry = async {
                    match retry_at {
                        Some(at) => sleep_until(at).await,
                        None => pending().await,
                    }
                };
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = retry => {}
                }
            }
        }
        LineError::Closed
    }

    /// Sends orders in one write and waits for their replies; whether one of them was not done.
    async fn send(&self, connection: &mut Connection, orders: &[Order]) -> RedisResult<bool> {
        let mut pipeline = Pipeline::with_capacity(orders.len());
        pipeline.ignore_errors();
        for order in orders {
            if order.asking {
                pipeline.cmd("ASKING");
            }
            let command = if order.join {
                "SSUBSCRIBE"
            } else {
                "SUNSUBSCRIBE"
            };
            pipeline.cmd(command).arg(&*order.shard_channel);
        }
        let replies: Vec<RedisResult<Value>> = pipeline.query_async(&mut **connection).await?;
        self.touch();
        if let Some(error) = replies.into_iter().find_map(Result::err) {
            if error.code() == Some("NOPERM") {
                tracing::warn!(%error, "Redis forbids a subscription: grant its user the channels (ACL SETUSER … &…)");
            } else {
                // A slot that has moved, as a rule.
                tracing::debug!(%error, "Redis refused a subscription; trying again");
            }
        }
        let settled = self.shared.ledger.lock().settle(self.generation, orders);
        Ok(settled)
    }

    /// Tells the ear what stands again.
    fn report(&self) {
        let restored = self.shared.ledger.lock().restored(self.generation);
        self.tell(&restored);
    }

    fn tell(&self, restored: &[Bytes]) {
        if !restored.is_empty() {
            tracing::info!(
                channels = restored.len(),
                "subscriptions stand again after an interruption"
            );
            self.shared.ear.interrupted(restored);
        }
    }

    /// Probes silence, until the server misses too many probes.
    async fn keep_alive(&self, mut connection: Connection) -> LineError {
        let ping = redis::cmd("PING");
        let mut misses = 0;
        loop {
            let silence = self.silence();
            if silence < QUIET {
                misses = 0;
                sleep(QUIET.saturating_sub(silence)).await;
                continue;
            }
            match timeout(PROBE, ping.query_async::<Value>(&mut *connection)).await {
                Ok(Err(error)) if error.is_unrecoverable_error() => return error.into(),
                // An error is a sign of life too.
                Ok(_) => self.touch(),
                Err(_) if self.silence() < PROBE => {}
                Err(_) => misses += 1,
            }
            if misses >= MISSES {
                return LineError::Silent;
            }
        }
    }

    fn touch(&self) {
        let now = u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard.store(now, Ordering::Relaxed);
    }

    fn silence(&self) -> Duration {
        let heard = Duration::from_millis(self.heard.load(Ordering::Relaxed));
        self.opened.elapsed().saturating_sub(heard)
    }
}

// === impl Standing ===

impl Drop for Standing {
    fn drop(&mut self) {
        let Self(line) = self;
        line.ended.store(true, Ordering::Release);
        let restored = line.shared.ledger.lock().close(line.generation);
        line.tell(&restored);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::super::{Ear, Ledger};
    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<Bytes>>);

    impl Ear for Heard {
        fn message(&self, _: &[u8], payload: Bytes) {
            self.0.lock().push(payload);
        }

        fn interrupted(&self, _: &[Bytes]) {}
    }

    #[test]
    fn what_a_connection_says_after_it_was_given_up_is_dropped() {
        let heard = Arc::new(Heard::default());
        let shared = Arc::new(Shared {
            ledger: Mutex::new(Ledger::new()),
            ear: Arc::clone(&heard) as Arc<dyn Ear>,
            suspect: Box::new(|| {}),
            messages: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
        });
        let line = Line::new(&shared);
        let message = |text: &str| PushInfo {
            kind: PushKind::SMessage,
            data: ["channel", text]
                .map(|part| Value::BulkString(part.into()))
                .into(),
        };
        let standing = line.stand("primary");
        line.hear(message("before"));
        drop(standing);
        line.hear(message("after"));
        assert_eq!(*heard.0.lock(), ["before"]);
        assert_eq!(shared.messages.load(Ordering::Relaxed), 1);
    }
}
