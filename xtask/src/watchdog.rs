//! A suite that hangs is ended, with everything that it started, when its budget is used up.

use std::{
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::Duration,
};

use anyhow::Result;

use crate::process;

/// How long a process has between being asked to end and being ended.
const GRACE: Duration = Duration::from_secs(5);

/// Runs `work`; past the budget, ends all processes below this one and reports that instead.
pub(crate) fn within<T>(budget: Duration, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let end = |signal: &str| process::signal(signal, &process::descendants());
    guard(budget, end, work)
}

fn guard<T>(
    budget: Duration,
    end: impl Fn(&str) + Send,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let (done, waiting) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let watchdog = scope.spawn(move || {
            let expired = waiting.recv_timeout(budget) == Err(RecvTimeoutError::Timeout);
            if expired {
                end("TERM");
                waiting.recv_timeout(GRACE).ok();
                end("KILL");
            }
            expired
        });
        let result = work();
        drop(done);
        match watchdog.join() {
            Ok(true) => Err(anyhow::anyhow!(
                "exceeded its budget of {:.1} minutes and was ended; on a slow machine give \
                 --time-factor",
                budget.as_secs_f64() / 60.0
            )),
            _ => result,
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
    use super::*;

    #[test]
    fn work_within_its_budget_keeps_its_result_and_nothing_is_ended() {
        let end = |signal: &str| panic!("sent {signal}");
        assert_eq!(guard(Duration::MAX, end, || Ok(7)).unwrap(), 7);
        let error = guard(Duration::MAX, end, || anyhow::bail!("broken") as Result<()>);
        assert_eq!(error.unwrap_err().to_string(), "broken");
    }

    #[test]
    fn work_beyond_its_budget_is_ended_and_fails_whatever_it_answers() {
        let (sent, signals) = mpsc::channel();
        let end = move |signal: &str| sent.send(signal.to_owned()).unwrap();
        let hang = || {
            assert_eq!(signals.recv().unwrap(), "TERM");
            Ok(())
        };
        let error = guard(Duration::from_millis(1), end, hang).unwrap_err();
        assert!(error.to_string().contains("budget"), "{error}");
        assert_eq!(signals.recv().unwrap(), "KILL");
    }
}
