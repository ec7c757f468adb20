//! Scripts: the answers of the model and the expectations of its requests.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::request::RecordedRequest;
use crate::contain;

/// The turns of the model in one conversation.
///
/// `call`, `calls`, `say`, `stream`, `fail`, `fail_once` and `break_off` add a turn, which answers one request.
/// `expect*`, `delay`, `pace`, `reasoning`, `preamble` and `tokens` apply to the turn that follows.
///
/// Every conversation is also checked for these rules: a turn that calls tools is followed by the results of exactly
/// these calls, a called tool is offered by the request, and there is no request after the last turn.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use copilot::testing::{Script, ToolUse};
/// use serde_json::json;
///
/// let script = Script::new()
///     .calls([ToolUse::new("weather", json!({"city": "Oslo"})), ToolUse::new("weather", json!({"city": "Rome"}))])
///     .expect("two results", |request| request.tool_results().len() == 2)
///     .reasoning("Rome is warmer.")
///     .pace(Duration::from_millis(10))
///     .stream(["Go to ", "Rome."]);
/// # drop(script);
/// ```
#[derive(Debug, Default)]
#[must_use = "a script has no effect until a model uses it"]
pub struct Script {
    pub(super) when: Option<String>,
    /// The condition on the first request.
    pub(super) when_request: Option<RequestCheck>,
    pub(super) every_conversation: bool,
    /// Whether the conversation begins with the calls of another script.
    pub(super) continues: bool,
    pub(super) turns: Vec<Arc<Turn>>,
    /// The settings for the next turn.
    pub(super) next: Preparation,
}

/// One answer of the model with its settings.
#[derive(Debug)]
pub(super) struct Turn {
    pub(super) preparation: Preparation,
    pub(super) answer: TurnAnswer,
}

#[derive(Debug, Default)]
pub(super) struct Preparation {
    pub(super) checks: Vec<Check>,
    pub(super) delay: Duration,
    pub(super) pace: Duration,
    pub(super) reasoning: Option<String>,
    pub(super) preamble: Option<String>,
    pub(super) tokens: Option<Tokens>,
}

#[derive(Debug)]
pub(super) enum TurnAnswer {
    Say(Vec<String>),
    Call(Vec<ToolUse>),
    Fail { status: u16, message: String, retry: bool },
    BreakOff(String),
}

/// An expectation of a request.
pub(super) struct Check {
    pub(super) what: String,
    /// Checks the request. The error describes what it has instead.
    pub(super) holds: Box<Holds>,
}

/// A condition on a request.
pub(super) struct RequestCheck(Box<dyn Fn(&RecordedRequest) -> bool + Send + Sync>);

impl RequestCheck {
    /// Returns whether a request fulfils the condition. One that panics does not.
    pub(super) fn holds(&self, request: &RecordedRequest) -> bool {
        contain::run(|| (self.0)(request)).unwrap_or(false)
    }
}

impl fmt::Debug for RequestCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestCheck")
    }
}

type Holds = dyn Fn(&RecordedRequest) -> Result<(), String> + Send + Sync;

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.what).finish()
    }
}

/// The token usage that an answer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens of the request.
    pub input: u64,
    /// The tokens of the answer.
    pub output: u64,
}

impl Script {
    /// Creates an empty script for any conversation.
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty script for a conversation whose first prompt contains `text`.
    ///
    /// Several sessions can thus share one model, and a sub-agent, which has a separate conversation, can have a
    /// separate script.
    pub fn when(text: impl Into<String>) -> Self {
        Self { when: Some(text.into()), ..Self::default() }
    }

    /// Restricts the script to conversations whose first request fulfils a condition, such as one on the description of a
    /// [tool](RecordedRequest::tool): a model that behaves differently with another description.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::testing::Script;
    /// use serde_json::json;
    ///
    /// let careful = Script::new()
    ///     .when_request(|request| request.tool("refund").is_some_and(|tool| tool["description"].to_string().contains("cents")))
    ///     .call("refund", json!({"cents": 400}))
    ///     .say("4 euros are refunded.");
    /// # drop(careful);
    /// ```
    pub fn when_request(mut self, check: impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static) -> Self {
        self.when_request = Some(RequestCheck(Box::new(check)));
        self
    }

    /// Makes the script available to every matching conversation, each from the first turn, instead of a single one.
    pub fn for_every_conversation(mut self) -> Self {
        self.every_conversation = true;
        self
    }

    /// Lets the script continue the conversation of another one, as for a session that a second program resumes: the first
    /// turn may have results of calls that this script has not made.
    pub fn continuing(mut self) -> Self {
        self.continues = true;
        self
    }

    /// Adds a turn in which the model calls a tool.
    pub fn call(self, tool: impl Into<String>, arguments: impl Into<Value>) -> Self {
        self.calls([ToolUse::new(tool, arguments)])
    }

    /// Adds a turn in which the model calls several tools in parallel.
    pub fn calls(self, tools: impl IntoIterator<Item = ToolUse>) -> Self {
        self.turn(TurnAnswer::Call(tools.into_iter().collect()))
    }

    /// Adds a turn in which the model answers with a text.
    pub fn say(self, text: impl Into<String>) -> Self {
        self.stream([text])
    }

    /// Adds a turn in which the model answers with a text in these pieces. A request without streaming receives them
    /// joined.
    pub fn stream<T: Into<String>>(self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.turn(TurnAnswer::Say(pieces.into_iter().map(Into::into).collect()))
    }

    /// Adds a turn in which the request fails with an HTTP status and a message and is not retried. The session's turn
    /// ends with an error.
    pub fn fail(self, status: u16, message: impl Into<String>) -> Self {
        self.turn(TurnAnswer::Fail { status, message: message.into(), retry: false })
    }

    /// Adds a turn in which the request fails with an HTTP status and a message and is retried. The CLI retries after
    /// one second, and the next turn answers the retry.
    pub fn fail_once(self, status: u16, message: impl Into<String>) -> Self {
        self.turn(TurnAnswer::Fail { status, message: message.into(), retry: true })
    }

    /// Adds a turn in which the connection breaks after this text.
    ///
    /// The CLI retries after one second, and the next turn answers the retry. Without a next turn, the retry fails with
    /// an error that is not retried, and the session's turn ends with an error.
    pub fn break_off(self, text: impl Into<String>) -> Self {
        self.turn(TurnAnswer::BreakOff(text.into()))
    }

    /// Expects that the request of the next turn has a result of this tool for which `check` returns `true`.
    pub fn expect_tool_result(
        self,
        tool: impl Into<String>,
        check: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        let tool = tool.into();
        self.check(format!("a fitting result of `{tool}`"), move |request| {
            let results: Vec<_> =
                request.tool_results().into_iter().filter(|(name, _)| *name == tool).collect();
            if results.iter().any(|(_, text)| check(text)) {
                Ok(())
            } else if results.is_empty() {
                Err("no result of it".to_owned())
            } else {
                Err(results.iter().map(|(_, text)| quoted(text)).collect::<Vec<_>>().join(" and "))
            }
        })
    }

    /// Expects that `check` returns `true` for the last message of the user in the request of the next turn.
    ///
    /// The CLI adds text to prompts, such as the date, so check for a substring.
    pub fn expect_prompt(self, check: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.check("a fitting prompt".to_owned(), move |request| match request.prompt() {
            Some(prompt) if check(&prompt) => Ok(()),
            Some(prompt) => Err(quoted(&prompt)),
            None => Err("no prompt".to_owned()),
        })
    }

    /// Expects that `check` returns `true` for the request of the next turn. `what` is the expectation in the report.
    ///
    /// A panic in the check, such as a failed `assert!`, is a deviation too; its message is in the report.
    pub fn expect(
        self,
        what: impl Into<String>,
        check: impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.check(what.into(), move |request| match check(request) {
            true => Ok(()),
            false => Err("a request that does not fulfil it".to_owned()),
        })
    }

    /// Sets the delay before the next turn. Default: none.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.next.delay = delay;
        self
    }

    /// Sets the delay between the pieces of the next turn. Default: none.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.next.pace = pace;
        self
    }

    /// Sets the reasoning that precedes the next turn. Default: none.
    pub fn reasoning(mut self, text: impl Into<String>) -> Self {
        self.next.reasoning = Some(text.into());
        self
    }

    /// Sets the text that precedes the tool calls of the next turn, in the same answer. Default: none. A turn without
    /// tool calls has no text before it.
    pub fn preamble(mut self, text: impl Into<String>) -> Self {
        self.next.preamble = Some(text.into());
        self
    }

    /// Sets the token usage of the next turn. Default: an estimate from the lengths.
    pub fn tokens(mut self, tokens: Tokens) -> Self {
        self.next.tokens = Some(tokens);
        self
    }

    fn check(
        mut self,
        what: String,
        holds: impl Fn(&RecordedRequest) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.next.checks.push(Check { what, holds: Box::new(holds) });
        self
    }

    fn turn(mut self, answer: TurnAnswer) -> Self {
        let preparation = std::mem::take(&mut self.next);
        self.turns.push(Arc::new(Turn { preparation, answer }));
        self
    }
}

/// One or several scripts: the argument of [`ScriptedModel::start`](super::ScriptedModel::start).
#[derive(Debug)]
pub struct Scripts(pub(super) Vec<Script>);

impl From<Script> for Scripts {
    fn from(script: Script) -> Self {
        Self(vec![script])
    }
}

impl From<Vec<Script>> for Scripts {
    fn from(scripts: Vec<Script>) -> Self {
        Self(scripts)
    }
}

impl<const N: usize> From<[Script; N]> for Scripts {
    fn from(scripts: [Script; N]) -> Self {
        Self(scripts.into())
    }
}

/// A tool call of the model.
#[derive(Clone, Debug)]
pub struct ToolUse {
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) offered: bool,
}

impl ToolUse {
    /// Creates a call of `name` with JSON arguments.
    pub fn new(name: impl Into<String>, arguments: impl Into<Value>) -> Self {
        Self::raw(name, arguments.into().to_string())
    }

    /// Creates a call of `name` with arguments as text, which need not be JSON.
    pub fn raw(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: arguments.into(), offered: true }
    }

    /// Allows the call of a tool that the request does not offer, like a model that invents names.
    pub fn not_offered(mut self) -> Self {
        self.offered = false;
        self
    }
}

impl fmt::Display for TurnAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Say(pieces) => write!(f, "say {}", quoted(&pieces.concat())),
            Self::Call(tools) => {
                let names: Vec<_> = tools.iter().map(|tool| format!("`{}`", tool.name)).collect();
                write!(f, "call {}", names.join(", "))
            }
            Self::Fail { status, message, .. } => write!(f, "fail with {status} {}", quoted(message)),
            Self::BreakOff(text) => write!(f, "break off after {}", quoted(text)),
        }
    }
}

/// Quotes a text for a report and truncates it.
pub(super) fn quoted(text: &str) -> String {
    const READABLE: usize = 400;
    match text.char_indices().nth(READABLE) {
        Some((end, _)) => format!("{:?}... ({} characters)", &text[..end], text.chars().count()),
        None => format!("{text:?}"),
    }
}
