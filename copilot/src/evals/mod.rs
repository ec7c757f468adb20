//! Evaluations of an agent: cases with prompts and expectations, run several times, with a report.
//!
//! A [`Suite`] has [cases](Case), and perhaps [variants](Suite::variant) of the session that they run in: two models, two
//! system messages, or two descriptions of one tool. [`expect`] has the expectations. [`Suite::run`] returns a [`Report`],
//! with a table for the terminal, JUnit XML for a continuous integration, and a comparison with a baseline file. The
//! variable `COPILOT_EVALS` controls that comparison: `accept` overwrites the file, and with `compare` a missing file is an
//! error.
//!
//! The [guide](crate::docs::evals) shows a suite.

mod baseline;
mod case;
#[cfg(feature = "cassette")]
mod cassettes;
mod check;
pub mod expect;
mod judge;
mod junit;
mod outcome;
mod report;
mod running;
mod suite;
mod table;

pub use baseline::{CaseChange, CaseChangeKind, Comparison, Entry};
pub use case::Case;
pub use outcome::{Call, Outcome, Run};
pub use report::{CaseReport, Report, RunReport, RunResult};
pub use suite::Suite;
