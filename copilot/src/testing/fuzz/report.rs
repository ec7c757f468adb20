//! The report of generated calls: the tools that were called, those that were not, and the smallest failing inputs.

use std::fmt::{self, Write as _};

use serde_json::{Number, Value};

use super::SEED;
use super::judge::FuzzFault;
use crate::tools::{Location, Tool};

/// The number of characters of a long text that an error shows.
const SHOWN: usize = 400;

/// The result of [`FuzzTools::run`](super::FuzzTools::run).
///
/// Its `Display` is the summary: the tools that were called, those that were skipped and why, the failures, and the seed.
#[derive(Clone, Debug)]
#[must_use = "failures are reported by `assert_passed`"]
pub struct FuzzReport {
    seed: u64,
    cases: u32,
    called: Vec<String>,
    skipped: Vec<(String, String)>,
    notes: Vec<String>,
    failures: Vec<FuzzFailure>,
}

/// A fault of a tool, with the smallest input that was found.
#[derive(Clone, Debug)]
pub struct FuzzFailure {
    tool: String,
    location: Location,
    fault: FuzzFault,
    arguments: Value,
    text: Option<String>,
    handle: String,
}

impl FuzzReport {
    pub(super) fn new(seed: u64, cases: u32) -> Self {
        Self { seed, cases, called: Vec::new(), skipped: Vec::new(), notes: Vec::new(), failures: Vec::new() }
    }

    pub(super) fn tool(&mut self, name: &str, unchecked_rules: &[String]) {
        self.called.push(name.to_owned());
        let notes = unchecked_rules.iter().map(|rule| {
            format!("`{name}`: the rule {rule}, so values that the types refuse are not reported")
        });
        self.notes.extend(notes);
    }

    pub(super) fn skipped(&mut self, name: &str, reason: &str) {
        self.skipped.push((name.to_owned(), reason.to_owned()));
    }

    pub(super) fn failure(&mut self, failure: FuzzFailure) {
        self.failures.push(failure);
    }

    /// Returns the seed of the generated values.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the failures, one for each kind of fault of a tool.
    pub fn failures(&self) -> &[FuzzFailure] {
        &self.failures
    }

    /// Returns the names of the tools that were called.
    pub fn called(&self) -> impl Iterator<Item = &str> {
        self.called.iter().map(String::as_str)
    }

    /// Returns the names of the tools that were not called, with the reasons.
    pub fn skipped_tools(&self) -> impl Iterator<Item = (&str, &str)> {
        self.skipped.iter().map(|(name, reason)| (name.as_str(), reason.as_str()))
    }

    /// Prints the summary.
    ///
    /// # Panics
    ///
    /// Panics with the summary if there are failures.
    #[track_caller]
    pub fn assert_passed(&self) {
        assert!(self.failures.is_empty(), "{self}");
        println!("{self}");
    }
}

impl fmt::Display for FuzzReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.failures.len();
        let noun = if number == 1 { "failure" } else { "failures" };
        let tools =
            if self.called.len() == 1 { "1 tool".to_owned() } else { format!("{} tools", self.called.len()) };
        write!(f, "{tools} with up to {} calls each: {number} {noun}", self.cases)?;
        for (name, reason) in &self.skipped {
            write!(f, "\nnot called: `{name}`: {reason}")?;
        }
        for note in &self.notes {
            write!(f, "\nnote: {note}")?;
        }
        for failure in &self.failures {
            write!(f, "\n\n{failure}")?;
        }
        write!(f, "\n{}the seed is {SEED}={}", if number > 0 { "\n" } else { "" }, self.seed)
    }
}

impl FuzzFailure {
    pub(super) fn new(tool: &Tool, fault: FuzzFault, arguments: Value, text: Option<String>) -> Self {
        Self {
            tool: tool.name().to_owned(),
            location: tool.location(),
            fault,
            arguments,
            text,
            handle: handle(tool),
        }
    }

    /// Returns the name of the tool.
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// Returns the fault.
    pub fn fault(&self) -> &FuzzFault {
        &self.fault
    }

    /// Returns the smallest arguments that were found.
    pub fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// Returns the call as a line of code, such as `testing::call(weather::TOOL, json!({"days": 15}))`. Arguments that a
    /// `Value` cannot hold are JSON text.
    pub fn line(&self) -> String {
        match &self.text {
            Some(text) => format!("the arguments as JSON text: {text}"),
            None => format!("testing::call({}, json!({}))", self.handle, literal(&self.arguments)),
        }
    }
}

impl fmt::Display for FuzzFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tool `{}` at {} {}\n    {}", self.tool, self.location, self.fault, self.line())
    }
}

impl fmt::Display for FuzzFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Panicked(message) => write!(f, "panicked: {}", shortened(message)),
            Self::Hung(limit) => write!(f, "did not end within {limit:?}"),
            Self::Leaked { hidden, text } => {
                write!(f, "shows the model the hidden text {hidden:?}: {}", shortened(text))
            }
            Self::RefusedFitting { path: Some(path), text } => {
                write!(
                    f,
                    "refused `{path}`, which fits its schema; describe the rule in the schema: {}",
                    shortened(text)
                )
            }
            Self::RefusedFitting { path: None, text } => write!(
                f,
                "refused arguments that fit its schema without the path of the wrong one; describe the rule in the schema, \
                 and check it where the value is read: {}",
                shortened(text)
            ),
            Self::AcceptedInvalid { mistakes } => {
                write!(f, "ran with arguments that its schema does not allow: {}", mistakes.join("; "))
            }
            Self::UnnamedPath { paths, text } => {
                write!(
                    f,
                    "refused arguments without their paths `{}`: {}",
                    paths.join("`, `"),
                    shortened(text)
                )
            }
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Returns the expression of a tool.
fn handle(tool: &Tool) -> String {
    let defined = tool
        .const_handle_name()
        .filter(|name| name.chars().all(|character| character.is_ascii_alphanumeric() || character == '_'));
    match defined {
        Some(name) if name == tool.name() => format!("{name}::TOOL"),
        Some(name) => format!("{name}::TOOL.renamed({:?})", tool.name()),
        None => "tool".to_owned(),
    }
}

/// Writes a value as the macro `json!` reads it.
fn literal(value: &Value) -> String {
    match value {
        Value::Null | Value::Bool(_) => value.to_string(),
        Value::Number(number) => number_literal(number),
        Value::String(text) => format!("{text:?}"),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let mut text = "{".to_owned();
            for (index, (name, member)) in members.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                write!(text, "{separator}{name:?}: {}", literal(member))
                    .expect("writing to a string cannot fail");
            }
            text + "}"
        }
    }
}

/// Integers that are not an `i32` need a suffix, because the type of a literal is not inferred.
fn number_literal(number: &Number) -> String {
    match (number.as_i64(), number.as_u64()) {
        (Some(integer), _) if i32::try_from(integer).is_err() => format!("{integer}_i64"),
        (None, Some(integer)) => format!("{integer}_u64"),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_written_as_the_macro_reads_it() {
        // The right sides are copies of the output.
        let value = json!({"a": 18446744073709551615_u64, "b": [-1, 1.5, 1e300, -9223372036854775808_i64], "c\0": "\u{202e}\"\u{1b}", "d": null});
        assert_eq!(
            literal(&value),
            "{\"a\": 18446744073709551615_u64, \"b\": [-1, 1.5, 1e+300, -9223372036854775808_i64], \"c\\0\": \
             \"\\u{202e}\\\"\\u{1b}\", \"d\": null}"
        );
        assert_eq!(literal(&json!({})), "{}");
    }
}
