//! What the model is to say, and what it is to be told before it says it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::request::RecordedRequest;

/// The turns of a model in one conversation.
///
/// `call`, `calls`, `say`, `stream`, `fail`, `fail_once` and `break_off` are turns: each answers one request. `expect*`,
/// `delay`, `pace`, `reasoning` and `tokens` stand before the turn they belong to.
///
/// Beside what a script expects by itself, some things are expected of every conversation: after a turn that calls
/// tools, results of just these tools come; a tool that is called is one the request offers; and there is no request
/// after the last turn.
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
///     .expect("both cities are told", |request| request.tool_results().len() == 2)
///     .reasoning("Rome is warmer.")
///     .pace(Duration::from_millis(10))
///     .stream(["Go to ", "Rome."]);
/// # drop(script);
/// ```
#[derive(Debug, Default)]
#[must_use = "a script does nothing until a model plays it"]
pub struct Script {
    pub(super) when: Option<String>,
    pub(super) every_conversation: bool,
    pub(super) turns: Vec<Arc<Turn>>,
    /// What was said about the turn that comes next.
    pub(super) next: Preparation,
}

/// One answer of the model, and what belongs to it.
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
    pub(super) tokens: Option<Tokens>,
}

#[derive(Debug)]
pub(super) enum TurnAnswer {
    Say(Vec<String>),
    Call(Vec<ToolUse>),
    Fail { status: u16, message: String, retry: bool },
    BreakOff(String),
}

/// Something a request must fulfil.
pub(super) struct Check {
    pub(super) what: String,
    /// `Err` says what came instead.
    pub(super) holds: Box<Holds>,
}

type Holds = dyn Fn(&RecordedRequest) -> Result<(), String> + Send + Sync;

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Check").field(&self.what).finish()
    }
}

/// The numbers of tokens that an answer reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens {
    /// Of the request.
    pub input: u64,
    /// Of the answer.
    pub output: u64,
}

impl Script {
    /// An empty script, for any conversation.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty script for a conversation whose first prompt contains `text`.
    ///
    /// So several sessions can share one model, and a sub-agent, which has a conversation of its own, gets a script of
    /// its own.
    pub fn when(text: impl Into<String>) -> Self {
        Self { when: Some(text.into()), ..Self::default() }
    }

    /// Lets every conversation that fits play the script from its start, instead of one only.
    pub fn for_every_conversation(mut self) -> Self {
        self.every_conversation = true;
        self
    }

    /// The model calls a tool.
    pub fn call(self, tool: impl Into<String>, arguments: impl Into<Value>) -> Self {
        self.calls([ToolUse::new(tool, arguments)])
    }

    /// The model calls several tools at once.
    pub fn calls(self, tools: impl IntoIterator<Item = ToolUse>) -> Self {
        self.turn(TurnAnswer::Call(tools.into_iter().collect()))
    }

    /// The model says something, and ends its turn.
    pub fn say(self, text: impl Into<String>) -> Self {
        self.stream([text])
    }

    /// The model says something in these pieces, and ends its turn; a request that asks for no stream gets them in
    /// one.
    pub fn stream<T: Into<String>>(self, pieces: impl IntoIterator<Item = T>) -> Self {
        self.turn(TurnAnswer::Say(pieces.into_iter().map(Into::into).collect()))
    }

    /// The model's server fails with an HTTP status and a message, for good: the CLI is told not to retry, and the
    /// session's turn ends with an error.
    pub fn fail(self, status: u16, message: impl Into<String>) -> Self {
        self.turn(TurnAnswer::Fail { status, message: message.into(), retry: false })
    }

    /// The model's server fails with an HTTP status and a message, and asks to be asked again: the CLI does so a
    /// second later, and the next turn answers the same question.
    pub fn fail_once(self, status: u16, message: impl Into<String>) -> Self {
        self.turn(TurnAnswer::Fail { status, message: message.into(), retry: true })
    }

    /// The connection breaks after the model has said this much.
    ///
    /// The CLI asks again a second later: the next turn answers the same question. Where there is none, the CLI is
    /// told not to ask any more, and the session's turn ends with an error.
    pub fn break_off(self, text: impl Into<String>) -> Self {
        self.turn(TurnAnswer::BreakOff(text.into()))
    }

    /// Before the next turn, a result of this tool must have come that fulfils `check`.
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

    /// Before the next turn, the last thing the user said must fulfil `check`.
    ///
    /// The CLI adds to prompts, the date for one, so look for what the text contains.
    pub fn expect_prompt(self, check: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.check("a fitting prompt".to_owned(), move |request| match request.prompt() {
            Some(prompt) if check(&prompt) => Ok(()),
            Some(prompt) => Err(quoted(&prompt)),
            None => Err("no prompt".to_owned()),
        })
    }

    /// Before the next turn, the request must fulfil `check`; `what` is said when it does not.
    ///
    /// An `assert!` in the check works as well: its message is in the report.
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

    /// The next turn begins after this time.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.next.delay = delay;
        self
    }

    /// The next turn's pieces come with this time between them.
    pub fn pace(mut self, pace: Duration) -> Self {
        self.next.pace = pace;
        self
    }

    /// The next turn begins with this reasoning.
    pub fn reasoning(mut self, text: impl Into<String>) -> Self {
        self.next.reasoning = Some(text.into());
        self
    }

    /// The next turn reports these numbers of tokens, in place of an estimate from the lengths.
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

/// One or several scripts, as [`ScriptedModel::start`](super::ScriptedModel::start) takes them.
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

/// A call of a tool by the model.
#[derive(Clone, Debug)]
pub struct ToolUse {
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) offered: bool,
}

impl ToolUse {
    /// Calls `name` with JSON arguments.
    pub fn new(name: impl Into<String>, arguments: impl Into<Value>) -> Self {
        Self::raw(name, arguments.into().to_string())
    }

    /// Calls `name` with arguments as text, which need not be JSON.
    pub fn raw(name: impl Into<String>, arguments: impl Into<String>) -> Self {
        Self { name: name.into(), arguments: arguments.into(), offered: true }
    }

    /// Calls the tool even when the session does not offer it, as models that make names up do.
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

/// A text for a report: in quotes, and not longer than one can read.
pub(super) fn quoted(text: &str) -> String {
    const READABLE: usize = 400;
    match text.char_indices().nth(READABLE) {
        Some((end, _)) => format!("{:?}... ({} characters)", &text[..end], text.chars().count()),
        None => format!("{text:?}"),
    }
}
