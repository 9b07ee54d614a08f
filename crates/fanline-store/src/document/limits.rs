//! The limits that an operator may set for an app.

use std::time::Duration;

use fanline_model::Limits;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::whole::whole_or_null;
use crate::error::StoreError;

macro_rules! limits {
    ($($(#[$doc:meta])* $field:ident: $min:tt ..= $max:tt;)*) => {
        /// Limits of an app. As settings: those that differ from the defaults; what is left out has its default.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(deny_unknown_fields)]
        pub struct LimitsDocument {
            $(
                $(#[$doc])*
                #[schema(minimum = $min, maximum = $max)]
                #[serde(default, deserialize_with = "whole_or_null", skip_serializing_if = "Option::is_none")]
                pub $field: Option<u64>,
            )*
        }

        impl LimitsDocument {
            /// Refuses what is out of range, by name.
            fn check_ranges(&self) -> Result<(), StoreError> {
                $(
                    let (least, most): (u64, u64) = ($min, $max);
                    if let Some(value) = self.$field && !(least..=most).contains(&value) {
                        return Err(StoreError::Invalid(format!(
                            "limits.{} must lie between {least} and {most}, not {value}",
                            stringify!($field),
                        )));
                    }
                )*
                Ok(())
            }
        }
    };
}

limits! {
    /// A message's payload, in bytes.
    message_bytes: 1..=16_777_216;
    /// A frame or HTTP body of one message, in bytes; at least `message_bytes`.
    frame_bytes: 1_024..=67_108_864;
    /// Subscriptions in one frame.
    subscriptions_per_frame: 1..=10_000;
    /// Channels one connection follows at once.
    channels_per_connection: 1..=100_000;
    /// Messages in one batch, or channels of one body.
    batch_items: 1..=10_000;
    /// An HTTP body with several messages, in bytes.
    batch_bytes: 1_024..=67_108_864;
    /// What may wait for a slow socket, in bytes, before the slow-consumer policy acts.
    outbox_bytes: 65_536..=67_108_864;
    /// Publishes by HTTP per second, with a burst of twice as many.
    publishes_per_second: 1..=1_000_000;
    /// Ephemeral messages that one client connection may publish per second.
    client_events_per_second: 0..=10_000;
    /// Connections of the app on one node.
    connections: 0..=10_000_000;
    /// Connections that may open per second on one node.
    connects_per_second: 1..=1_000_000;
    /// Channels with a log.
    channels: 0..=100_000_000;
    /// All replay buffers of the app together, in bytes.
    replay_bytes: 0..=1_099_511_627_776_u64;
    /// How long a token may live.
    token_lifetime_seconds: 60..=31_536_000;
    /// Members of one presence channel.
    presence_members: 1..=100_000;
}

// === impl LimitsDocument ===

impl LimitsDocument {
    /// Every limit as it is in force.
    pub fn of(limits: &Limits) -> Self {
        Self {
            message_bytes: Some(limits.message_bytes as u64),
            frame_bytes: Some(limits.frame_bytes as u64),
            subscriptions_per_frame: Some(limits.subscriptions_per_frame as u64),
            channels_per_connection: Some(limits.channels_per_connection as u64),
            batch_items: Some(limits.batch_items as u64),
            batch_bytes: Some(limits.batch_bytes as u64),
            outbox_bytes: Some(limits.outbox_bytes as u64),
            publishes_per_second: Some(limits.publishes_per_second.into()),
            client_events_per_second: Some(limits.client_events_per_second.into()),
            connections: Some(limits.connections as u64),
            connects_per_second: Some(limits.connects_per_second.into()),
            channels: Some(limits.channels as u64),
            replay_bytes: Some(limits.replay_bytes as u64),
            token_lifetime_seconds: Some(limits.token_lifetime.as_secs()),
            presence_members: Some(limits.presence_members as u64),
        }
    }

    /// The limits in force: the defaults, and these over them.
    pub fn over_defaults(&self) -> Limits {
        let mut limits = Limits::default();
        let count = |value: Option<u64>, slot: &mut usize| {
            if let Some(value) = value {
                *slot = usize::try_from(value).unwrap_or(usize::MAX);
            }
        };
        let rate = |value: Option<u64>, slot: &mut u32| {
            if let Some(value) = value {
                *slot = u32::try_from(value).unwrap_or(u32::MAX);
            }
        };
        count(self.message_bytes, &mut limits.message_bytes);
        count(self.frame_bytes, &mut limits.frame_bytes);
        count(
            self.subscriptions_per_frame,
            &mut limits.subscriptions_per_frame,
        );
        count(
            self.channels_per_connection,
            &mut limits.channels_per_connection,
        );
        count(self.batch_items, &mut limits.batch_items);
        count(self.batch_bytes, &mut limits.batch_bytes);
        count(self.outbox_bytes, &mut limits.outbox_bytes);
        rate(self.publishes_per_second, &mut limits.publishes_per_second);
        rate(
            self.client_events_per_second,
            &mut limits.client_events_per_second,
        );
        count(self.connections, &mut limits.connections);
        rate(self.connects_per_second, &mut limits.connects_per_second);
        count(self.channels, &mut limits.channels);
        count(self.replay_bytes, &mut limits.replay_bytes);
        count(self.presence_members, &mut limits.presence_members);
        if let Some(seconds) = self.token_lifetime_seconds {
            limits.token_lifetime = Duration::from_secs(seconds);
        }
        limits
    }

    /// Whether every value is in range, and they fit together.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.check_ranges()?;
        let limits = self.over_defaults();
        if limits.frame_bytes < limits.message_bytes {
            return Err(StoreError::Conflict(format!(
                "a message of {} bytes would fit into no frame of {}; raise frame_bytes or lower message_bytes",
                limits.message_bytes, limits.frame_bytes
            )));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_left_out_has_its_default_and_every_limit_reads_back() {
        assert_eq!(LimitsDocument::default().over_defaults(), Limits::default());
        let every = LimitsDocument::of(&Limits::default());
        let json = serde_json::to_value(&every).unwrap();
        // One more for each, so that a field that is forgotten or swapped shows.
        let mut raised = json.as_object().unwrap().clone();
        for (at, value) in raised.values_mut().enumerate() {
            *value = (value.as_u64().unwrap() + 1 + at as u64).into();
        }
        let raised: LimitsDocument = serde_json::from_value(raised.into()).unwrap();
        assert_eq!(LimitsDocument::of(&raised.over_defaults()), raised);
        assert_eq!(
            serde_json::to_string(&LimitsDocument::default()).unwrap(),
            "{}"
        );
    }

    #[test]
    fn a_value_out_of_range_is_refused_by_name() {
        let too_small = LimitsDocument {
            outbox_bytes: Some(1),
            ..LimitsDocument::default()
        };
        assert_eq!(
            too_small.check().unwrap_err().to_string(),
            "limits.outbox_bytes must lie between 65536 and 67108864, not 1"
        );
        let unfit = LimitsDocument {
            message_bytes: Some(1_000_000),
            ..LimitsDocument::default()
        };
        assert!(matches!(unfit.check(), Err(StoreError::Conflict(_))));
        assert!(LimitsDocument::of(&Limits::default()).check().is_ok());
    }
}
