//! Keeps a connection to one primary, whatever happens to it.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep};

use super::Shared;
use super::backoff::Backoff;
use super::line::{Line, LineError};
use crate::connector::Connector;
use crate::topology::Primary;

/// A primary and the tries to stay connected with it.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    connector: Connector,
    primary: Arc<Primary>,
    backoff: Backoff,
    opened_before: bool,
    /// The present absence was reported: told when it begins, not with every try.
    reported: bool,
}

// === impl Keeper ===

impl Keeper {
    pub(super) fn new(shared: Arc<Shared>, connector: Connector, primary: Arc<Primary>) -> Self {
        Self {
            shared,
            connector,
            primary,
            backoff: Backoff::new(),
            opened_before: false,
            reported: false,
        }
    }

    /// Opens a connection, serves it, and begins anew when it is lost; the host's name is resolved each
    /// time. Ends only by being aborted, which closes the connection.
    pub(super) async fn keep(mut self) {
        loop {
            let Err(error) = self.serve().await;
            let address = &self.primary.address;
            if std::mem::replace(&mut self.reported, true) {
                tracing::debug!(%address, %error, "no subscriber connection yet");
            } else {
                tracing::warn!(%address, %error, "no subscriber connection; connecting again");
            }
            (self.shared.suspect)();
            sleep(self.backoff.wait()).await;
        }
    }

    /// One connection, from its opening to its end.
    async fn serve(&mut self) -> Result<Infallible, LineError> {
        let line = Line::new(&self.shared);
        let address = &self.primary.address;
        let connection = self.connector.open_with_pushes(address, line.handler());
        let connection = connection.await?;
        tracing::debug!(%address, "subscriber connection open");
        if std::mem::replace(&mut self.opened_before, true) {
            self.shared.reconnects.fetch_add(1, Ordering::Relaxed);
        }
        self.reported = false;
        let opened = Instant::now();
        let _standing = line.stand(&self.primary.id);
        let error = line.serve(connection).await;
        // One that is accepted and cut at once is not a success.
        if opened.elapsed() > Backoff::LONGEST {
            self.backoff.reset();
        }
        Err(error)
    }
}
