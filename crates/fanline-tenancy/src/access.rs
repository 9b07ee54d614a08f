//! The one wall: may this caller do this, here?
//!
//! Every protocol, transport and API asks [`decide`]; access belongs to the channel's rule, never to the
//! asking protocol.

use fanline_model::Channel;

use crate::app::AppSnapshot;
use crate::authority::{Authority, Capability, Rights, Scope};
use crate::rule::Access;

/// What a caller wants of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Receive messages live, with the replay buffer.
    Subscribe,
    /// Publish, logged.
    Publish,
    /// Publish ephemerally, as clients do among themselves.
    PublishEphemeral,
    /// Read the log by HTTP.
    History,
    /// Enter as a member and see the others.
    Presence,
    /// Ask whether the channel is occupied, and how much.
    Inspect,
}

/// Why the wall stood. The sentence names the rule and what would open it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The app serves nobody now.
    #[error("the app is disabled")]
    AppDisabled,
    /// The channel's rule asks for a token and the caller is anonymous.
    #[error(
        "channel {channel:?} needs a credential: the rule for prefix {prefix:?} has access=token; connect with a token that allows {needed:?} on it, or open the prefix"
    )]
    TokenNeeded {
        /// The channel.
        channel: String,
        /// The prefix of its rule.
        prefix: String,
        /// The missing capability.
        needed: &'static str,
    },
    /// The credential does not reach so far.
    #[error("the credential does not allow {needed:?} on channel {channel:?}")]
    NotCovered {
        /// The channel.
        channel: String,
        /// The missing capability or scope.
        needed: &'static str,
    },
    /// The channel of a user, and the caller is not that user.
    #[error("only user {user:?} may read this channel, with a token whose subject is that id")]
    OtherUser {
        /// The user.
        user: String,
    },
}

/// Whether `authority` may do `action` on `channel` of `app`.
///
/// `signed` says that this connection holds a valid signature for exactly this channel (a Pusher private
/// channel): a proof of subscribe, presence and ephemeral publishing there, and of nothing else.
pub fn decide(
    app: &AppSnapshot,
    authority: &Authority,
    action: Action,
    channel: &Channel,
    signed: bool,
) -> Result<(), Denied> {
    if !app.is_serving() || app.id != authority.app {
        return Err(Denied::AppDisabled);
    }
    if let (Channel::User(user), Action::Subscribe) = (channel, action) {
        let same = authority.subject.as_ref() == Some(user);
        return if same {
            Ok(())
        } else {
            Err(Denied::OtherUser {
                user: user.to_string(),
            })
        };
    }
    let by_signature = matches!(
        action,
        Action::Subscribe | Action::Presence | Action::PublishEphemeral
    );
    if signed && by_signature {
        return Ok(());
    }
    let rule = app.rules.of(channel);
    // A name of `private-` or `presence-` is never open, whatever rows exist (TENANCY 5).
    let open = rule.access == Access::Open && !channel.is_never_open();
    if open && action == Action::Subscribe {
        return Ok(());
    }
    let not_covered = |needed| {
        Err(Denied::NotCovered {
            channel: channel.to_string(),
            needed,
        })
    };
    match &authority.rights {
        Rights::Anonymous if open => not_covered(action.capability().as_str()),
        Rights::Anonymous => Err(Denied::TokenNeeded {
            channel: channel.to_string(),
            prefix: rule.prefix.clone(),
            needed: action.capability().as_str(),
        }),
        Rights::Token(capabilities) => {
            let needed = action.capability();
            if capabilities.allow(needed, channel) {
                Ok(())
            } else {
                not_covered(needed.as_str())
            }
        }
        Rights::ApiKey(scopes) => {
            let needed = action.scope();
            if scopes.allow(needed, channel) {
                Ok(())
            } else {
                not_covered(needed.as_str())
            }
        }
        Rights::Pusher => match action {
            Action::Publish | Action::Inspect | Action::Presence => Ok(()),
            _ => not_covered(action.capability().as_str()),
        },
    }
}

// === impl Action ===

impl Action {
    /// What a token must carry for it. Looking at a channel goes with subscribing to it.
    const fn capability(self) -> Capability {
        match self {
            Self::Subscribe | Self::Inspect => Capability::Subscribe,
            Self::Publish | Self::PublishEphemeral => Capability::Publish,
            Self::History => Capability::History,
            Self::Presence => Capability::Presence,
        }
    }

    /// What an API key must carry for it.
    const fn scope(self) -> Scope {
        match self {
            Self::Subscribe => Scope::Subscribe,
            Self::Publish | Self::PublishEphemeral => Scope::Publish,
            Self::History => Scope::History,
            Self::Presence => Scope::Presence,
            Self::Inspect => Scope::Channels,
        }
    }
}
