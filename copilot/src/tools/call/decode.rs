//! Decodes the arguments of a call. Corrects safe mistakes, and reports all others together.

use std::borrow::Cow;

use serde_json::Value;

use crate::contain;
use crate::tools::arguments::decode::{ArgumentReader, DecodeError};
use crate::tools::arguments::report::{Problem, ProblemKind, invalid_arguments};
use crate::tools::arguments::validate::Validator;
use crate::tools::arguments::visit::Visitor;
use crate::tools::call::start::panicked;
use crate::tools::compiled::Compiled;
use crate::tools::context::ToolContext;
use crate::tools::def::Started;
use crate::tools::output::error::ToolError;
use crate::tools::output::result::ToolResult;
use crate::tools::tool::{Handler, Tool};

/// The reason why the arguments of a call cannot be used.
pub(super) enum Refusal {
    /// The mistakes in the arguments.
    Arguments(Vec<Problem>),
    /// A value could not be injected, or the tool cannot be described.
    Failed(ToolError),
}

/// Decodes the arguments and starts the tool. The error is the result of a call whose tool did not start. The types of
/// the arguments are the program's code, so panics are contained here.
pub(super) fn start(tool: &Tool, context: &ToolContext) -> Result<Started, Result<ToolResult, ToolError>> {
    let text = context.arguments();
    let started = contain::run(|| {
        let compiled = tool.compiled().map_err(|error| Refusal::Failed(ToolError::hidden(error)))?;
        match tool.dynamic().map(|dynamic| &dynamic.handler) {
            Some(Handler::Json(handler)) => {
                Ok(handler(validate(tool, compiled, text)?.value, context.clone()))
            }
            Some(Handler::Declared) => Err(Refusal::Failed(ToolError::hidden(
                "the tool is declared only; another client answers its calls",
            ))),
            Some(Handler::Typed(_)) | None => {
                decode(tool, compiled, Some(context), text, |visitor| tool.visit(visitor))
            }
        }
    });
    match started {
        Ok(Ok(started)) => Ok(started),
        Ok(Err(Refusal::Arguments(problems))) => Err(Ok(invalid_arguments(tool.name(), &problems))),
        Ok(Err(Refusal::Failed(error))) => Err(Err(error)),
        Err(panic) => Err(Err(panicked(&panic))),
    }
}

/// Decodes the arguments and calls `visit`, which takes their values. Arguments that do not fit are validated, and
/// decoded again if all mistakes could be corrected.
pub(super) fn decode<T>(
    tool: &Tool,
    compiled: &Compiled,
    context: Option<&ToolContext>,
    text: &str,
    visit: impl Fn(&mut Visitor<'_>) -> Option<T>,
) -> Result<T, Refusal> {
    let params = tool.def().params;
    let read = |text: &str| {
        let reader = ArgumentReader::new(context, params, &compiled.arguments.layout, text)?;
        Visitor::read(reader, &visit)
    };
    if !compiled.arguments.strict {
        match read(text) {
            Ok(value) => return Ok(value),
            Err(DecodeError::Injection(error)) => return Err(Refusal::Failed(error)),
            Err(DecodeError::Rejected(_) | DecodeError::UnexpectedShape) => {}
        }
    }
    let validated = validate(tool, compiled, text)?;
    read(&validated.text(text)).map_err(|error| match error {
        DecodeError::Injection(error) => Refusal::Failed(error),
        DecodeError::UnexpectedShape => {
            Refusal::Arguments(vec![problem(String::new(), "not an object".to_owned())])
        }
        // The types have rules that the schema cannot express.
        DecodeError::Rejected(rejected) => {
            let problem = |(index, message)| problem(compiled.path(params, index), without_position(message));
            Refusal::Arguments(rejected.into_iter().map(problem).collect())
        }
    })
}

/// Arguments that the schema accepts.
pub(super) struct Validated {
    value: Value,
    corrected: bool,
}

impl Validated {
    /// Returns the arguments as JSON; `original` is the text that was validated.
    pub(super) fn text<'t>(&self, original: &'t str) -> Cow<'t, str> {
        if self.corrected { Cow::Owned(self.value.to_string()) } else { Cow::Borrowed(original) }
    }
}

/// Validates arguments against the schema and corrects safe mistakes.
pub(super) fn validate(tool: &Tool, compiled: &Compiled, text: &str) -> Result<Validated, Refusal> {
    let mut value = serde_json::from_str(text)
        .map_err(|error| Refusal::Arguments(vec![problem(String::new(), format!("not JSON: {error}"))]))?;
    let validator = Validator {
        schema: &compiled.arguments.schema,
        coerce: tool.def().coerce,
        patterns: &compiled.patterns,
    };
    let corrected = validator.check(&mut value).map_err(Refusal::Arguments)?;
    Ok(Validated { value, corrected })
}

fn problem(path: String, message: String) -> Problem {
    Problem { path, kind: ProblemKind::Other(message) }
}

/// Removes the line and the column from an error of serde_json, whose text the model does not see.
fn without_position(mut message: String) -> String {
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    message
}
