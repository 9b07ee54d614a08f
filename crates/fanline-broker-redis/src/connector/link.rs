//! One connection to one server, opened when it is first wanted and anew after it broke.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use parking_lot::Mutex;
use redis::{Cmd, Pipeline, PushKind, RedisResult, Value};

use super::{Connection, Connector};
use crate::topology::Address;

/// The way to one server. It never repeats a command: only its caller knows what that would mean.
pub(crate) struct Link {
    connector: Connector,
    address: Address,
    /// The connection, open or on its way: whoever comes meanwhile waits for the same one.
    opening: Mutex<Option<Opening>>,
}

type Opening = Shared<BoxFuture<'static, RedisResult<Live>>>;

/// An open connection.
#[derive(Clone)]
pub(crate) struct Live {
    connection: Connection,
    /// Set by the connection's own task, so that nothing is sent into one that is known to have ended.
    ended: Arc<AtomicBool>,
}

// === impl Link ===

impl Link {
    pub(crate) fn new(connector: Connector, address: Address) -> Self {
        Self {
            connector,
            address,
            opening: Mutex::new(None),
        }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The connection. An error means that nothing was sent; the next call tries anew.
    pub(crate) async fn open(&self) -> RedisResult<Live> {
        self.opening().await
    }

    /// Sends one command. An error means that the outcome is unknown; the connection is then given up,
    /// because whatever it still answers comes too late. What the server refuses is an answer:
    /// [`Value::ServerError`].
    pub(crate) async fn ask(&self, live: &Live, command: &Cmd) -> RedisResult<Value> {
        let mut connection = live.connection()?;
        let answer = connection.send_packed_command(command);
        answer.await.inspect_err(|_| self.give_up(live))
    }

    /// Sends commands in one piece, nothing of others between them: as [`Link::ask`], one answer each.
    pub(crate) async fn ask_all(
        &self,
        live: &Live,
        commands: &Pipeline,
    ) -> RedisResult<Vec<Value>> {
        let mut connection = live.connection()?;
        let answers = connection.send_packed_commands(commands, 0, commands.len());
        answers.await.inspect_err(|_| self.give_up(live))
    }

    /// Drops this connection, unless there is a newer one already.
    pub(crate) fn give_up(&self, live: &Live) {
        live.ended.store(true, Ordering::Relaxed);
        let mut slot = self.opening.lock();
        let current = slot.as_ref().and_then(Shared::peek);
        if current.is_some_and(|result| result.as_ref().is_ok_and(|open| open.is(live))) {
            *slot = None;
        }
    }

    fn opening(&self) -> Opening {
        let mut slot = self.opening.lock();
        if let Some(opening) = slot.as_ref()
            && opening.peek().is_none_or(usable)
        {
            return opening.clone();
        }
        let opening = open(self.connector.clone(), self.address.clone());
        slot.insert(opening.boxed().shared()).clone()
    }
}

fn usable(result: &RedisResult<Live>) -> bool {
    result.as_ref().is_ok_and(|live| !live.has_ended())
}

async fn open(connector: Connector, address: Address) -> RedisResult<Live> {
    let ended = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&ended);
    let hear_end = Box::new(move |push: redis::PushInfo| {
        if push.kind == PushKind::Disconnection {
            seen.store(true, Ordering::Relaxed);
        }
        Ok(())
    });
    let connection = connector.open_with_pushes(&address, hear_end).await?;
    Ok(Live { connection, ended })
}

// === impl Live ===

impl Live {
    /// Whoever waited while others found it silent must not wait for it too.
    fn connection(&self) -> RedisResult<Connection> {
        if self.has_ended() {
            return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
        }
        Ok(self.connection.clone())
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ended, &other.ended)
    }
}
