//! What Pusher's own limits are. The app's limits hold beside them; whichever is smaller refuses.

/// The longest channel name, in characters. The hosted service documents 164, its SDKs allow 200.
pub(crate) const CHANNEL_NAME: usize = 200;

/// The longest name of a client event, `client-` included, in characters.
pub(crate) const EVENT_NAME: usize = 200;

/// The most data of one event, in bytes of UTF-8, before any escaping.
pub(crate) const DATA_BYTES: usize = 10_240;

/// Channels that one HTTP call may name for an event.
pub(crate) const CHANNELS_PER_EVENT: usize = 100;

/// Events in one HTTP batch.
pub(crate) const BATCH_EVENTS: usize = 10;

/// The largest HTTP body. Ten events of the largest data, each byte escaped as `\u00XX`, and room beside.
pub(crate) const BODY_BYTES: usize = 2 * 1024 * 1024;

/// How far the time of a signed request may be from ours, in seconds.
pub(crate) const REQUEST_AGE_SECS: u64 = 600;

/// The most channels that one `GET /channels` lists.
pub(crate) const LISTED_CHANNELS: usize = 100_000;

/// The sentence of the hosted service for data above [`DATA_BYTES`].
pub(crate) const DATA_TOO_LONG: &str = "The data content of this event exceeds the allowed maximum (10240 bytes). \
     Send a reference to the data instead, or split it over several events.";
