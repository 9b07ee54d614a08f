//! What one app, connection, frame or message may cost.

use std::time::Duration;

/// The limits of an app. Every count is inclusive: exactly so much is still allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The first frame, before anybody is authenticated, in bytes.
    pub first_frame_bytes: usize,
    /// How long a client may take for its first frame.
    pub first_frame_within: Duration,
    /// Any later frame or HTTP body of one message, in bytes.
    pub frame_bytes: usize,
    /// A message's payload, in bytes.
    pub message_bytes: usize,
    /// Subscriptions in one frame.
    pub subscriptions_per_frame: usize,
    /// Channels one connection follows at once.
    pub channels_per_connection: usize,
    /// Headers of one message.
    pub headers: usize,
    /// All headers of one message together, in bytes.
    pub header_bytes: usize,
    /// Messages in one batch, or channels of one body.
    pub batch_items: usize,
    /// An HTTP body with several messages, in bytes.
    pub batch_bytes: usize,
    /// What may wait for a slow socket, in bytes, before the slow-consumer policy acts.
    pub outbox_bytes: usize,
    /// Publishes by HTTP per second, with a burst of twice as many.
    pub publishes_per_second: u32,
    /// Ephemeral messages that one client connection may publish per second.
    pub client_events_per_second: u32,
    /// Connections of the app on one node.
    pub connections: usize,
    /// Connections that may open per second on one node, with a burst of ten times as many.
    pub connects_per_second: u32,
    /// Channels with a log that the app may have on one node's memory broker.
    pub channels: usize,
    /// All replay buffers of the app together, in bytes.
    pub replay_bytes: usize,
    /// How long a token may live.
    pub token_lifetime: Duration,
    /// Members of one presence channel.
    pub presence_members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_frame_bytes: 16 * 1024,
            first_frame_within: Duration::from_secs(10),
            frame_bytes: 256 * 1024,
            message_bytes: 64 * 1024,
            subscriptions_per_frame: 200,
            channels_per_connection: 1_000,
            headers: 16,
            header_bytes: 4 * 1024,
            batch_items: 10_000,
            batch_bytes: 4 * 1024 * 1024,
            outbox_bytes: 1024 * 1024,
            publishes_per_second: 20_000,
            client_events_per_second: 10,
            connections: 200_000,
            connects_per_second: 10_000,
            channels: 1_000_000,
            replay_bytes: 1024 * 1024 * 1024,
            token_lifetime: Duration::from_secs(7 * 24 * 3600),
            presence_members: 1_000,
        }
    }
}
