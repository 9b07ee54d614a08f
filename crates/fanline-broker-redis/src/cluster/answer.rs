//! What a server's answer means for the call: only an answer proves that nothing was executed.

use redis::{ServerError, Value};

use super::PARTED;
use crate::topology::Address;

/// What a server answered.
#[derive(Debug, PartialEq)]
pub(super) enum Answer {
    Done(Value),
    /// The slot is elsewhere.
    Moved(Address),
    /// This key, already or still, is elsewhere; the slot is not.
    Ask(Address),
    /// Not now.
    NotYet,
    /// Not now: the slot is moving, and the keys of the call are on both sides.
    Parted,
    /// This server is a replica now.
    ReadOnly,
    /// The library is not loaded here.
    NoFunction,
    /// It will not, or the function has refused.
    Refused {
        code: String,
        detail: String,
    },
}

/// Reads the answer of the server that was asked.
pub(super) fn read(answer: Value, asked: &Address) -> Answer {
    match answer {
        Value::ServerError(error) => read_error(&error, asked),
        value => Answer::Done(value),
    }
}

fn read_error(error: &ServerError, asked: &Address) -> Answer {
    let detail = error.details().unwrap_or_default();
    let elsewhere = || {
        let place = detail.split(' ').nth(1)?;
        Address::told_by(asked, place)
    };
    match error.code() {
        "MOVED" => elsewhere().map_or(Answer::NotYet, Answer::Moved),
        "ASK" => elsewhere().map_or(Answer::NotYet, Answer::Ask),
        "READONLY" => Answer::ReadOnly,
        PARTED => Answer::Parted,
        "CLUSTERDOWN" | "LOADING" | "MASTERDOWN" | "NOREPLICAS" | "BUSY" => Answer::NotYet,
        "ERR" if detail == "Function not found" => Answer::NoFunction,
        code => Answer::Refused {
            code: code.to_owned(),
            detail: detail.to_owned(),
        },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn answer(line: &str) -> Answer {
        let value = redis::parse_redis_value(format!("-{line}\r\n").as_bytes()).unwrap();
        read(value, &Address::parse("10.0.0.1:7001").unwrap())
    }

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn a_redirection_names_the_server_to_go_to() {
        let moved = Answer::Moved(address("10.0.0.2:7002"));
        assert_eq!(answer("MOVED 3999 10.0.0.2:7002"), moved);
        let ask = Answer::Ask(address("[2001:db8::1]:7002"));
        assert_eq!(answer("ASK 3999 2001:db8::1:7002"), ask);
    }

    #[test]
    fn a_redirection_without_a_host_stays_on_the_host_that_was_asked() {
        assert_eq!(
            answer("MOVED 1 :7002"),
            Answer::Moved(address("10.0.0.1:7002"))
        );
    }

    #[test]
    fn keys_on_both_sides_of_a_moving_slot_are_told_from_what_is_away() {
        let line = "TRYAGAIN Multiple keys request during rehashing of slot";
        assert_eq!(answer(line), Answer::Parted);
    }

    #[test]
    fn what_says_that_nothing_was_executed_is_worth_another_attempt() {
        for line in [
            "CLUSTERDOWN The cluster is down",
            "LOADING Redis is loading the dataset in memory",
            "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
            "NOREPLICAS Not enough good replicas to write.",
            "BUSY Redis is busy running a script.",
            "MOVED nonsense",
        ] {
            assert_eq!(answer(line), Answer::NotYet, "{line}");
        }
        assert_eq!(
            answer("READONLY You can't write against a read only replica."),
            Answer::ReadOnly
        );
        assert_eq!(answer("ERR Function not found"), Answer::NoFunction);
    }

    #[test]
    fn every_other_error_is_a_refusal_with_its_code_word() {
        let refused = |code: &str, detail: &str| Answer::Refused {
            code: code.to_owned(),
            detail: detail.to_owned(),
        };
        assert_eq!(answer("FLMISMATCH m-1"), refused("FLMISMATCH", "m-1"));
        assert_eq!(
            answer("OOM command not allowed"),
            refused("OOM", "command not allowed")
        );
        assert_eq!(
            answer("ERR unknown command"),
            refused("ERR", "unknown command")
        );
    }
}
