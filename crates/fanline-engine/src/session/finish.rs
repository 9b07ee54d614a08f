//! The end of a session: leave everything at once, then say the last words with little patience.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fanline_broker::ChannelId;
use fanline_model::CloseReason;
use fanline_protocol::{CloseFrame, Event, Outgoing};
use futures_util::future::join_all;

use super::{End, Session};
use crate::entries::EntryKey;
use crate::outbox::Slot;
use crate::sweep::GRACE;

/// How long a client may take to read the last words.
const PATIENCE: Duration = Duration::from_secs(5);

impl Session {
    /// Leaves everything, says why, closes.
    pub(super) async fn finish(mut self, end: End) {
        let clean = !matches!(
            end,
            End::Lost | End::Close(CloseReason::HeartbeatMissed, ..)
        );
        self.leave_channels();
        let leaving = self.leave_presence(clean);
        let close = self.last_words(end);
        let saying = async {
            if let Some(close) = close {
                let _ = tokio::time::timeout(PATIENCE, self.say(&close)).await;
            }
        };
        // A broker that is away holds up no last word.
        tokio::join!(saying, leaving);
    }

    pub(super) fn leave_channels(&mut self) {
        self.operations = None;
        let slots: Vec<Slot> = self.subscriptions.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.drop_subscription(slot);
        }
        self.shared.outbox.close();
    }

    /// Lets go of every entry, before any leaves: from here on nobody renews them or enters them again. Answers those
    /// that were this session's own.
    pub(super) fn release_entries(&mut self) -> Vec<EntryKey> {
        let (Some(standing), Some(identity)) = (&mut self.member, self.shared.identity()) else {
            return Vec::new();
        };
        let (app, connection) = (&standing.caller.app.id, identity.connection);
        let entries = std::mem::take(&mut standing.entered)
            .into_iter()
            .map(|(channel, member)| (ChannelId::new(app.clone(), channel), member, connection));
        // Where a newer session with the same connection id has entered too, the entry is its own now.
        let own = |entry: &EntryKey| self.engine.entries.release(entry, self.key).is_some();
        entries.filter(own).collect()
    }

    /// A clean end leaves at once; silence leaves after the grace, unless the connection comes back.
    fn leave_presence(&mut self, clean: bool) -> impl Future<Output = ()> + Send + use<> {
        let entries = self.release_entries();
        let presence = Arc::clone(&self.engine.presence);
        async move {
            let leave = async |entry: EntryKey| {
                let left = if clean {
                    let left = presence.leave(&entry.0, &entry.1, entry.2).await;
                    left.map(|_| ())
                } else {
                    let entries = std::slice::from_ref(&entry);
                    presence.refresh(entries, GRACE).await.map(|_| ())
                };
                if let Err(error) = left {
                    let connection = entry.2;
                    tracing::warn!(%connection, %error, "a member could not leave; its lease will end");
                }
            };
            join_all(entries.into_iter().map(leave)).await;
        }
    }

    fn last_words(&mut self, end: End) -> Option<CloseFrame> {
        match end {
            End::Close(reason, detail, retry_after) => {
                if reason == CloseReason::SlowConsumer {
                    self.engine.counters.slow.fetch_add(1, Ordering::Relaxed);
                }
                tracing::debug!(reason = reason.name(), peer = %self.peer, "session closed");
                let retry_after = retry_after.or_else(|| self.advised_delay(reason));
                self.tell(Event::Ending {
                    reason,
                    detail,
                    retry_after,
                });
                Some(self.dialect.close(reason))
            }
            End::Protocol(frames, close) => {
                self.sending.extend(frames.into_iter().map(Outgoing::Own));
                Some(close)
            }
            End::Violation(close) => Some(close),
            // The client's close is answered with its own code by the link.
            End::Closed => Some(CloseFrame {
                code: 1000,
                reason: String::new(),
            }),
            End::Lost => None,
        }
    }

    /// When to come back: of a drained node each client gets its own delay, so that they do not all come
    /// at once.
    fn advised_delay(&self, reason: CloseReason) -> Option<Duration> {
        match reason {
            CloseReason::Drain => Some(Duration::from_millis(self.engine.random.u64() % 1_000)),
            other => other.retry_after(),
        }
    }

    async fn say(&mut self, close: &CloseFrame) {
        let Some(link) = &mut self.link else { return };
        let sending = &mut self.sending;
        if poll_fn(|cx| link.poll_send(cx, sending)).await.is_ok() {
            poll_fn(|cx| link.poll_close(cx, close)).await;
        }
    }
}
