//! The report as JUnit XML.

use std::path::Path;
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::report::{CaseReport, Report, write_file};
use crate::error::{Error, ErrorKind, Result};

impl Report {
    /// Returns the report as JUnit XML: a test case for each case, in a test suite for each variant. A case that did not
    /// pass because of errors is an error, any other a failure.
    ///
    /// # Errors
    ///
    /// Returns an error if a text cannot be written as XML.
    pub fn junit(&self) -> Result<String> {
        of(self)
    }

    /// Writes the report as JUnit XML, with the missing directories of the path.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be written.
    pub fn write_junit(&self, path: impl AsRef<Path>) -> Result<()> {
        write_file(path.as_ref(), &self.junit()?)
    }
}

/// Returns the XML of a report.
fn of(report: &Report) -> Result<String> {
    let mut document = Document::new(&report.suite);
    for variant in &report.variants {
        let name =
            if variant.is_empty() { report.suite.clone() } else { format!("{}: {variant}", report.suite) };
        let mut suite = TestSuite::new(&name);
        let cases: Vec<&CaseReport> = report.cases.iter().filter(|case| case.variant == *variant).collect();
        for case in &cases {
            suite.add_test_case(test_case(&name, case));
        }
        suite.set_time(cases.iter().map(|case| time(case)).sum());
        document.add_test_suite(suite);
    }
    document.to_string().map_err(|error| {
        Error::new(ErrorKind::InvalidInput, format!("the report cannot be written as XML: {error}"))
    })
}

fn test_case(suite: &str, case: &CaseReport) -> TestCase {
    let mut status = if case.has_passed() {
        TestCaseStatus::success()
    } else {
        let kind = if case.errors() > 0 { NonSuccessKind::Error } else { NonSuccessKind::Failure };
        TestCaseStatus::non_success(kind)
    };
    let mut text = String::new();
    for run in &case.runs {
        case.write_run(run, &mut text);
    }
    if !case.has_passed() {
        let runs = case.runs.len();
        let message = format!("{} of {runs} runs passed, {} must", case.passed_runs(), case.needed);
        status.set_type("evals").set_message(message).set_description(text.clone());
    }
    let mut test_case = TestCase::new(&case.case, status);
    test_case.set_classname(suite).set_time(time(case));
    // The reasons of runs that may fail.
    if case.has_passed() && !text.is_empty() {
        test_case.set_system_out(text);
    }
    test_case
}

fn time(case: &CaseReport) -> Duration {
    case.runs.iter().map(|run| run.outcome.elapsed).sum()
}
