//! The end of a turn and its answer, where their events were lost.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use serde_json::value::RawValue;
use tokio::time::timeout;

use super::{PATIENCE, log};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{self, Event, EventHead, EventName, RecoveredEvent, RecoveryCause};
use crate::protocol::decode::Decode;
use crate::protocol::{MessageId, decode};
use crate::session::core::SessionCore;

/// The message that an event of the agent answers.
#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct Answering<'a> {
    #[serde(default)]
    originating_message_id: Option<Cow<'a, str>>,
}

/// Whether an event of the session's own agent answers this message.
fn is_about(head: &EventHead<'_>, message: &MessageId) -> bool {
    let answering = decode::event::<Answering<'_>>(head.data().get()).ok();
    let named = answering.and_then(|answering| answering.originating_message_id);
    head.agent().is_none() && named.is_some_and(|named| named == message.as_str())
}

impl SessionCore {
    /// Delivers the `session.idle` that ends the turns of the session, where it was lost.
    ///
    /// Wire: `session.eventLog.read`, to the CLI.
    pub(in crate::session) async fn recover_idle(self: &Arc<Self>) {
        let Some(peer) = self.connection.current() else { return };
        let begun = self.history.begun();
        let found = self.in_time("the last events", self.last_idle(&peer)).await.flatten();
        let Some(head) = found.as_deref().and_then(log::head) else { return };
        // An end from before a message that the agent has begun with meanwhile would end the turn of that message.
        if !self.subscribers.has_seen(&head) && self.history.begun() == begun {
            let mut asleep = Vec::new();
            self.event(&head, &mut asleep);
            events::wake_all(asleep);
            self.report_recovered(RecoveryCause::TurnNotEnded, vec![RecoveredEvent::read(&head)]);
        }
    }

    /// Returns the last message of the agent about `message`, unless its id is `seen`, and the last error after it.
    /// `since` is the id of an event before them.
    ///
    /// # Errors
    ///
    /// When it is not known whether there is an answer. A CLI without the method has none.
    ///
    /// Wire: `session.eventLog.read`, to the CLI.
    pub(in crate::session) async fn recover_answer(
        self: &Arc<Self>,
        message: MessageId,
        since: Option<String>,
        seen: Option<String>,
    ) -> Result<Vec<Event>> {
        let Some(peer) = self.connection.current() else {
            let message =
                "the answer of the turn was lost, and the connection to the CLI ended before it was found";
            return Err(Error::new(ErrorKind::Disconnected, message));
        };
        let (mut answer, mut error) = (None, None);
        let visit = |event: Box<RawValue>| {
            if let Some(head) = log::head(&event).filter(|head| is_about(head, &message)) {
                if head.name() == EventName::SessionError {
                    error = Some(Event::new(&head));
                } else {
                    (answer, error) = (Some(Event::new(&head)), None);
                }
            }
            ControlFlow::Continue(())
        };
        let types = [EventName::AssistantMessage, EventName::SessionError];
        match timeout(PATIENCE, self.read_log(&peer, &types, since.as_deref(), visit)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if error.is_unsupported() => {
                tracing::debug!(%error, session = %self.id, "the CLI does not report the last answer");
            }
            Ok(Err(source)) => {
                let message =
                    format!("the answer of the turn was lost, and cannot be read from the log: {source}");
                return Err(source.context(message));
            }
            Err(_) => {
                let message = format!(
                    "the answer of the turn was lost, and the CLI has not returned it from its log in {PATIENCE:?}"
                );
                return Err(Error::new(ErrorKind::Timeout, message));
            }
        }
        let answer = answer.filter(|answer| Some(answer.id()) != seen.as_deref());
        let lost: Vec<Event> = answer.into_iter().chain(error).collect();
        for event in &lost {
            self.subscribers.publish(event);
        }
        let recovered = lost.iter().map(|event| RecoveredEvent::named(event.name())).collect();
        self.report_recovered(RecoveryCause::AnswerMissing, recovered);
        Ok(lost)
    }
}
