//! The observations of one run: the calls, the answer and the cost.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use crate::events::{EventKind, ToolRequest};
use crate::session::turn::{Reply, Usage};

/// The number of characters of an answer that a report shows.
const SHOWN_ANSWER: usize = 300;

/// The number of characters of the arguments of a call that a report shows.
const SHOWN_ARGUMENTS: usize = 120;

/// A run of a case: its place in the suite. The closures of a [`Suite`](super::Suite) receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Run {
    /// The name of the case.
    pub case: String,
    /// The name of the variant; empty in a suite without variants.
    pub variant: String,
    /// The number of the run, from 1.
    pub number: u32,
}

/// A tool call that the model made.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Call {
    /// The name of the tool.
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: Value,
    /// The id of the calling sub-agent; `None` for the main agent.
    pub agent: Option<String>,
}

/// The observations of a run, which expectations check.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Outcome {
    /// The prompts, in order.
    pub prompts: Vec<String>,
    /// The tool calls of all turns, in order, those of sub-agents included.
    pub calls: Vec<Call>,
    /// The answer to the last prompt.
    pub answer: String,
    /// The cost of all turns.
    pub usage: Usage,
    /// The time from the first prompt to the last answer.
    pub elapsed: Duration,
}

impl Outcome {
    /// Returns the tokens sent and received.
    pub fn tokens(&self) -> u64 {
        self.usage.input_tokens.saturating_add(self.usage.output_tokens)
    }

    /// Returns the calls of a tool, in order.
    pub fn calls_of<'o>(&'o self, tool: &'o str) -> impl Iterator<Item = &'o Call> {
        self.calls.iter().filter(move |call| call.name == tool)
    }

    /// Adds the reply to a prompt.
    pub(super) fn add(&mut self, reply: &Reply) {
        for event in reply.events() {
            let EventKind::AssistantMessage(message) = event.kind() else { continue };
            let call = |request: &ToolRequest| Call {
                name: request.name.clone(),
                arguments: request.arguments.clone(),
                agent: event.agent_id().map(str::to_owned),
            };
            self.calls.extend(message.tool_requests.iter().map(call));
        }
        reply.text().clone_into(&mut self.answer);
        self.usage += reply.usage();
    }

    /// Lists the calls for a report.
    pub(super) fn shown_calls(&self) -> String {
        if self.calls.is_empty() {
            return "no tool was called".to_owned();
        }
        let mut text = "the calls were ".to_owned();
        for (index, call) in self.calls.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(text, "{separator}{}", call.shown()).expect("writing to a string cannot fail");
        }
        text
    }

    /// The answer for a report.
    pub(super) fn shown_answer(&self) -> String {
        if self.answer.is_empty() {
            return "there was no answer".to_owned();
        }
        format!("the answer was {:?}", cut(&self.answer, SHOWN_ANSWER))
    }
}

impl Call {
    /// The call for a report.
    pub(super) fn shown(&self) -> String {
        let arguments = match &self.arguments {
            Value::Null => String::new(),
            arguments => cut(&arguments.to_string(), SHOWN_ARGUMENTS),
        };
        match &self.agent {
            Some(agent) => format!("{}({arguments}) by sub-agent {agent}", self.name),
            None => format!("{}({arguments})", self.name),
        }
    }
}

/// Cuts a text for a report.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
