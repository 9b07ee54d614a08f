//! Many commands and one `WAIT`, as one pipeline, and what its answers mean for each command.

use redis::{Pipeline, ServerError, Value};
use tokio::sync::oneshot;

use super::queue::Item;
use super::{Demand, Verdict};

/// Who waits for the answer of a command that was sent.
pub(super) struct Caller {
    verdict: oneshot::Sender<Verdict>,
    /// Whether the answer to `ASKING` comes first.
    asking: bool,
}

/// The pipeline, and who waits for its answers, in order.
pub(super) fn pack(batch: Vec<Item>, demand: Demand) -> (Pipeline, Vec<Caller>) {
    let mut pipeline = Pipeline::with_capacity(batch.len() + 1);
    let mut callers = Vec::with_capacity(batch.len());
    for item in batch {
        if item.asking {
            pipeline.cmd("ASKING");
        }
        pipeline.add_command(item.command);
        callers.push(Caller {
            verdict: item.verdict,
            asking: item.asking,
        });
    }
    let milliseconds = u64::try_from(demand.within.as_millis()).unwrap_or(u64::MAX);
    // A time-out of 0 would be none at all.
    let timeout = milliseconds.max(1);
    pipeline.cmd("WAIT").arg(demand.replicas).arg(timeout);
    (pipeline, callers)
}

/// Gives everybody the answer to their own command: what the server refused of one is no other's business.
/// Answers how many replicas acknowledged.
pub(super) fn deliver(
    callers: Vec<Caller>,
    mut answers: Vec<Value>,
    demand: Demand,
) -> Result<usize, ServerError> {
    let acknowledged = match answers.pop() {
        Some(Value::Int(replicas)) => Ok(usize::try_from(replicas).unwrap_or_default()),
        Some(Value::ServerError(error)) => Err(error),
        _ => Ok(0),
    };
    let replicated = matches!(acknowledged, Ok(replicas) if replicas >= demand.replicas);
    let mut answers = answers.into_iter();
    for caller in callers {
        if caller.asking {
            answers.next();
        }
        let verdict = answers
            .next()
            .map_or(Verdict::Silent, |value| Verdict::Answered {
                value,
                replicated,
            });
        caller.hear(verdict);
    }
    acknowledged
}

/// Nobody heard an answer.
pub(super) fn silence(callers: Vec<Caller>) {
    for caller in callers {
        caller.hear(Verdict::Silent);
    }
}

// === impl Caller ===

impl Caller {
    fn hear(self, verdict: Verdict) {
        // Whoever gave up meanwhile has said that the outcome is unknown.
        let _ = self.verdict.send(verdict);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::time::Duration;

    use super::super::Doubt;
    use super::*;

    const TWO: Demand = Demand {
        replicas: 2,
        within: Duration::from_millis(250),
    };

    /// Three commands, the second of them after `ASKING`, and their verdicts for these answers.
    fn verdicts(answers: Vec<Value>) -> (Result<usize, ServerError>, Vec<Verdict>) {
        let doubt = Doubt::default();
        let (batch, heard): (Vec<_>, Vec<_>) = [false, true, false]
            .map(|asking| Item::new(redis::cmd("PING"), asking, doubt.clone()))
            .into_iter()
            .unzip();
        let (_, callers) = pack(batch, TWO);
        let acknowledged = deliver(callers, answers, TWO);
        let verdicts = heard.into_iter().map(|mut heard| heard.try_recv().unwrap());
        (acknowledged, verdicts.collect())
    }

    fn error(line: &str) -> Value {
        redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap()
    }

    fn answered(value: Value, replicated: bool) -> Verdict {
        Verdict::Answered { value, replicated }
    }

    #[test]
    fn a_batch_ends_with_one_wait_for_all_of_it() {
        let doubt = Doubt::default();
        let asking = Item::new(redis::cmd("PING"), true, doubt.clone()).0;
        let plain = Item::new(redis::cmd("PING"), false, doubt).0;
        let (pipeline, _) = pack(vec![asking, plain], TWO);
        let sent = String::from_utf8(pipeline.get_packed_pipeline()).unwrap();
        let words: Vec<_> = sent
            .lines()
            .filter(|line| !line.starts_with(['*', '$']))
            .collect();
        assert_eq!(words, ["ASKING", "PING", "PING", "WAIT", "2", "250"]);
    }

    #[test]
    fn an_error_of_one_command_is_heard_by_nobody_else() {
        let refusal = error("FLMISMATCH m-1");
        let answers = vec![
            Value::Int(1),
            Value::Okay,
            refusal.clone(),
            Value::Int(3),
            Value::Int(2),
        ];
        let (acknowledged, verdicts) = verdicts(answers);
        assert_eq!(acknowledged, Ok(2));
        let expected = [Value::Int(1), refusal, Value::Int(3)].map(|value| answered(value, true));
        assert_eq!(verdicts, expected);
    }

    #[test]
    fn fewer_replicas_than_asked_for_or_a_refused_wait_are_no_replication() {
        let with = |wait: Value| {
            let answers = vec![
                Value::Int(1),
                Value::Okay,
                Value::Int(2),
                Value::Int(3),
                wait,
            ];
            verdicts(answers)
        };
        let refused = error("ERR WAIT cannot be used with replica instances.");
        let unreplicated = [1, 2, 3].map(|value| answered(Value::Int(value), false));
        let (one, after_one) = with(Value::Int(1));
        assert_eq!(
            (one, after_one.as_slice()),
            (Ok(1), unreplicated.as_slice())
        );
        let (none, after_none) = with(refused);
        assert!(none.is_err());
        assert_eq!(after_none, unreplicated);
    }

    #[test]
    fn answers_that_are_missing_are_nobodys() {
        let (_, verdicts) = verdicts(vec![Value::Int(1), Value::Int(2)]);
        assert_eq!(verdicts[0], answered(Value::Int(1), true));
        assert_eq!(verdicts[1..], [Verdict::Silent, Verdict::Silent]);
    }
}
