//! One client's connection and the one to the server that belongs to it.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::frames::Frames;
use super::{Shared, State};

const CHUNK: usize = 64 * 1_024;

/// Takes connections until it is aborted.
pub(super) async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut lines = JoinSet::new();
    loop {
        while lines.try_join_next().is_some() {}
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        // An end is told by both ends closing.
        lines.spawn(serve(client, Arc::clone(&shared)));
    }
}

async fn serve(client: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let mut gate = Gate::new(&shared);
    gate.open().await;
    let target = gate.state.borrow().target.clone();
    // Of this very target, be it replaced a moment later.
    gate.generation = gate.state.borrow().generation;
    let server = TcpStream::connect(target).await?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = carry_up(from_client, to_server, gate.clone()) => ended,
        ended = carry_down(from_server, to_client, gate, &shared) => ended,
    }
}

/// From the client to the server, as it comes.
async fn carry_up(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: Gate,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        gate.open().await;
        let count = tokio::select! {
            count = from.read(&mut chunk) => count?,
            () = gate.moved() => continue,
        };
        gate.open().await;
        let read = chunk.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Ok(());
        }
        to.write_all(read).await?;
    }
}

/// From the server to the client, frame by frame, without the messages that are doomed.
async fn carry_down(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut gate: Gate,
    shared: &Shared,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut frames = Frames::default();
    loop {
        gate.open().await;
        let count = tokio::select! {
            count = from.read(&mut chunk) => count?,
            () = gate.moved() => continue,
        };
        gate.open().await;
        let read = chunk.get(..count).unwrap_or_default();
        if read.is_empty() {
            return Ok(());
        }
        frames.add(read);
        let mut passing = Vec::with_capacity(count);
        while let Some(frame) = frames.next()? {
            if !frame.is_message() || shared.may_pass() {
                passing.extend_from_slice(frame.bytes());
            }
        }
        to.write_all(&passing).await?;
    }
}

/// Where a connection waits while nothing may be carried.
#[derive(Clone)]
struct Gate {
    state: watch::Receiver<State>,
    generation: u64,
}

impl Gate {
    fn new(shared: &Shared) -> Self {
        let state = shared.state.subscribe();
        let generation = state.borrow().generation;
        Self { state, generation }
    }

    /// Waits until this connection may carry; for ever, if its server was replaced.
    async fn open(&mut self) {
        let generation = self.generation;
        let may_carry = |state: &State| !state.held && state.generation == generation;
        let is_gone = self.state.wait_for(may_carry).await.is_err();
        if is_gone {
            std::future::pending::<()>().await;
        }
    }

    /// Waits until something is different.
    async fn moved(&mut self) {
        if self.state.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
