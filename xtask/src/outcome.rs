//! What running one suite came to.

/// The end of a suite that did not fail; a failure is an error instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything that was asked ran and held.
    Passed,
    /// Nothing ran, for this reason, which says how to make it run. Counted in the summary, and a
    /// failure under `--require`.
    Skipped(String),
}
