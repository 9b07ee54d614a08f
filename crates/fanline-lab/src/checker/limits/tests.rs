use super::check;
use crate::checker::Verdicts;
use crate::checker::forge::{at, message, topic, verdict};
use crate::log::{ActorLog, Answer, Continuity, Event, Limit, Logs, Measure};

const SECOND: u64 = 1_000_000;
const FAULT: &str = "kill of something";

/// A fault from the tenth second to the twentieth, a limit of three seconds, and what an actor wrote meanwhile.
fn run(measure: Measure, actor: Vec<(u64, Event)>) -> Verdicts {
    let limit = Event::Limit(Limit {
        measure,
        during: "kill".to_owned(),
        at_most_ms: 3_000,
    });
    let what = FAULT.to_owned();
    let begins = Event::FaultBegins { what: what.clone() };
    let ends = Event::FaultEnds { what };
    let still = Event::StoodStill { millis: 700 };
    let stage = [
        (0, limit),
        (10 * SECOND, begins),
        (12 * SECOND, still),
        (20 * SECOND, ends),
    ];
    check(&Logs::forged(vec![
        ActorLog::forged_at("stage", stage),
        ActorLog::forged_at("actor", actor),
    ]))
}

fn passes(measure: Measure, actor: Vec<(u64, Event)>) {
    let verdicts = run(measure, actor);
    assert_eq!(verdicts.violations, []);
    assert!(verdicts.looked_at > 0);
}

fn fails(measure: Measure, actor: Vec<(u64, Event)>, text: &str) {
    let verdicts = run(measure, actor);
    let [violation] = verdicts.violations.as_slice() else {
        unreachable!("one violation is expected: {:?}", verdicts.violations)
    };
    assert!(violation.text.contains(text), "{violation}");
}

fn metrics(degraded: u64, subscribed: u64) -> Event {
    let values = [
        ("degraded", degraded),
        ("redis_channels_followed", 5),
        ("redis_channels_subscribed", subscribed),
    ];
    Event::Metrics {
        node: "alpha-1".to_owned(),
        values: values.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}

#[test]
fn a_server_notices_when_it_gives_a_subscription_up_or_is_degraded() {
    let noticed = |event, at| vec![(SECOND, metrics(0, 5)), (at, event)];
    passes(Measure::Notice, noticed(metrics(0, 3), 12 * SECOND));
    passes(Measure::Notice, noticed(metrics(1, 5), 12 * SECOND));
    fails(
        Measure::Notice,
        noticed(metrics(0, 3), 14 * SECOND),
        "4000 ms",
    );
    fails(
        Measure::Notice,
        noticed(metrics(0, 5), 12 * SECOND),
        "never",
    );
}

#[test]
fn a_moment_in_which_a_channel_is_subscribed_is_no_notice() {
    let moment = vec![
        (SECOND, metrics(0, 5)),
        (11 * SECOND, metrics(0, 4)),
        (11 * SECOND + 50_000, metrics(0, 5)),
    ];
    fails(Measure::Notice, moment, "never");
}

#[test]
fn an_answer_is_timed_from_its_attempt_and_the_machine_is_named() {
    let published = |after| {
        let attempt = Event::PublishAttempt {
            topic: topic(),
            message: message("m1"),
            node: "alpha-1".to_owned(),
            attempt: 1,
        };
        let code = "unavailable".to_owned();
        let answer = Event::PublishAnswer {
            topic: topic(),
            mark: "m1".to_owned(),
            answer: Answer::Refused { code },
        };
        vec![(11 * SECOND, attempt), (11 * SECOND + after, answer)]
    };
    passes(Measure::Answer, published(2 * SECOND));
    fails(
        Measure::Answer,
        published(4 * SECOND),
        "stood still for 700 ms",
    );
}

#[test]
fn a_message_arrives_in_time_where_the_line_stood() {
    let heard = |subscribed, at_| {
        let acked = Event::PublishAnswer {
            topic: topic(),
            mark: "m1".to_owned(),
            answer: Answer::Acked {
                id: "m1".to_owned(),
                position: at(("a", 1)),
                duplicate: false,
            },
        };
        let subscription = Event::Subscribed {
            topic: topic(),
            verdict: verdict(Continuity::Fresh, ("a", 0), ("a", 0)),
        };
        let came = Event::Message {
            topic: topic(),
            position: Some(at(("a", 1))),
            message: message("m1"),
        };
        let mut events = vec![
            (11 * SECOND, acked),
            (subscribed, subscription),
            (at_, came),
        ];
        events.sort_by_key(|(at, _)| *at);
        events
    };
    passes(Measure::Arrival, heard(SECOND, 12 * SECOND));
    fails(Measure::Arrival, heard(SECOND, 15 * SECOND), "4000 ms");
    // Whoever came later measures something else: and then there is nothing.
    fails(
        Measure::Arrival,
        heard(14 * SECOND, 15 * SECOND),
        "nothing was measured",
    );
}

#[test]
fn a_broken_line_is_timed_until_it_has_caught_up() {
    let away = |back: Option<u64>| {
        let subscription = Event::Subscribed {
            topic: topic(),
            verdict: verdict(Continuity::Fresh, ("a", 0), ("a", 0)),
        };
        let broken = Event::Disconnected {
            code: 1006,
            reason: "the line broke".to_owned(),
            by_us: false,
        };
        let back = back.map(|at| (at, Event::CaughtUp { topic: topic() }));
        let first = [(SECOND, subscription), (10 * SECOND, broken)];
        first.into_iter().chain(back).collect()
    };
    passes(Measure::Return, away(Some(12 * SECOND)));
    fails(Measure::Return, away(Some(14 * SECOND)), "4000 ms");
    fails(Measure::Return, away(None), "never ended");
}
