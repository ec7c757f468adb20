//! Expectations about a run: the calls of tools, the answer, the cost, and the verdict of a judge.
//!
//! # Examples
//!
//! ```
//! use copilot::evals::{Case, expect};
//! use serde_json::{Value, json};
//!
//! let case = Case::new("small refund")
//!     .prompt("Refund order 17, 4 euros.")
//!     .expect(expect::calls(["lookup_order", "refund"]).in_order())
//!     .expect(expect::call("refund").with(json!({"order": 17})).arguments(|args: &Value| args["cents"] == 400))
//!     .expect(expect::no_call("escalate"))
//!     .expect(expect::answer().contains("refunded").matches("(?i)4([.,]00)? *(euros|€)"))
//!     .expect(expect::tokens().at_most(4_000));
//! # drop(case);
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use regex_lite::Regex;
use serde_json::Value;

use super::check::{Check, NewSession};
use super::outcome::{Call, Outcome, cut};
use crate::error::Result;
use crate::tools::mismatches;

pub use super::check::{Expectation, Unmet};
pub use super::judge::{IntoVerdict, Judge, Verdict, judge, judge_with};

/// A check that does not wait.
trait CheckNow: fmt::Debug + Send + Sync {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet>;
}

impl<T: CheckNow> Check for T {
    fn check<'a>(&'a self, outcome: &'a Outcome, _: NewSession<'a>) -> BoxFuture<'a, Result<Option<Unmet>>> {
        Box::pin(async move { Ok(self.check_now(outcome)) })
    }
}

macro_rules! into_expectation {
    ($($kind:ty),*) => {
        $(impl From<$kind> for Expectation {
            fn from(kind: $kind) -> Self {
                Self::new(kind)
            }
        })*
    };
}

into_expectation!(Calls, OneCall, NoCall, Answer, Limit, Custom);

/// Expects calls of all these tools, in any order. Further calls are allowed. A name that is listed twice is expected twice.
pub fn calls<S: Into<String>>(tools: impl IntoIterator<Item = S>) -> Calls {
    Calls { tools: tools.into_iter().map(Into::into).collect(), in_order: false, only: false }
}

/// The expectation of several calls, made by [`calls`].
#[derive(Clone, Debug)]
#[must_use = "an expectation is checked by a case"]
pub struct Calls {
    tools: Vec<String>,
    in_order: bool,
    only: bool,
}

impl Calls {
    /// Requires that the calls are made in this order; others may be between them.
    pub fn in_order(mut self) -> Self {
        self.in_order = true;
        self
    }

    /// Allows no further calls. The CLI's own tools count too.
    pub fn only(mut self) -> Self {
        self.only = true;
        self
    }
}

impl CheckNow for Calls {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet> {
        let mut left = outcome.calls.iter();
        let met = if self.in_order {
            self.tools.iter().all(|tool| left.any(|call| call.name == *tool))
        } else {
            let count = |tool: &String| self.tools.iter().filter(|other| *other == tool).count();
            self.tools.iter().all(|tool| outcome.calls_of(tool).count() >= count(tool))
        };
        let met = met && (!self.only || outcome.calls.len() == self.tools.len());
        (!met).then(|| {
            let order = if self.in_order { " in this order" } else { "" };
            let only = if self.only { " and no others" } else { "" };
            let expected = format!("calls of {}{order}{only}", listed(&self.tools));
            Unmet { expected, observed: outcome.shown_calls() }
        })
    }
}

fn listed(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// Expects at least one call of a tool that meets all conditions.
pub fn call(tool: impl Into<String>) -> OneCall {
    OneCall { tool: tool.into(), times: None, conditions: Vec::new() }
}

/// The expectation of calls of one tool, made by [`call`].
#[derive(Clone, Debug)]
#[must_use = "an expectation is checked by a case"]
pub struct OneCall {
    tool: String,
    times: Option<usize>,
    conditions: Vec<Condition>,
}

#[derive(Clone)]
enum Condition {
    Predicate(Arc<dyn Fn(&Value) -> bool + Send + Sync>),
    Members(Value),
    Schema(Value),
    ByMainAgent,
}

impl OneCall {
    /// Requires arguments for which this returns `true`.
    pub fn arguments(mut self, predicate: impl Fn(&Value) -> bool + Send + Sync + 'static) -> Self {
        self.conditions.push(Condition::Predicate(Arc::new(predicate)));
        self
    }

    /// Requires arguments with these members, at every level of objects. Further members are allowed.
    pub fn with(mut self, members: impl Into<Value>) -> Self {
        self.conditions.push(Condition::Members(members.into()));
        self
    }

    /// Requires arguments that fit a JSON schema.
    pub fn schema(mut self, schema: impl Into<Value>) -> Self {
        self.conditions.push(Condition::Schema(schema.into()));
        self
    }

    /// Requires that the main agent makes the call, and not a sub-agent.
    pub fn by_main_agent(mut self) -> Self {
        self.conditions.push(Condition::ByMainAgent);
        self
    }

    /// Requires exactly this number of calls that meet the conditions. Default: at least one.
    pub fn times(mut self, times: usize) -> Self {
        self.times = Some(times);
        self
    }
}

impl Condition {
    fn holds(&self, call: &Call) -> bool {
        match self {
            Self::Predicate(predicate) => predicate(&call.arguments),
            Self::Members(members) => has_members(&call.arguments, members),
            Self::Schema(schema) => mismatches(schema, &call.arguments).is_empty(),
            Self::ByMainAgent => call.agent.is_none(),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predicate(_) => f.write_str("arguments that meet the predicate"),
            Self::Members(members) => write!(f, "the arguments {members}"),
            Self::Schema(schema) => {
                write!(f, "arguments that fit the schema {}", cut(&schema.to_string(), 200))
            }
            Self::ByMainAgent => f.write_str("the main agent as the caller"),
        }
    }
}

/// Returns whether a value has the members of another one.
fn has_members(value: &Value, members: &Value) -> bool {
    match (value, members) {
        (Value::Object(value), Value::Object(members)) => members
            .iter()
            .all(|(name, member)| value.get(name).is_some_and(|value| has_members(value, member))),
        _ => value == members,
    }
}

impl CheckNow for OneCall {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet> {
        let holds = |call: &&Call| self.conditions.iter().all(|condition| condition.holds(call));
        let count = outcome.calls_of(&self.tool).filter(holds).count();
        let met = self.times.map_or(count > 0, |times| count == times);
        (!met).then(|| {
            let number = match self.times {
                None => "a call".to_owned(),
                Some(1) => "1 call".to_owned(),
                Some(times) => format!("{times} calls"),
            };
            let mut expected = format!("{number} of `{}`", self.tool);
            for (index, condition) in self.conditions.iter().enumerate() {
                let word = if index == 0 { " with " } else { " and " };
                expected.push_str(word);
                expected.push_str(&format!("{condition:?}"));
            }
            Unmet { expected, observed: outcome.shown_calls() }
        })
    }
}

/// Expects that a tool is not called.
pub fn no_call(tool: impl Into<String>) -> NoCall {
    NoCall(Some(tool.into()))
}

/// Expects that no tool is called, the CLI's own included.
pub fn no_calls() -> NoCall {
    NoCall(None)
}

/// The expectation that a call is not made, made by [`no_call`] and [`no_calls`].
#[derive(Clone, Debug)]
#[must_use = "an expectation is checked by a case"]
pub struct NoCall(Option<String>);

impl CheckNow for NoCall {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet> {
        let (met, expected) = match &self.0 {
            Some(tool) => (outcome.calls_of(tool).next().is_none(), format!("no call of `{tool}`")),
            None => (outcome.calls.is_empty(), "no calls".to_owned()),
        };
        (!met).then(|| Unmet { expected, observed: outcome.shown_calls() })
    }
}

/// Expects an answer to the last prompt that meets all conditions.
pub fn answer() -> Answer {
    Answer(Vec::new())
}

/// The expectation about the answer, made by [`answer`].
#[derive(Clone, Debug)]
#[must_use = "an expectation is checked by a case"]
pub struct Answer(Vec<About>);

#[derive(Clone)]
enum About {
    Contains(String),
    Lacks(String),
    Equals(String),
    Matches(Regex),
    Predicate(Arc<dyn Fn(&str) -> bool + Send + Sync>),
}

impl Answer {
    /// Requires that the answer contains a text.
    pub fn contains(self, text: impl Into<String>) -> Self {
        self.and(About::Contains(text.into()))
    }

    /// Requires that the answer does not contain a text.
    pub fn lacks(self, text: impl Into<String>) -> Self {
        self.and(About::Lacks(text.into()))
    }

    /// Requires that the answer without surrounding whitespace is a text.
    pub fn equals(self, text: impl Into<String>) -> Self {
        self.and(About::Equals(text.into()))
    }

    /// Requires that a part of the answer matches a regular expression, in the syntax of the crate `regex-lite`.
    ///
    /// # Panics
    ///
    /// Panics if the expression is invalid.
    #[track_caller]
    pub fn matches(self, pattern: &str) -> Self {
        match Regex::new(pattern) {
            Ok(regex) => self.and(About::Matches(regex)),
            Err(error) => panic!("`{pattern}` is not a regular expression: {error}"),
        }
    }

    /// Requires an answer for which this returns `true`.
    pub fn satisfies(self, predicate: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.and(About::Predicate(Arc::new(predicate)))
    }

    fn and(mut self, about: About) -> Self {
        self.0.push(about);
        self
    }
}

impl About {
    fn holds(&self, answer: &str) -> bool {
        match self {
            Self::Contains(text) => answer.contains(text),
            Self::Lacks(text) => !answer.contains(text),
            Self::Equals(text) => answer.trim() == text.trim(),
            Self::Matches(regex) => regex.is_match(answer),
            Self::Predicate(predicate) => predicate(answer),
        }
    }
}

impl fmt::Debug for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contains(text) => write!(f, "an answer that contains {text:?}"),
            Self::Lacks(text) => write!(f, "an answer that does not contain {text:?}"),
            Self::Equals(text) => write!(f, "the answer {text:?}"),
            Self::Matches(regex) => write!(f, "an answer that matches `{regex}`"),
            Self::Predicate(_) => f.write_str("an answer that meets the predicate"),
        }
    }
}

impl CheckNow for Answer {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet> {
        let expected = match self.0.iter().find(|about| !about.holds(&outcome.answer)) {
            Some(about) => format!("{about:?}"),
            None if outcome.answer.trim().is_empty() && self.0.is_empty() => "an answer".to_owned(),
            None => return None,
        };
        Some(Unmet { expected, observed: outcome.shown_answer() })
    }
}

/// Expects a limit of the tokens sent and received.
pub fn tokens() -> Measure {
    Measure("tokens", |outcome| outcome.tokens() as f64)
}

/// Expects a limit of the requests to the model.
pub fn requests() -> Measure {
    Measure("requests", |outcome| outcome.usage.requests as f64)
}

/// Expects a limit of the number of tool calls.
pub fn tool_calls() -> Measure {
    Measure("tool calls", |outcome| outcome.calls.len() as f64)
}

/// Expects a limit of the [cost](crate::session::Usage::cost), in premium requests.
pub fn cost() -> Measure {
    Measure("premium requests", |outcome| outcome.usage.cost)
}

/// Expects a limit of the cost in AI units.
pub fn ai_units() -> Measure {
    Measure("AI units", |outcome| outcome.usage.ai_units.units())
}

/// A measure of a run that an expectation limits.
#[derive(Clone, Copy, Debug)]
#[must_use = "a measure without a limit expects nothing"]
pub struct Measure(&'static str, fn(&Outcome) -> f64);

impl Measure {
    /// Limits the measure, the limit included.
    pub fn at_most(self, limit: impl Into<Bound>) -> Limit {
        Limit { measure: self, limit: limit.into().0 }
    }
}

/// The limit of a [`Measure`], made from a number.
#[derive(Clone, Copy, Debug)]
pub struct Bound(f64);

impl From<u32> for Bound {
    fn from(limit: u32) -> Self {
        Self(limit.into())
    }
}

impl From<i32> for Bound {
    fn from(limit: i32) -> Self {
        Self(limit.into())
    }
}

impl From<f64> for Bound {
    fn from(limit: f64) -> Self {
        Self(limit)
    }
}

/// The expectation that a [`Measure`] has a limit.
#[derive(Clone, Copy, Debug)]
#[must_use = "an expectation is checked by a case"]
pub struct Limit {
    measure: Measure,
    limit: f64,
}

impl CheckNow for Limit {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet> {
        let Measure(unit, measure) = self.measure;
        let measured = measure(outcome);
        (measured > self.limit).then(|| Unmet {
            expected: format!("at most {} {unit}", self.limit),
            observed: format!("there were {measured}"),
        })
    }
}

/// Expects that a run takes at most this time, from the first prompt to the last answer.
pub fn within(limit: Duration) -> Custom {
    custom(format!("an answer within {limit:?}"), move |outcome| {
        if outcome.elapsed <= limit { Ok(()) } else { Err(format!("it took {:?}", outcome.elapsed)) }
    })
}

/// Expects that a function returns `Ok`. The description completes the sentence "expected …", and the text of the error
/// says what was observed. The function may check a state of the program too.
pub fn custom(
    description: impl Into<String>,
    check: impl Fn(&Outcome) -> std::result::Result<(), String> + Send + Sync + 'static,
) -> Custom {
    Custom { description: description.into(), check: Arc::new(check) }
}

/// The expectation of a function of the program, made by [`custom`].
#[derive(Clone)]
#[must_use = "an expectation is checked by a case"]
pub struct Custom {
    description: String,
    check: Arc<CustomCheck>,
}

type CustomCheck = dyn Fn(&Outcome) -> std::result::Result<(), String> + Send + Sync;

impl CheckNow for Custom {
    fn check_now(&self, outcome: &Outcome) -> Option<Unmet> {
        let observed = (self.check)(outcome).err()?;
        Some(Unmet { expected: self.description.clone(), observed })
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Custom").field(&self.description).finish()
    }
}
