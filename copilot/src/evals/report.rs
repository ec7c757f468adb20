//! The report of a suite.

use std::fmt::Write as _;
use std::path::Path;

use super::check::Unmet;
use super::outcome::Outcome;
use crate::error::{Error, ErrorKind, Result};

/// The results of a [`Suite`](super::Suite).
///
/// Its `Display` is the table and the runs that did not pass, without colours.
#[derive(Clone, Debug)]
#[must_use = "runs that did not pass are reported by `assert_passed`"]
pub struct Report {
    pub(super) suite: String,
    pub(super) variants: Vec<String>,
    pub(super) cases: Vec<CaseReport>,
}

/// The runs of a case with a variant.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CaseReport {
    /// The name of the case.
    pub case: String,
    /// The name of the variant; empty in a suite without variants.
    pub variant: String,
    /// The number of runs that must pass.
    pub needed: u32,
    /// The runs, in order.
    pub runs: Vec<RunReport>,
}

/// One run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RunReport {
    /// The number of the run, from 1.
    pub number: u32,
    /// The result.
    pub result: RunResult,
    /// The observations; of a run that ended with an error, those until then.
    pub outcome: Outcome,
}

/// The result of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunResult {
    /// The run met all expectations.
    Passed,
    /// The run did not meet these expectations.
    Failed(Vec<Unmet>),
    /// The run did not end: a time limit, a closed connection, or an error of a judge.
    Error(String),
}

impl CaseReport {
    /// Returns whether enough runs passed.
    pub fn has_passed(&self) -> bool {
        self.passed_runs() >= self.needed as usize
    }

    /// Returns the number of runs that passed.
    pub fn passed_runs(&self) -> usize {
        self.runs.iter().filter(|run| run.result == RunResult::Passed).count()
    }

    /// Returns the number of runs that ended with an error.
    pub fn errors(&self) -> usize {
        self.runs.iter().filter(|run| matches!(run.result, RunResult::Error(_))).count()
    }

    /// Returns the average of tokens sent and received, over the runs that ended.
    pub fn tokens(&self) -> u64 {
        let sum: u128 = self.ended().map(|run| u128::from(run.outcome.tokens())).sum();
        let average = sum.checked_div(self.ended().count() as u128).unwrap_or(0);
        u64::try_from(average).unwrap_or(u64::MAX)
    }

    /// Returns the average cost in premium requests, over the runs that ended.
    pub fn cost(&self) -> f64 {
        let number = self.ended().count();
        if number == 0 {
            return 0.0;
        }
        self.ended().map(|run| run.outcome.usage.cost).sum::<f64>() / number as f64
    }

    fn ended(&self) -> impl Iterator<Item = &RunReport> {
        self.runs.iter().filter(|run| !matches!(run.result, RunResult::Error(_)))
    }
}

impl Report {
    /// Returns the name of the suite.
    pub fn suite(&self) -> &str {
        &self.suite
    }

    /// Returns the cases, each with each variant.
    pub fn cases(&self) -> &[CaseReport] {
        &self.cases
    }

    /// Returns whether enough runs of each case passed.
    pub fn has_passed(&self) -> bool {
        self.cases.iter().all(CaseReport::has_passed)
    }
}

impl CaseReport {
    /// The name of the case with its variant.
    pub(super) fn title(&self) -> String {
        if self.variant.is_empty() { self.case.clone() } else { format!("{} ({})", self.case, self.variant) }
    }

    /// Writes a run that did not pass.
    pub(super) fn write_run(&self, run: &RunReport, text: &mut String) {
        let reasons: Vec<String> = match &run.result {
            RunResult::Passed => return,
            RunResult::Failed(unmet) => unmet.iter().map(ToString::to_string).collect(),
            RunResult::Error(error) if run.outcome.calls.is_empty() => vec![format!("error: {error}")],
            RunResult::Error(error) => vec![format!("error: {error}"), run.outcome.shown_calls()],
        };
        let number = format!("{} of {}", run.number, self.runs.len());
        writeln!(text, "{}, run {number}:", self.title()).expect("writing to a string cannot fail");
        for reason in reasons {
            writeln!(text, "  - {}", reason.replace('\n', "\n    "))
                .expect("writing to a string cannot fail");
        }
    }
}

/// Writes a file, with the missing directories of its path.
pub(super) fn write_file(path: &Path, text: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Configuration, format!("cannot write {}: {error}", path.display()))
    };
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory).map_err(failed)?;
    }
    std::fs::write(path, text).map_err(failed)
}
