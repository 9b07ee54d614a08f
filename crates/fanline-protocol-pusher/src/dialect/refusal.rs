//! How a refusal is said, so that the application notices and its author can find the cause.

use fanline_model::{Channel, ErrorCode};
use fanline_protocol::{Frame, Refusal, Tag};

use super::client_event;
use crate::event::channel_text;
use crate::frames;
use crate::json::clip;
use crate::mark::Mark;

/// A name longer than this is no channel of anybody, and is not worth sending back.
const ECHOED_NAME: usize = 1_000;

/// A subscription that was refused.
pub(super) struct SubscriptionRefusal<'a> {
    pub(super) channel: &'a str,
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

/// Says what the engine refused.
pub(super) fn say(
    key: &str,
    refusal: &Refusal,
    channel: Option<&Channel>,
    tag: &Tag,
    frames: &mut Vec<Frame>,
) {
    let channel = channel.map(channel_text);
    match (Mark::of(tag), channel) {
        (Some(Mark::ClientEvent), channel) => {
            frames.push(client_event::refused(
                refusal,
                channel.as_deref().unwrap_or_default(),
            ));
        }
        (Some(mark), Some(channel)) => {
            let message = match mark {
                Mark::Signed { auth, text } if refusal.code == ErrorCode::Unauthorized => {
                    unverified(key, auth, text, &refusal.detail)
                }
                _ => refusal.detail.clone(),
            };
            let refusal = SubscriptionRefusal {
                channel: &channel,
                code: refusal.code,
                message,
            };
            frames.extend(refusal.frames());
        }
        (_, Some(channel)) => frames.push(frames::channel_error(&refusal.detail, &channel)),
        (_, None) => frames.push(frames::error(None, &refusal.detail)),
    }
}

/// The sentences of the hosted service: people search for them.
fn unverified(key: &str, auth: &str, text: &str, detail: &str) -> String {
    match auth.split_once(':') {
        Some((named, _)) if named != key => {
            format!(
                "Invalid key in subscription auth data: '{}' ({detail})",
                clip(named)
            )
        }
        signature => format!(
            "Invalid signature: Expected HMAC SHA256 hex digest of {}, but got {} ({detail})",
            clip(text),
            clip(signature.map_or(auth, |(_, signature)| signature)),
        ),
    }
}

// === impl SubscriptionRefusal ===

impl SubscriptionRefusal<'_> {
    /// `pusher:error`, as the hosted service says it, and a frame that reaches the channel's own bindings.
    pub(super) fn frames(&self) -> Vec<Frame> {
        if self.channel.len() > ECHOED_NAME {
            return vec![frames::error(None, &self.message)];
        }
        let status = self.code.status();
        vec![
            frames::channel_error(&self.message, self.channel),
            frames::subscription_error(self.channel, kind(self.code), &self.message, status),
        ]
    }
}

/// The `type` of a `pusher:subscription_error`; applications compare it with `AuthError`.
const fn kind(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Unauthorized
        | ErrorCode::TokenExpired
        | ErrorCode::Forbidden
        | ErrorCode::AppDisabled => "AuthError",
        ErrorCode::LimitReached | ErrorCode::RateLimited | ErrorCode::TooMany => "LimitReached",
        ErrorCode::NotSupported => "NotSupported",
        ErrorCode::InvalidChannel | ErrorCode::InvalidRequest => "InvalidRequest",
        _ => "ServerError",
    }
}
