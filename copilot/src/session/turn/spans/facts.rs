//! The facts about a session that its spans have.

use tracing::Span;

use crate::trace::{AgentSpan, Content, Observation, Operation, invoke_agent};

/// The facts about a session that its spans have.
pub(super) struct Facts<'a> {
    pub(super) observation: &'a Observation,
    /// Prepares content; `None` where no content is recorded.
    pub(super) content: Option<&'a Content>,
    pub(super) conversation: &'a str,
    /// The model that the program has chosen.
    pub(super) model: Option<&'a str>,
}

impl Facts<'_> {
    fn agent_span(&self, of: &AgentSpan<'_>) -> Operation {
        let mut operation = Operation::new(invoke_agent(of), &self.observation.recorder, "invoke_agent");
        operation.label(|labels| labels.request_model = of.model.map(str::to_owned));
        operation
    }

    /// Opens the span of a turn.
    pub(super) fn turn(&self, parent: &Span, prompt: Option<&str>) -> Operation {
        let content = self.content.zip(prompt);
        self.agent_span(&AgentSpan {
            parent,
            name: self.observation.agent(),
            agent_id: None,
            conversation: self.conversation,
            model: self.model,
            input: content.map(|(content, prompt)| content.message("user", prompt, None)),
        })
    }

    /// Opens a span that the CLI has too, unless its spans are in the same trace.
    pub(super) fn unless_of_cli(&self, open: impl FnOnce() -> Span) -> Span {
        if self.observation.cli_spans { Span::none() } else { open() }
    }
}
