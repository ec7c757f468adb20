//! The report of invalid arguments. It lists all mistakes, so that the model can correct them in one step.

use std::fmt::{self, Write as _};

use crate::tools::arguments::node::Step;
use crate::tools::output::result::ToolResult;

/// A mistake in the arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The path of the value; empty for the arguments object.
    pub(crate) path: Vec<Step>,
    pub(crate) kind: ProblemKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// A required value is missing.
    Missing { expected: String, description: String },
    /// The schema has no property of this name.
    UnknownName { suggestion: Option<String>, known: Vec<String>, pattern: Option<String> },
    /// The name of an entry violates a rule.
    InvalidName { reason: String },
    /// The value has the wrong type or violates a rule.
    Invalid { expected: String, got: String },
    /// The error of the type's `Deserialize` implementation.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = place(&self.path);
        match &self.kind {
            ProblemKind::Missing { expected, description } if description.is_empty() => {
                write!(f, "{path} is missing: expected {expected}")
            }
            ProblemKind::Missing { expected, description } => {
                write!(f, "{path} is missing: expected {expected}. {description}")
            }
            ProblemKind::UnknownName { suggestion: Some(suggestion), .. } => {
                write!(f, "{path} is not known; did you mean `{suggestion}`?")
            }
            ProblemKind::UnknownName { suggestion: None, pattern: Some(pattern), .. } => {
                write!(f, "{path} is not a known name; expected a name that matches `{pattern}`")
            }
            ProblemKind::UnknownName { suggestion: None, known, .. } if known.is_empty() => {
                write!(f, "{path} is not known; nothing is expected here")
            }
            ProblemKind::UnknownName { suggestion: None, known, .. } => {
                write!(f, "{path} is not known; known are `{}`", known.join("`, `"))
            }
            ProblemKind::InvalidName { reason } => write!(f, "the name of {path}: {reason}"),
            ProblemKind::Invalid { expected, got } => write!(f, "{path}: expected {expected}, got {got}"),
            ProblemKind::Other(message) => write!(f, "{path}: {message}"),
        }
    }
}

/// The place of a mistake in the arguments object itself.
pub(crate) const ROOT: &str = "the arguments";

/// Writes a path in backticks, or the words for the arguments object.
fn place(steps: &[Step]) -> String {
    if steps.is_empty() { ROOT.to_owned() } else { format!("`{}`", path(steps)) }
}

/// Writes a path such as `stops[2].city`.
pub(crate) fn path(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Name(name) if path.is_empty() => path.push_str(name),
            Step::Name(name) => write!(path, ".{name}").expect("writing to a string cannot fail"),
            Step::Index(index) => write!(path, "[{index}]").expect("writing to a string cannot fail"),
        }
    }
    if path.is_empty() { ROOT.to_owned() } else { path }
}

/// Returns whether a result is the report of invalid arguments.
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) fn reports_invalid_arguments(tool: &str, result: &ToolResult) -> bool {
    !result.is_success() && result.text().starts_with(&opening(tool))
}

fn opening(tool: &str) -> String {
    format!("The arguments of `{tool}` do not fit. Nothing was done; correct them and call again:")
}

/// Returns the result of a call whose arguments are invalid.
pub(crate) fn invalid_arguments(tool: &str, problems: &[Problem]) -> ToolResult {
    /// The maximum number of problems in the text.
    const SHOWN: usize = 20;
    let mut text = opening(tool);
    for problem in problems.iter().take(SHOWN) {
        write!(text, "\n- {problem}").expect("writing to a string cannot fail");
    }
    if problems.len() > SHOWN {
        write!(text, "\n- and {} more", problems.len() - SHOWN).expect("writing to a string cannot fail");
    }
    ToolResult::failure(text)
}
