//! The registry of endings: every way a connection closes and every error a caller can meet.
//!
//! Numbers, names and sentences are public and stand here once; the documentation and the client's
//! table are made from them. Close numbers lie in bands that answer "may the client come back?".

use std::time::Duration;

/// Whether, and how, a client may come back after its connection was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comeback {
    /// 4000–4099: not unchanged. Something about the request must be different first.
    Changed,
    /// 4100–4199: after at least a second, with growing delays.
    Later,
    /// 4200–4299: at once, with its positions.
    Now,
}

macro_rules! close_reasons {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $name:literal, $sentence:literal;)*) => {
        /// Why a connection was closed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum CloseReason { $($(#[$doc])* $variant,)* }

        impl CloseReason {
            /// Every reason, in order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The WebSocket close code.
            pub const fn code(self) -> u16 {
                match self { $(Self::$variant => $code,)* }
            }

            /// The stable name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// One sentence for the person at the other end.
            pub const fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)* }
            }
        }
    };
}

close_reasons! {
    /// The app admits no plain connection.
    TlsRequired = 4000, "tls_required", "This app is served over TLS only; connect with wss.";
    /// No app has this key.
    UnknownApp = 4001, "unknown_app", "No app has this key; check the app key you connect with.";
    /// The app or its tenant is switched off.
    AppDisabled = 4003, "app_disabled", "This app is disabled; ask its operator.";
    /// The app has as many connections as it may.
    ConnectionLimit = 4004, "connection_limit", "The app has as many connections as its plan allows.";
    /// The credential does not verify.
    Unauthorized = 4010, "unauthorized", "The credential was refused; obtain a new token.";
    /// The token's time is over.
    TokenExpired = 4011, "token_expired", "The token has expired; connect again with a new one.";
    /// The page's origin is not on the app's list.
    OriginNotAllowed = 4012, "origin_not_allowed", "The app does not admit pages of this origin.";
    /// No first frame in time.
    ConnectTimeout = 4013, "connect_timeout", "No connect frame came within 10 seconds.";
    /// A frame or message above its limit.
    FrameTooLarge = 4014, "frame_too_large", "The frame is larger than the limit that connected names.";
    /// The first frame is not what the protocol asks for.
    InvalidConnect = 4015, "invalid_connect", "The first frame must be a valid connect frame.";
    /// The credential was taken back.
    Revoked = 4016, "revoked", "The credential was revoked; obtain a new one.";
    /// An operator or the backend ended it.
    Terminated = 4017, "terminated", "The connection was ended by the app.";
    /// Too many frames that make no sense.
    TooManyErrors = 4018, "too_many_errors", "Too many invalid frames were sent.";
    /// The node is full.
    OverCapacity = 4100, "over_capacity", "The server is at its capacity; come back later.";
    /// What is needed to decide cannot be reached now.
    Unavailable = 4101, "unavailable", "The server cannot check the credential now; come back later.";
    /// The app or address opens connections too fast.
    ConnectRate = 4102, "connect_rate", "Connections are opened too fast; come back later.";
    /// The node is being stopped or drained.
    Drain = 4200, "drain", "The server is restarting; reconnect with your positions.";
    /// The client fell silent.
    HeartbeatMissed = 4201, "heartbeat_missed", "No sign of life came in time; reconnect with your positions.";
    /// The client reads slower than messages come.
    SlowConsumer = 4202, "slow_consumer", "Messages came faster than they were read; reconnect with your positions.";
    /// A fault of ours.
    Internal = 4203, "internal", "The server met a fault of its own; reconnect with your positions.";
    /// Continuity was lost in a protocol that cannot say so.
    ContinuityLost = 4204, "continuity_lost", "Messages may be missing; reconnect and load the present state.";
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $variant:ident = $status:literal, $name:literal, $title:literal, $retry:literal;)*) => {
        /// What went wrong with one request or frame.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[$doc])* $variant,)* }

        impl ErrorCode {
            /// Every code, in order of its status.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status,)* }
            }

            /// The stable name, the same over HTTP and sockets.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// A short sentence; the detail beside it says what to do in the case at hand.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// Whether the same request may succeed later, unchanged.
            pub const fn retryable(self) -> bool {
                match self { $(Self::$variant => $retry,)* }
            }
        }
    };
}

error_codes! {
    /// Not JSON, or not of the right shape.
    InvalidRequest = 400, "invalid_request", "The request is not well formed.", false;
    /// The channel name is none.
    InvalidChannel = 400, "invalid_channel", "The channel name is not valid.", false;
    /// The position or cursor is none.
    InvalidPosition = 400, "invalid_position", "The position is not one that a server gave.", false;
    /// An event name of the system, or none.
    InvalidName = 400, "invalid_name", "The event name is not valid.", false;
    /// The payload is not of its kind.
    InvalidData = 400, "invalid_data", "The data is not of the stated kind.", false;
    /// More items than allowed.
    TooMany = 400, "too_many", "There are more items than the limit allows.", false;
    /// Not subscribed to the channel.
    NotSubscribed = 400, "not_subscribed", "The connection is not subscribed to this channel.", false;
    /// No credential, or one that does not verify.
    Unauthorized = 401, "unauthorized", "The credential is missing or was refused.", false;
    /// The token's time is over.
    TokenExpired = 401, "token_expired", "The token has expired.", false;
    /// The credential does not reach so far.
    Forbidden = 403, "forbidden", "The credential does not allow this.", false;
    /// The app is switched off.
    AppDisabled = 403, "app_disabled", "The app is disabled.", false;
    /// Nothing there, or not yours.
    NotFound = 404, "not_found", "There is nothing here by that name.", false;
    /// The method does not exist for this path.
    MethodNotAllowed = 405, "method_not_allowed", "This path does not take that method.", false;
    /// The request took too long to arrive.
    RequestTimeout = 408, "request_timeout", "The request did not arrive in time.", true;
    /// A conditional publish whose condition does not hold.
    Conflict = 409, "conflict", "The present state contradicts the request.", false;
    /// Above a size limit.
    TooLarge = 413, "too_large", "The request or the message is too large.", false;
    /// The body is not of a media type that is understood.
    UnsupportedMediaType = 415, "unsupported_media_type", "The body's media type is not understood.", false;
    /// The same idempotency key with another body.
    IdempotencyMismatch = 422, "idempotency_mismatch", "The idempotency key was used with another body.", false;
    /// Too many requests.
    RateLimited = 429, "rate_limited", "Requests come too fast.", true;
    /// As many channels, members or records as the app may have.
    LimitReached = 429, "limit_reached", "A limit of the app is reached.", true;
    /// A fault of ours.
    Internal = 500, "internal", "The server met a fault of its own.", true;
    /// Not built, or not in this role.
    NotSupported = 501, "not_supported", "This server does not do that.", false;
    /// Something needed is away.
    Unavailable = 503, "unavailable", "The server cannot do that now.", true;
    /// The broker has no memory left to keep messages in.
    StorageFull = 503, "storage_full", "The server has no room to keep more messages now.", true;
    /// A publish whose outcome is not known.
    OutcomeUnknown = 503, "outcome_unknown", "It is not known whether the message was published; retry with its id.", true;
}

// === impl CloseReason ===

impl CloseReason {
    /// Whether the client may come back, read from the band of the number.
    pub const fn comeback(self) -> Comeback {
        match self.code() {
            4000..=4099 => Comeback::Changed,
            4100..=4199 => Comeback::Later,
            _ => Comeback::Now,
        }
    }

    /// The least time to wait before coming back.
    pub const fn retry_after(self) -> Option<Duration> {
        match self.comeback() {
            Comeback::Changed => None,
            Comeback::Later => Some(Duration::from_secs(1)),
            Comeback::Now => Some(Duration::ZERO),
        }
    }
}

impl ErrorCode {
    /// The problem type of RFC 9457 and the anchor in the error catalogue.
    pub fn problem_type(self) -> String {
        format!("urn:fanline:problem:{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        let codes: HashSet<_> = CloseReason::ALL
            .iter()
            .map(|reason| reason.code())
            .collect();
        let names: HashSet<_> = CloseReason::ALL
            .iter()
            .map(|reason| reason.name())
            .collect();
        assert_eq!(
            (codes.len(), names.len()),
            (CloseReason::ALL.len(), CloseReason::ALL.len())
        );
        let errors: HashSet<_> = ErrorCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(errors.len(), ErrorCode::ALL.len());
    }

    #[test]
    fn the_registry_is_ordered_and_its_bands_hold() {
        assert!(CloseReason::ALL.is_sorted_by_key(|reason| reason.code()));
        assert!(ErrorCode::ALL.is_sorted_by_key(|code| code.status()));
        assert_eq!(CloseReason::TokenExpired.comeback(), Comeback::Changed);
        assert_eq!(CloseReason::OverCapacity.comeback(), Comeback::Later);
        assert_eq!(CloseReason::Drain.comeback(), Comeback::Now);
    }
}
