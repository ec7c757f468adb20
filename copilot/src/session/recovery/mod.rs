//! The recovery of events that were lost on their way to this program.
//!
//! The CLI sends each event once. One that is lost between the CLI and this program (a proxy, a relay, a message over a
//! limit) leaves the CLI waiting for an answer to a question that was never seen, or a turn waiting for its end. The CLI
//! knows both: it lists the requests that wait for an answer, and its log has all events. So the CLI is asked when
//! something that must follow does not come, and what was lost is handled like an event that comes late: the table of
//! work in flight admits each request id once.
//!
//! `announcements` watches for calls that are not requested, `turn_end` recovers the end of a turn, `log` reads the log of the
//! CLI. Each trigger that may have lost a question calls [`SessionCore::recover`].

pub(crate) mod announcements;
mod log;
mod turn_end;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use self::log::Open;
use super::core::SessionCore;
use super::permissions::decide;
use super::tool_calls;
use crate::error::Result;
use crate::events::{Event, EventName, EventsRecovered, RecoveredEvent, RecoveryCause};
use crate::protocol::permissions::{PendingPermission, PermissionsPendingResponse};
use crate::protocol::session::SessionParams;
use crate::protocol::tools::{PendingTool, ToolsPendingResponse};
use crate::rpc::Peer;

/// How long the CLI may take for its lists, and for its log.
const PATIENCE: Duration = Duration::from_secs(5);

impl SessionCore {
    /// Handles a question that comes late. Returns whether this program answers it; subscribers receive only such a one,
    /// because the others may have arrived.
    fn ask_late(self: &Arc<Self>, question: &Open) -> Option<RecoveredEvent> {
        let head = log::head(&question.event)?;
        self.handle(&head);
        if !self.calls.knows(&question.request_id) {
            return None;
        }
        self.subscribers.publish(&Event::new(&head));
        Some(RecoveredEvent::read(&head))
    }

    fn report_recovered(&self, cause: RecoveryCause, events: Vec<RecoveredEvent>) {
        if events.is_empty() {
            return;
        }
        tracing::warn!(session = %self.id, ?cause, ?events, "events of the CLI were lost and have been recovered");
        self.subscribers.publish(&Event::events_recovered(EventsRecovered { cause, events }));
    }
}

/// The requests that the CLI waits for.
#[derive(Default)]
struct Listed {
    /// `None` where the CLI has no list of them.
    tools: Option<Vec<PendingTool>>,
    permissions: Vec<PendingPermission>,
}

impl SessionCore {
    /// Asks the CLI what it waits for, and handles each question of it that this program has not seen. Returns
    /// descriptions of all that the CLI lists, for people.
    ///
    /// A failure is logged: the cause stays, and the next trigger asks again.
    ///
    /// Wire: `session.tools.listPendingRequests`, `session.permissions.pendingRequests`, and `session.eventLog.read` where a
    /// question was not seen, to the CLI.
    pub(in crate::session) async fn recover(self: &Arc<Self>, cause: RecoveryCause) -> Vec<String> {
        let Some(peer) = self.connection.current() else { return Vec::new() };
        let listed = self.in_time("the pending requests", self.list(&peer)).await.unwrap_or_default();
        let mut recovered = Vec::new();
        let lost = self.lost(&listed);
        // The lists have only two kinds of questions.
        if !lost.is_empty() || listed.tools.is_none() || cause != RecoveryCause::CallNotRequested {
            let open = self.in_time("the open questions", self.open_questions(&peer)).await;
            for question in open.unwrap_or_default() {
                let is_lost = match (&listed.tools, question.name) {
                    (Some(_), EventName::ExternalToolRequested) | (_, EventName::PermissionRequested) => {
                        lost.contains(&question.request_id)
                    }
                    _ => true,
                };
                // It may have arrived meanwhile.
                if is_lost && !self.knows(&question.request_id) {
                    recovered.extend(self.ask_late(&question));
                }
            }
        }
        self.recover_listed(&peer, &listed, &lost, &mut recovered).await;
        self.report_recovered(cause, recovered);
        listed.describe()
    }

    /// Handles questions that the CLI lists and that its log does not have.
    async fn recover_listed(
        self: &Arc<Self>,
        peer: &Peer,
        listed: &Listed,
        lost: &[String],
        recovered: &mut Vec<RecoveredEvent>,
    ) {
        let is_lost = |id: &str| lost.iter().any(|lost| lost == id) && !self.knows(id);
        for call in listed.tools.iter().flatten().filter(|call| is_lost(&call.request_id)) {
            tool_calls::again(self, call.as_requested());
            recovered.push(RecoveredEvent::tool_call(call));
        }
        if !listed.permissions.iter().any(|asked| is_lost(&asked.request_id)) {
            return;
        }
        // With their requests in full, as far as the CLI has them.
        let asked = self.in_time("the pending permissions", self.pending_permissions(peer)).await;
        for asked in asked.unwrap_or_default().into_iter().filter(|asked| is_lost(&asked.request_id)) {
            decide::again(self, &asked.request_id, &asked.request);
            recovered.push(RecoveredEvent::permission(&asked));
        }
    }

    async fn list(&self, peer: &Peer) -> Result<Listed> {
        let params = SessionParams { session_id: &self.id };
        let method = "session.tools.listPendingRequests";
        let tools = match peer.request(method, &params).decoded::<ToolsPendingResponse>().await {
            Err(error) if error.is_unsupported() => None,
            listed => Some(listed?.items),
        };
        let method = "session.permissions.pendingRequests";
        let permissions: PermissionsPendingResponse = self.call_or_default(peer, method, &params).await?;
        Ok(Listed { tools, permissions: permissions.items })
    }

    /// Returns the ids of the listed requests that this program has to answer and has not seen.
    fn lost(&self, listed: &Listed) -> Vec<String> {
        let ours = self.tools();
        let calls = listed.tools.iter().flatten().filter(|call| ours.get(&call.tool_name).is_some());
        let ids = calls.map(|call| &call.request_id);
        let ids = ids.chain(listed.permissions.iter().map(|asked| &asked.request_id));
        ids.filter(|id| !self.knows(id)).cloned().collect()
    }

    /// Whether a request was seen, or has an answer that the program gives later.
    fn knows(&self, id: &str) -> bool {
        self.calls.knows(id) || self.open_answers.contains(id)
    }

    /// Returns the answer of the CLI, unless it fails or takes too long.
    async fn in_time<T>(&self, what: &str, answer: impl Future<Output = Result<T>>) -> Option<T> {
        match timeout(PATIENCE, answer).await {
            Ok(Ok(answer)) => return Some(answer),
            Ok(Err(error)) => {
                tracing::debug!(%error, session = %self.id, "the CLI does not report {what}");
            }
            Err(_) => tracing::warn!(session = %self.id, "the CLI has not reported {what} in {PATIENCE:?}"),
        }
        None
    }
}

impl Listed {
    fn describe(&self) -> Vec<String> {
        let calls = self.tools.iter().flatten();
        let calls = calls.map(|call| format!("{} ({})", call.tool_name, call.request_id));
        let permissions = self.permissions.iter().map(|asked| {
            let kind = asked.kind().unwrap_or_else(|| "a tool".into());
            format!("permission for {kind} ({})", asked.request_id)
        });
        calls.chain(permissions).collect()
    }
}
