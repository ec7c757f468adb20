//! The baseline of a suite: a file with the results of an earlier run, and the changes since then.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::io::ErrorKind::NotFound;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::report::{Report, write_file};
use super::table::grouped;
use crate::error::{Error, ErrorKind, Result};

/// Decides whether a baseline is written or compared with.
const VARIABLE: &str = "COPILOT_EVALS";

/// The relative change of tokens and cost that is reported. The answers of a model vary.
const NOTABLE: f64 = 0.1;

impl Report {
    /// Compares the report with a baseline file, which has the pass rate, the tokens and the cost of each case.
    ///
    /// The first call writes the file; later ones compare. The variable `COPILOT_EVALS` decides differently: `accept`
    /// overwrites the file, and `compare`, for a continuous integration, never writes it.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or written, or is not the baseline of this suite; with
    /// `COPILOT_EVALS=compare`, if there is no file; and if the variable has another value.
    pub fn compare(&self, path: impl AsRef<Path>) -> Result<Comparison> {
        let value = std::env::var_os(VARIABLE);
        compare(self, path.as_ref(), Mode::of(value.as_deref())?)
    }

    /// Overwrites a baseline file, which [`compare`](Self::compare) reads.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn write_baseline(&self, path: impl AsRef<Path>) -> Result<()> {
        write(self, path.as_ref())
    }
}

/// Whether a baseline is written or compared with.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    /// A baseline that does not exist is written.
    Auto,
    Compare,
    Accept,
}

impl Mode {
    fn of(value: Option<&OsStr>) -> Result<Self> {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Ok(Self::Auto) };
        match value.to_str() {
            Some("compare") => Ok(Self::Compare),
            Some("accept") => Ok(Self::Accept),
            _ => {
                let message = format!("{VARIABLE} is {value:?}, which is neither `compare` nor `accept`");
                Err(Error::new(ErrorKind::Configuration, message))
            }
        }
    }
}

/// The content of the file. Sorted, so that the changes of a commit are those of the results.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Baseline {
    suite: String,
    /// The results by case and variant.
    cases: BTreeMap<String, BTreeMap<String, Entry>>,
}

/// The results of a case with a variant.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct Entry {
    /// The number of runs that passed.
    pub passed: u64,
    /// The number of runs.
    pub runs: u64,
    /// The average of tokens sent and received.
    pub tokens: u64,
    /// The average cost in premium requests.
    pub cost: f64,
}

impl Entry {
    /// Returns the part of the runs that passed, from 0 to 1.
    pub fn pass_rate(&self) -> f64 {
        if self.runs == 0 { 0.0 } else { self.passed as f64 / self.runs as f64 }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} runs", self.passed, self.runs)
    }
}

/// The changes of a report against its baseline.
///
/// Its `Display` lists them, a line each.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The changes, in the order of cases and variants.
    pub changes: Vec<CaseChange>,
    /// Whether the baseline was written in place of a comparison.
    pub is_new: bool,
}

/// The change of a case with a variant.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CaseChange {
    /// The name of the case.
    pub case: String,
    /// The name of the variant; empty in a suite without variants.
    pub variant: String,
    /// The kind.
    pub kind: CaseChangeKind,
}

/// A kind of change, with the results before and after.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum CaseChangeKind {
    /// The baseline does not have the case.
    Added(Entry),
    /// The suite does not have the case.
    Removed(Entry),
    /// Another part of the runs passed.
    PassRate(Entry, Entry),
    /// The tokens changed by more than a tenth.
    Tokens(Entry, Entry),
    /// The cost changed by more than a tenth.
    Cost(Entry, Entry),
}

impl Comparison {
    /// Returns the cases of which a smaller part of the runs passed.
    pub fn regressions(&self) -> impl Iterator<Item = &CaseChange> {
        self.changes.iter().filter(|change| change.is_regression())
    }

    /// Checks that no case passes less often than in the baseline.
    ///
    /// # Panics
    ///
    /// Panics with the regressions.
    #[track_caller]
    pub fn assert_no_regressions(&self) {
        let lines: Vec<String> = self.regressions().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "cases pass less often than in the baseline:\n{}", lines.join("\n"));
    }
}

impl CaseChange {
    /// Returns whether a smaller part of the runs passed.
    pub fn is_regression(&self) -> bool {
        matches!(self.kind, CaseChangeKind::PassRate(was, is) if is.pass_rate() < was.pass_rate())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_new {
            return f.write_str("the baseline is written");
        }
        if self.changes.is_empty() {
            return f.write_str("no changes against the baseline");
        }
        for (index, change) in self.changes.iter().enumerate() {
            write!(f, "{}{change}", if index > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for CaseChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.case)?;
        if !self.variant.is_empty() {
            write!(f, " ({})", self.variant)?;
        }
        match self.kind {
            CaseChangeKind::Added(is) => write!(f, ": added, {is} passed"),
            CaseChangeKind::Removed(was) => write!(f, ": removed, {was} passed"),
            CaseChangeKind::PassRate(was, is) => {
                let word = if is.pass_rate() < was.pass_rate() { "worse" } else { "better" };
                write!(f, ": {word}, {was} passed and now {is}")
            }
            CaseChangeKind::Tokens(was, is) => {
                write!(f, ": {} tokens and now {}", grouped(was.tokens), grouped(is.tokens))
            }
            CaseChangeKind::Cost(was, is) => {
                write!(f, ": {:.2} premium requests and now {:.2}", was.cost, is.cost)
            }
        }
    }
}

impl Baseline {
    fn of(report: &Report) -> Self {
        let mut cases: BTreeMap<String, BTreeMap<String, Entry>> = BTreeMap::new();
        for case in &report.cases {
            let entry = Entry {
                passed: case.passed_runs() as u64,
                runs: case.runs.len() as u64,
                tokens: case.tokens(),
                // Sums of floating-point numbers differ in their last digits.
                cost: (case.cost() * 1e4).round() / 1e4,
            };
            cases.entry(case.case.clone()).or_default().insert(case.variant.clone(), entry);
        }
        Self { suite: report.suite.clone(), cases }
    }

    fn entries(&self) -> BTreeMap<(&str, &str), Entry> {
        let mut entries = BTreeMap::new();
        for (case, variants) in &self.cases {
            for (variant, entry) in variants {
                entries.insert((case.as_str(), variant.as_str()), *entry);
            }
        }
        entries
    }
}

/// Compares a report with the file, or writes the file.
fn compare(report: &Report, path: &Path, mode: Mode) -> Result<Comparison> {
    if mode == Mode::Accept || (mode == Mode::Auto && !path.exists()) {
        write(report, path)?;
        return Ok(Comparison { changes: Vec::new(), is_new: true });
    }
    let failed = |reason: String| {
        Error::new(
            ErrorKind::Configuration,
            format!("cannot compare with the baseline {}: {reason}", path.display()),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        let hint = match error.kind() {
            NotFound => "; run the suite without `COPILOT_EVALS` to write the file, and commit it",
            _ => "",
        };
        failed(format!("{error}{hint}"))
    })?;
    let was: Baseline = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    if was.suite != report.suite {
        return Err(failed(format!("it is that of the suite `{}`, not of `{}`", was.suite, report.suite)));
    }
    Ok(Comparison { changes: changes(&was, &Baseline::of(report)), is_new: false })
}

/// Writes the file.
fn write(report: &Report, path: &Path) -> Result<()> {
    let baseline = serde_json::to_string_pretty(&Baseline::of(report)).expect("a baseline is JSON");
    write_file(path, &format!("{baseline}\n"))
}

fn changes(was: &Baseline, is: &Baseline) -> Vec<CaseChange> {
    let (was, is) = (was.entries(), is.entries());
    let mut places: Vec<(&str, &str)> = was.keys().chain(is.keys()).copied().collect();
    places.sort_unstable();
    places.dedup();
    let mut changes = Vec::new();
    for place in places {
        let mut add = |kind| {
            changes.push(CaseChange { case: place.0.to_owned(), variant: place.1.to_owned(), kind });
        };
        match (was.get(&place), is.get(&place)) {
            (None, Some(is)) => add(CaseChangeKind::Added(*is)),
            (Some(was), None) => add(CaseChangeKind::Removed(*was)),
            (Some(was), Some(is)) => {
                if (was.pass_rate() - is.pass_rate()).abs() > f64::EPSILON {
                    add(CaseChangeKind::PassRate(*was, *is));
                }
                if is_notable(was.tokens as f64, is.tokens as f64) {
                    add(CaseChangeKind::Tokens(*was, *is));
                }
                if is_notable(was.cost, is.cost) {
                    add(CaseChangeKind::Cost(*was, *is));
                }
            }
            (None, None) => {}
        }
    }
    changes
}

fn is_notable(was: f64, is: f64) -> bool {
    (was - is).abs() > was.abs() * NOTABLE
}
