//! Signals on real Redis servers: the port's suite, what is let in, and what stands in the way of signals.

mod carrying;
mod refusals;
mod stage;

mod port {
    fanline_testkit::signals_contract!(crate::signals::stage::Harness);
}
