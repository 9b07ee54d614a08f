//! The reason to stop: Ctrl-C, or the SIGTERM of a supervisor.

use std::io;

use tokio_util::sync::CancellationToken;

/// A token that is cancelled by the first such signal. A second one ends the process at once, for
/// whoever does not want to wait for the drain.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that listens for signals, and that leaves by them"
)]
pub(crate) fn on_signal() -> io::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let token = stop.clone();
    let mut signals = Signals::new()?;
    tokio::spawn(async move {
        signals.next().await;
        tracing::info!("stopping; a second signal stops at once");
        token.cancel();
        signals.next().await;
        tracing::warn!("stopped at once: clients were cut, replay buffers are not saved");
        std::process::exit(1);
    });
    Ok(stop)
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    #[expect(clippy::disallowed_methods, reason = "see `on_signal`")]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    #[expect(clippy::disallowed_methods, reason = "see `on_signal`")]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}
