//! How each ending of the house is said in Pusher's codes, with the sentences of the hosted service.
//!
//! Pusher's bands say what ours say: 4000–4099 do not come back unchanged, 4100–4199 after a second,
//! 4200–4299 at once. An ending that Pusher has no code for takes the nearest one of its band.

use fanline_model::CloseReason;

/// Pusher's word for an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The close code, and the `code` of `pusher:error`.
    pub(crate) code: u16,
    /// The close reason, and the `message` of `pusher:error`. At most 123 bytes.
    pub(crate) text: &'static str,
}

/// Endings that this protocol finds by itself.
pub(crate) const PATH_NOT_FOUND: Ending = ending(4005, "Path not found");
pub(crate) const BAD_VERSION: Ending = ending(4006, "Invalid version string format");
pub(crate) const UNSUPPORTED_VERSION: Ending = ending(4007, "Unsupported protocol version");
pub(crate) const NO_VERSION: Ending = ending(4008, "No protocol version supplied");

/// The `code` of a `pusher:error` on a connection that stays open: too many client events.
pub(crate) const CLIENT_EVENT_RATE: u16 = 4301;

/// Pusher's word for an ending of the house.
pub(crate) const fn of(reason: CloseReason) -> Ending {
    match reason {
        CloseReason::TlsRequired => ending(
            4000,
            "Application only accepts SSL connections, reconnect using wss://",
        ),
        CloseReason::UnknownApp => ending(4001, "Application does not exist"),
        CloseReason::AppDisabled => ending(4003, "Application disabled"),
        CloseReason::ConnectionLimit => ending(4004, "Application is over connection quota"),
        CloseReason::Unauthorized | CloseReason::TokenExpired => {
            ending(4009, "Connection is unauthorized")
        }
        CloseReason::OriginNotAllowed => ending(
            4009,
            "Connection is unauthorized: the app does not admit pages of this origin",
        ),
        CloseReason::ConnectTimeout => ending(4009, "Connection not authorized within timeout"),
        CloseReason::InvalidConnect => {
            ending(4009, "Connection is unauthorized: the request is not valid")
        }
        CloseReason::Revoked => ending(
            4009,
            "Connection is unauthorized: its credential was revoked",
        ),
        CloseReason::Terminated => ending(4009, "You got disconnected by the app."),
        CloseReason::TooManyErrors => ending(4009, "Too many invalid frames were sent"),
        // RFC 6455, 7.4.1. Pusher has no code for it, and to stop a client for good would be too much.
        CloseReason::FrameTooLarge => ending(1009, "The frame is larger than the server allows"),
        CloseReason::OverCapacity => ending(4100, "Over capacity"),
        CloseReason::Unavailable => ending(4100, "Over capacity: the key cannot be checked now"),
        CloseReason::ConnectRate => ending(4100, "Over capacity: connections are opened too fast"),
        CloseReason::SlowConsumer => ending(4100, "Messages came faster than they were read"),
        CloseReason::Drain => ending(
            4200,
            "Generic reconnect immediately: the server is restarting",
        ),
        CloseReason::Internal => {
            ending(4200, "Generic reconnect immediately: a fault of the server")
        }
        CloseReason::ContinuityLost => ending(
            4200,
            "Generic reconnect immediately: messages may be missing, load the present state",
        ),
        CloseReason::HeartbeatMissed => ending(
            4201,
            "Pong reply not received: ping was sent to the client, but no reply was received",
        ),
    }
}

const fn ending(code: u16, text: &'static str) -> Ending {
    Ending { code, text }
}

#[cfg(test)]
mod tests {
    use fanline_model::Comeback;

    use super::*;

    #[test]
    fn an_ending_keeps_its_band_so_that_clients_come_back_as_they_should() {
        for reason in CloseReason::ALL {
            let code = of(*reason).code;
            let band = match reason.comeback() {
                Comeback::Changed => 4000..=4099,
                Comeback::Later => 4100..=4199,
                Comeback::Now => 4200..=4299,
            };
            let exception = match reason {
                // A client that reads slowly gains nothing by coming back at once without a position.
                CloseReason::SlowConsumer => code == 4100,
                CloseReason::FrameTooLarge => code == 1009,
                _ => false,
            };
            assert!(band.contains(&code) || exception, "{reason:?} is {code}");
        }
    }

    #[test]
    fn a_close_frame_has_room_for_every_sentence() {
        for reason in CloseReason::ALL {
            assert!(of(*reason).text.len() <= 123, "{reason:?}");
        }
    }
}
