//! The span of a turn while its message is on its way to the CLI.

use std::borrow::Cow;
use std::sync::Arc;

use serde_json::value::RawValue;
use tracing::Span;

use super::totals::error_type;
use crate::error::Error;
use crate::protocol::decode;
use crate::protocol::session::{SendOptions, SessionSendResponse};
use crate::session::core::SessionCore;

/// The turn of a message that the CLI has not accepted; nothing where nothing is observed. Its drop ends the span, unless
/// the message was accepted.
pub(in crate::session::turn) struct SentTurn(Option<Sent>);

struct Sent {
    core: Arc<SessionCore>,
    number: u64,
    span: Span,
    error_type: Option<&'static str>,
    is_accepted: bool,
}

impl SentTurn {
    /// Opens the span of a turn, as a child of the current span, and makes it the parent of the CLI's spans unless the
    /// message has a parent.
    pub(in crate::session::turn) fn open(
        core: &Arc<SessionCore>,
        message: &mut Cow<'_, SendOptions>,
    ) -> Self {
        let spans = &core.spans;
        if !spans.is_on() {
            return Self(None);
        }
        let opening = core.opening();
        let model = core.topics.model(&opening.members);
        let (number, span) = spans.with(&core.id, model, |state, facts| {
            let operation = facts.turn(&Span::current(), Some(&message.prompt));
            let span = operation.span.clone();
            (state.open(operation), span)
        });
        if message.trace.traceparent.is_none()
            && let Some(context) = spans.observation().inject(&span)
        {
            message.to_mut().trace = context;
        }
        Self(Some(Sent { core: Arc::clone(core), number, span, error_type: None, is_accepted: false }))
    }

    pub(in crate::session::turn) fn span(&self) -> Span {
        self.0.as_ref().map_or_else(Span::none, |sent| sent.span.clone())
    }

    /// The message is about to be sent. Returns a function for the response, which calls `then`; the reader runs it in
    /// order with the events.
    pub(in crate::session::turn) fn on_response<N>(
        &self,
        then: N,
    ) -> impl FnOnce(Option<&RawValue>) + Send + use<N>
    where
        N: FnOnce(Option<&RawValue>) + Send + 'static,
    {
        let sent = self.0.as_ref().map(|sent| {
            let (core, number) = (Arc::clone(&sent.core), sent.number);
            let was_idle = core.subscribers.is_idle();
            core.spans.existing(|state| state.sent(number, was_idle));
            (core, number)
        });
        move |response| {
            if let Some((core, number)) = sent
                && let Some(response) = response
                && let Ok(accepted) = decode::answer::<SessionSendResponse>(response.get())
            {
                core.spans.with(&core.id, None, |state, facts| {
                    state.accepted(number, accepted.message_id, facts);
                });
            }
            then(response);
        }
    }

    /// Passes the result of the request on.
    pub(in crate::session::turn) fn ended<T>(mut self, result: Result<T, Error>) -> Result<T, Error> {
        if let Some(sent) = &mut self.0 {
            match &result {
                Ok(_) => sent.is_accepted = true,
                Err(error) => sent.error_type = Some(error_type(error)),
            }
        }
        result
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.is_accepted {
            self.core.spans.existing(|state| state.refused(self.number, self.error_type));
        }
    }
}
