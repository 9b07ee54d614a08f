//! The suites that hold every implementation of a port to the port's comments.
//!
//! A suite is plain async functions, one fact each, over a small harness that the implementation brings.
//! A macro beside it ([`broker_contract!`](crate::broker_contract) and its sisters) turns them into tests
//! of the implementing crate:
//!
//! ```text
//! fanline_testkit::broker_contract!(memory::start);
//! ```
//!
//! Facts that need a fault to happen are a suite of their own, so that an implementation which cannot be
//! told to fail leaves out a suite, visibly, and no test ever passes by doing nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failing fact is a panic"
)]

pub mod broker;
pub mod ear;
pub mod nodes;
pub mod presence;
pub mod signals;

/// Turns facts into tests: `harness` is called for each.
#[doc(hidden)]
#[macro_export]
macro_rules! contract_tests {
    ($start:expr; $($suite:ident :: $area:ident [ $($fact:ident)* ])*) => { $(
        mod $area {
            #[allow(unused_imports, reason = "the expression may name what stands beside the call")]
            use super::*;

            $(
                #[tokio::test]
                async fn $fact() {
                    $crate::contract::$suite::$area::$fact(&$start).await;
                }
            )*
        }
    )* };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// A fact that no macro lists would never run.
    #[test]
    fn every_fact_is_listed_once() {
        let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/contract");
        for suite in ["broker", "nodes", "presence", "signals"] {
            let list = fs::read_to_string(suites.join(format!("{suite}.rs"))).unwrap();
            let listed = list
                .lines()
                .map(str::trim)
                .filter(|line| is_fact(line))
                .map(str::to_owned);
            let mut seen = BTreeSet::new();
            for fact in listed {
                assert!(seen.insert(fact.clone()), "{suite}.rs lists {fact} twice");
            }
            let mut written = BTreeSet::new();
            for file in fs::read_dir(suites.join(suite)).unwrap() {
                let text = fs::read_to_string(file.unwrap().path()).unwrap();
                let facts = text
                    .lines()
                    .filter_map(|line| line.strip_prefix("pub async fn "));
                written.extend(facts.filter_map(|fact| Some(fact.split_once('(')?.0.to_owned())));
            }
            assert_eq!(seen, written, "list the facts of {suite} in its macro");
        }
    }

    fn is_fact(line: &str) -> bool {
        line.contains('_')
            && line
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    }
}
