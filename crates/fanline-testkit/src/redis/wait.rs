//! Waiting for what another process does: look, and look again, until a deadline.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::Instant;

/// Long enough for two elections on a busy machine; only a test that fails waits so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Tries until it succeeds. At the deadline the last failure says what was still wrong.
pub(super) async fn until<T, F>(what: &str, attempt: impl Fn() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        let result = attempt().await;
        if result.is_ok() || Instant::now() >= deadline {
            return result.with_context(|| format!("not within {PATIENCE:?}: {what}"));
        }
        tokio::time::sleep(PAUSE).await;
    }
}
