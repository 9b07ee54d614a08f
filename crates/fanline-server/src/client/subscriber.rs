//! A subscriber that comes back with its positions until it is told that it may not.

use std::{ops::ControlFlow, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use fanline_model::{Random, SystemRandom};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, header::SEC_WEBSOCKET_PROTOCOL};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_websockets::{ClientBuilder, Limits, MaybeTlsStream, Message, WebSocketStream};

use super::{Reading, Server, Verdict};

/// Where native connections open.
const PATH: &str = "/v1/connect";
/// What the server and we speak.
const SUBPROTOCOL: HeaderValue = HeaderValue::from_static("fanline.v1");
/// The largest frame that is taken.
const MAX_FRAME: usize = 16 * 1024 * 1024;
/// How long a connection may take to open.
const OPENING: Duration = Duration::from_secs(10);
/// What silence is borne beyond the server's heartbeat.
const GRACE: Duration = Duration::from_secs(10);
/// The heartbeat until the server has named its own.
const HEARTBEAT: Duration = Duration::from_secs(25);
/// The delays between two attempts: doubled from the first to the last, each with jitter.
const DELAYS: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Codes of endings after which the same connection would only be refused again.
const FINAL: std::ops::RangeInclusive<u16> = 4000..=4099;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What is told to whoever subscribed.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// A frame, and what it means.
    Frame(&'a Value, &'a Verdict),
    /// The connection ended and will be opened again.
    Away {
        /// Why.
        cause: &'a anyhow::Error,
        /// In how long.
        back_in: Duration,
    },
}

/// Subscribes until `hear` says that it is enough, or the server that it is no use to come back.
pub(crate) async fn subscribe(
    server: &Server,
    mut reading: Reading,
    hear: &mut impl FnMut(Heard<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> anyhow::Result<()> {
    let mut delay = DELAYS.0;
    let mut ever = false;
    loop {
        let mut established = false;
        let ended = session(server, &mut reading, &mut established, hear).await;
        ever |= established;
        let cause = match ended {
            Ok(()) => return Ok(()),
            Err(Ended::Final(error)) => return Err(error),
            // A server that was never there is more likely a wrong address than an outage.
            Err(Ended::Line(error)) if !ever => return Err(error),
            Err(Ended::Line(error)) => error,
        };
        if established {
            delay = DELAYS.0;
        }
        let back_in = jittered(delay, &SystemRandom);
        delay = (delay * 2).min(DELAYS.1);
        if hear(Heard::Away {
            cause: &cause,
            back_in,
        })?
        .is_break()
        {
            return Ok(());
        }
        tokio::time::sleep(back_in).await;
    }
}

enum Ended {
    /// The line broke: come back.
    Line(anyhow::Error),
    /// It would only be refused again, or the listener failed.
    Final(anyhow::Error),
}

impl From<anyhow::Error> for Ended {
    fn from(error: anyhow::Error) -> Self {
        Self::Final(error)
    }
}

/// One connection, to its end. `Ok` if `hear` has had enough.
async fn session(
    server: &Server,
    reading: &mut Reading,
    established: &mut bool,
    hear: &mut impl FnMut(Heard<'_>) -> anyhow::Result<ControlFlow<()>>,
) -> Result<(), Ended> {
    let mut socket = open(server).await.map_err(Ended::Line)?;
    let connect = reading.connect(server.api_key().expose());
    send(&mut socket, &connect).await?;
    let mut heartbeat = HEARTBEAT;
    loop {
        let message = timeout(heartbeat + GRACE, socket.next())
            .await
            .map_err(|_| Ended::Line(anyhow!("the server fell silent")))?;
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(Ended::Line(error.into())),
            None => return Err(Ended::Line(anyhow!("the server hung up"))),
        };
        if let Some((code, reason)) = message.as_close() {
            return Err(closed(code.into(), reason));
        }
        let Some(text) = message.as_text() else {
            continue;
        };
        let frame: Value = serde_json::from_str(text).context("the server sent no JSON")?;
        if frame["type"] == "connected" {
            *established = true;
            if let Some(millis) = frame["heartbeat_ms"].as_u64() {
                heartbeat = Duration::from_millis(millis);
            }
        }
        let verdict = reading.apply(&frame);
        if verdict == Verdict::Ping {
            send(&mut socket, &serde_json::json!({ "type": "pong" })).await?;
        }
        if hear(Heard::Frame(&frame, &verdict))?.is_break() {
            // A goodbye is courtesy; the server notices either way.
            socket.close().await.ok();
            return Ok(());
        }
    }
}

async fn open(server: &Server) -> anyhow::Result<Socket> {
    let url = server.socket_url(PATH);
    let builder = ClientBuilder::new()
        .uri(&url)?
        .add_header(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)?
        .limits(Limits::default().max_payload_len(Some(MAX_FRAME)));
    let opening = timeout(OPENING, builder.connect()).await;
    match opening {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(error)) => bail!(
            "no WebSocket opens at {url} ({error}); start a server with `fanline dev`, or name \
             another with --url"
        ),
        Err(_) => bail!(
            "no WebSocket opened at {url} within {} s",
            OPENING.as_secs()
        ),
    }
}

async fn send(socket: &mut Socket, frame: &Value) -> Result<(), Ended> {
    let message = Message::text(frame.to_string());
    let sent = socket.send(message).await;
    sent.map_err(|error| Ended::Line(error.into()))
}

fn closed(code: u16, reason: &str) -> Ended {
    let error = anyhow!("the server closed the connection: {code} {reason}");
    if FINAL.contains(&code) {
        Ended::Final(error)
    } else {
        Ended::Line(error)
    }
}

/// Between half of the delay and all of it, so that those who were cut together come back apart.
fn jittered(delay: Duration, random: &dyn Random) -> Duration {
    let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
    let half = millis / 2;
    Duration::from_millis(half + random.u64() % (millis - half + 1))
}

#[cfg(test)]
mod tests {
    use fanline_model::SeededRandom;

    use super::*;

    #[test]
    fn a_refusal_is_final_and_a_restart_is_not() {
        for (code, is_final) in [
            (4010, true),
            (4011, true),
            (4100, false),
            (4200, false),
            (1006, false),
        ] {
            assert_eq!(
                matches!(closed(code, ""), Ended::Final(_)),
                is_final,
                "{code}"
            );
        }
    }

    #[test]
    fn the_delay_is_spread_over_its_later_half() {
        let random = SeededRandom::new(1);
        for _ in 0..1_000 {
            let delay = jittered(Duration::from_millis(1000), &random);
            assert!((500..=1000).contains(&delay.as_millis()), "{delay:?}");
        }
    }
}
