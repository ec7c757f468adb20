//! What is wrong with the arguments of a call, said so that the model corrects all of it in one step.

use std::fmt::{self, Write as _};

use super::result::ToolResult;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Where, as in `stops[2].city`; empty for the arguments object itself.
    pub(crate) path: String,
    pub(crate) kind: ProblemKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ProblemKind {
    /// A required value is not there.
    Missing { expected: String, description: String },
    /// A name that nobody knows.
    UnknownName { suggestion: Option<String>, known: Vec<String> },
    /// A value of the wrong type or out of bounds.
    Invalid { expected: String, got: String },
    /// What the type itself said.
    Other(String),
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path.is_empty() { "the arguments" } else { &self.path };
        match &self.kind {
            ProblemKind::Missing { expected, description } if description.is_empty() => {
                write!(f, "`{path}` is missing: expected {expected}")
            }
            ProblemKind::Missing { expected, description } => {
                write!(f, "`{path}` is missing: expected {expected}. {description}")
            }
            ProblemKind::UnknownName { suggestion: Some(suggestion), .. } => {
                write!(f, "`{path}` is not known; did you mean `{suggestion}`?")
            }
            ProblemKind::UnknownName { suggestion: None, known } if known.is_empty() => {
                write!(f, "`{path}` is not known; nothing is expected here")
            }
            ProblemKind::UnknownName { suggestion: None, known } => {
                write!(f, "`{path}` is not known; known are `{}`", known.join("`, `"))
            }
            ProblemKind::Invalid { expected, got } => write!(f, "`{path}`: expected {expected}, got {got}"),
            ProblemKind::Other(message) => write!(f, "`{path}`: {message}"),
        }
    }
}

/// The answer to a call whose arguments do not fit.
pub(crate) fn bad_arguments(tool: &str, problems: &[Problem]) -> ToolResult {
    /// More than this no model reads.
    const SHOWN: usize = 20;
    let mut text =
        format!("The arguments of `{tool}` do not fit. Nothing was done; correct them and call again:");
    for problem in problems.iter().take(SHOWN) {
        write!(text, "\n- {problem}").expect("writing to a string cannot fail");
    }
    if problems.len() > SHOWN {
        write!(text, "\n- and {} more", problems.len() - SHOWN).expect("writing to a string cannot fail");
    }
    ToolResult::failure(text)
}
