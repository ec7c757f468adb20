//! The arguments of a tool as generated tests need them: the schema that calls are validated against, and the mistakes
//! in a value.

use serde_json::Value;

use crate::error::Result;
pub(crate) use crate::tools::arguments::format::integer_range;
use crate::tools::arguments::node::Node;
use crate::tools::arguments::report;
pub(crate) use crate::tools::arguments::report::ROOT;
pub(crate) use crate::tools::arguments::validate::refer;
use crate::tools::arguments::validate::{Integers, Validator};
use crate::tools::compiled::Compiled;
use crate::tools::schema;
use crate::tools::tool::{Dynamic, Handler, Tool};

/// The schema of a tool's arguments, with the rules by which calls are validated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CheckedArguments<'t> {
    compiled: &'t Compiled,
    integers: Integers,
    coerce: bool,
}

/// A mistake in arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The path of the value, as in the report for the model.
    pub(crate) path: String,
    /// The text for the model, which begins with the path.
    pub(crate) text: String,
}

impl<'t> CheckedArguments<'t> {
    /// Returns the arguments of a tool. The error is that of a tool whose schema cannot be built.
    pub(crate) fn of(tool: &'t Tool) -> Result<Self> {
        let is_json = matches!(tool.dynamic(), Some(Dynamic { handler: Handler::Json(_), .. }));
        let integers = if is_json { Integers::Json } else { Integers::Typed };
        Ok(Self { compiled: tool.compiled()?, integers, coerce: tool.def().coerce })
    }

    /// Returns the schema. It has formats that are not sent to the model.
    pub(crate) fn schema(&self) -> &'t Value {
        &self.compiled.arguments.schema
    }

    /// Returns the rules of the schema that calls are not validated against.
    pub(crate) fn unchecked_rules(&self) -> Vec<String> {
        schema::unchecked(self.schema()).iter().map(ToString::to_string).collect()
    }

    /// Returns whether a value is valid without a correction.
    pub(crate) fn accepts(&self, value: &Value) -> bool {
        self.check(value, false).0.is_empty()
    }

    /// Returns the mistakes that a call with this value reports: those that are not corrected.
    pub(crate) fn mistakes(&self, value: &Value) -> Vec<Mistake> {
        self.check(value, self.coerce).0
    }

    /// Returns the value after the correction of its mistakes; `None` if it has others.
    pub(crate) fn corrected(&self, value: &Value) -> Option<Value> {
        let (mistakes, corrected) = self.check(value, self.coerce);
        mistakes.is_empty().then(|| corrected.to_value())
    }

    fn check(&self, value: &Value, coerce: bool) -> (Vec<Mistake>, Node) {
        let validator = Validator {
            schema: self.schema(),
            coerce,
            patterns: &self.compiled.patterns,
            integers: self.integers,
            keeps_null: true,
        };
        let mut node = Node::from(value);
        let problems = validator.check(&mut node).problems;
        let mistake = |problem: &report::Problem| Mistake {
            path: report::path(&problem.path),
            text: problem.to_string(),
        };
        (problems.iter().map(mistake).collect(), node)
    }
}
