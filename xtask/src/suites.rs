//! The test command: what runs, in which order, how long each may take, and the account at the end.

mod clients;
mod report;
mod rust;

use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{
    Outcome, autobahn, lab,
    repository::Repository,
    schemathesis, tidy,
    tools::{self, Missing, Tool},
    watchdog,
};
use report::{Report, Verdict};

/// What the command line asked for.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Suites by name; empty for all of them.
    pub(crate) only: Vec<String>,
    /// A suite that cannot run here is a failure.
    pub(crate) require: bool,
    /// The long ones too.
    pub(crate) all: bool,
    /// Stretches every budget, and the long waits within the tests.
    pub(crate) time_factor: f64,
}

/// What a suite may look at while it runs.
pub(crate) struct Context<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) options: &'a Options,
}

/// One line of the account.
struct Suite {
    name: &'static str,
    /// Past this it is ended and has failed. About three times what it takes on two cores.
    minutes: u32,
    tools: &'static [Tool],
    /// Installed for it where that is possible. It runs without them all the same, and those of its
    /// tests that need them fail and say so: the others must not be skipped for their sake.
    wishes: &'static [Tool],
    /// Suites without which it makes no sense; asked for with it.
    after: &'static [&'static str],
    run: fn(&Context<'_>) -> Result<Outcome>,
}

const INSTALL: &str = "install";

/// Cheap ones first, so that a slip is known early.
const SUITES: &[Suite] = &[
    Suite {
        name: "format",
        minutes: 2,
        tools: &[Tool::RustComponents],
        wishes: &[],
        after: &[],
        run: rust::format,
    },
    Suite {
        name: "tidy",
        minutes: 2,
        tools: &[],
        wishes: &[],
        after: &[],
        run: |context| tidy::run(context.repository),
    },
    Suite {
        name: "clippy",
        minutes: 15,
        tools: &[Tool::RustComponents],
        wishes: &[],
        after: &[],
        run: rust::clippy,
    },
    Suite {
        name: "rust",
        minutes: 30,
        tools: &[],
        wishes: &[Tool::Redis],
        after: &[],
        run: rust::test,
    },
    Suite {
        name: "build",
        minutes: 15,
        tools: &[],
        wishes: &[],
        after: &[],
        run: rust::build,
    },
    Suite {
        name: "e2e-redis",
        minutes: 10,
        tools: &[Tool::Redis],
        wishes: &[],
        after: &["build"],
        run: rust::e2e_on_redis,
    },
    Suite {
        name: "javascript",
        minutes: 5,
        tools: &[Tool::Curl, Tool::Node, Tool::NpmPackages],
        wishes: &[],
        after: &["build"],
        run: clients::javascript,
    },
    Suite {
        name: "python",
        minutes: 5,
        tools: &[Tool::Python, Tool::PythonPackages],
        wishes: &[],
        after: &["build"],
        run: clients::python,
    },
    Suite {
        name: "browser",
        minutes: 5,
        tools: &[Tool::Node, Tool::NpmPackages, Tool::Chromium],
        wishes: &[],
        after: &["build"],
        run: clients::browser,
    },
    Suite {
        name: "schemathesis",
        minutes: 10,
        tools: &[Tool::Python, Tool::PythonPackages],
        wishes: &[],
        after: &["build"],
        run: |context| schemathesis::run(context.repository),
    },
    Suite {
        name: "autobahn",
        minutes: 10,
        tools: &[],
        wishes: &[],
        after: &[],
        run: |context| autobahn::run(context.options.all, context.options.require),
    },
    Suite {
        name: "lab",
        minutes: 3,
        tools: &[Tool::Redis],
        wishes: &[],
        after: &["build"],
        run: |context| lab::suite(context.repository),
    },
];

/// The names that `--only` takes.
pub(crate) fn names() -> Vec<&'static str> {
    SUITES.iter().map(|suite| suite.name).collect()
}

/// Runs the suites, prints the account, and says whether all is well.
pub(crate) fn run(repository: &Repository, options: &Options) -> bool {
    let selected = select(&options.only);
    let context = Context {
        repository,
        options,
    };
    let mut report = Report::default();

    let wanted = tools_of(&selected);
    let mut missing = Missing::new();
    if !wanted.is_empty() {
        let budget = minutes(10, options);
        let verdict = timed(&mut report, INSTALL, budget, || {
            missing = tools::prepare(repository, &wanted)?;
            Ok(Outcome::Passed)
        });
        if verdict == Verdict::Failed {
            // Its own line says why; what needs the tools cannot run.
            missing = wanted
                .iter()
                .map(|tool| (*tool, "the installation failed".to_owned()))
                .collect();
        }
    }

    for suite in selected {
        let obstacle = suite
            .tools
            .iter()
            .find_map(|tool| missing.get(tool).cloned())
            .or_else(|| {
                let failed = suite.after.iter().find(|name| report.failed(name))?;
                Some(format!("{failed} failed"))
            });
        timed(
            &mut report,
            suite.name,
            minutes(suite.minutes, options),
            || match obstacle {
                Some(reason) => skipped(reason, options),
                None => match (suite.run)(&context)? {
                    Outcome::Skipped(reason) => skipped(reason, options),
                    Outcome::Passed => Ok(Outcome::Passed),
                },
            },
        );
    }

    report.print();
    report.is_good()
}

/// A skip, or under `--require` the failure that it is.
fn skipped(reason: String, options: &Options) -> Result<Outcome> {
    anyhow::ensure!(
        !options.require,
        "cannot run here, and --require was given: {reason}"
    );
    Ok(Outcome::Skipped(reason))
}

fn timed(
    report: &mut Report,
    name: &'static str,
    budget: Duration,
    work: impl FnOnce() -> Result<Outcome>,
) -> Verdict {
    println!("\n=== {name}");
    let started = Instant::now();
    let result = watchdog::within(budget, work);
    report.add(name, started.elapsed(), budget, result)
}

fn minutes(count: u32, options: &Options) -> Duration {
    Duration::from_secs(60)
        .saturating_mul(count)
        .mul_f64(options.time_factor)
}

/// In the table's order, with what each needs before it.
fn select(only: &[String]) -> Vec<&'static Suite> {
    let asked = |suite: &&Suite| only.is_empty() || only.iter().any(|name| name == suite.name);
    let needed: Vec<&str> = SUITES
        .iter()
        .filter(asked)
        .flat_map(|suite| suite.after)
        .copied()
        .collect();
    SUITES
        .iter()
        .filter(|suite| asked(suite) || needed.contains(&suite.name))
        .collect()
}

fn tools_of(suites: &[&Suite]) -> Vec<Tool> {
    let mut tools: Vec<Tool> = suites
        .iter()
        .flat_map(|suite| suite.tools.iter().chain(suite.wishes))
        .copied()
        .collect();
    tools.sort();
    tools.dedup();
    tools
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selected(only: &[&str]) -> Vec<&'static str> {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        select(&only).iter().map(|suite| suite.name).collect()
    }

    #[test]
    fn nothing_named_is_everything() {
        assert_eq!(selected(&[]), names());
    }

    #[test]
    fn what_a_named_suite_needs_comes_before_it() {
        assert_eq!(selected(&["python"]), ["build", "python"]);
        assert_eq!(selected(&["tidy"]), ["tidy"]);
    }

    #[test]
    fn what_a_suite_wishes_for_is_installed_with_what_it_needs() {
        let rust: Vec<_> = select(&["rust".to_owned()]);
        assert_eq!(tools_of(&rust), [Tool::Redis]);
    }

    #[test]
    fn each_need_is_a_suite_that_stands_earlier() {
        for (place, suite) in SUITES.iter().enumerate() {
            for need in suite.after {
                assert!(
                    SUITES[..place].iter().any(|earlier| earlier.name == *need),
                    "{} needs {need} before it",
                    suite.name
                );
            }
        }
    }

    #[test]
    fn a_skip_is_a_failure_when_all_is_required() {
        let mut options = Options {
            only: Vec::new(),
            require: false,
            all: false,
            time_factor: 1.0,
        };
        assert!(skipped("no Python 2.7".to_owned(), &options).is_ok());
        options.require = true;
        assert!(skipped("no Python 2.7".to_owned(), &options).is_err());
    }
}
