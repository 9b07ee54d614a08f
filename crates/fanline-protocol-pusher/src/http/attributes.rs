//! `info`: what a caller wants to know of a channel, and the answer.

use fanline_model::Channel;
use fanline_protocol::ChannelInfo;
use serde::Serialize;

use super::Failure;
use crate::json::{clip, quoted};
use crate::name::Family;

/// The asked attributes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) user_count: bool,
    pub(super) subscription_count: bool,
    pub(super) cache: bool,
}

/// The answered ones: what was not asked, or does not apply, is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct Attributes {
    /// Distinct members, of presence channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_count: Option<u64>,
    /// Subscribed connections, of all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    subscription_count: Option<u64>,
}

// === impl Wanted ===

impl Wanted {
    /// Reads the list, names between commas.
    pub(super) fn parse(info: Option<&str>) -> Result<Self, Failure> {
        let mut wanted = Self::default();
        for name in info
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
        {
            match name {
                "user_count" => wanted.user_count = true,
                "subscription_count" => wanted.subscription_count = true,
                "cache" => wanted.cache = true,
                other => {
                    let problem = "there are user_count, subscription_count and cache";
                    return Err(Failure::bad_request(format!(
                        "Unknown attribute {} in info: {problem}",
                        quoted(clip(other))
                    )));
                }
            }
        }
        Ok(wanted)
    }

    /// The list of a publish call. A cache is not among what it may ask for.
    pub(super) fn of_publish(info: Option<&str>) -> Result<Self, Failure> {
        let wanted = Self::parse(info)?;
        if wanted.cache {
            return Err(Failure::bad_request(
                "info of an event may ask for user_count and subscription_count",
            ));
        }
        Ok(wanted)
    }

    /// What applies to the channel.
    pub(super) fn answer(self, info: &ChannelInfo) -> Attributes {
        let presence = is_presence(&info.channel);
        Attributes {
            user_count: (self.user_count && presence).then_some(info.members),
            subscription_count: (self.subscription_count && !presence).then_some(info.connections),
        }
    }
}

fn is_presence(channel: &Channel) -> bool {
    channel
        .name()
        .is_some_and(|name| Family::of(name.as_str()).is_presence())
}
