//! What arrives for a session, delivered by the reader.
//!
//! The reader's task runs this code, so it only reads, looks up, queues and spawns: events to the subscribers, tool
//! calls and questions to tasks of their own. It has no task itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::Waker;

use serde_json::value::RawValue;

use super::answering::answering;
use super::calls::{By, Calls, What};
use super::handlers::Handlers;
use super::hooks;
use super::outgoing::Left;
use super::permission_request::PermissionRequest;
use super::permissions::Decision;
use crate::error::{Error, ErrorKind};
use crate::events::{Event, Subscribers};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::config::SessionConfig;
use crate::protocol::event::EventHead;
use crate::protocol::permissions::Vocabulary;
use crate::protocol::session::AgentMode;
use crate::protocol::tools::{
    Settled, ToolAnswerParams, ToolErrorParams, ToolRequested, UnreadableToolCall, Wrapped,
};
use crate::protocol::{SessionId, ToolCallId};
use crate::rpc::{Line, Peer, Responder};
use crate::tools::{Cancellation, Invocation, StateMap, ToolErrors, ToolResult, ToolSet, unknown_tool};

/// One session's receiving end.
pub(crate) struct Inbox {
    pub(crate) id: SessionId,
    pub(crate) line: Line<Peer>,
    /// What the session is opened with, again if need be, with what the program has changed since.
    config: RwLock<Arc<SessionConfig>>,
    /// The mode that the program has set since; no member of what a session is opened with.
    mode: Mutex<Option<AgentMode>>,
    /// Swapped as a whole when the program changes its tools.
    tools: RwLock<Arc<ToolSet>>,
    capabilities: Mutex<Capabilities>,
    pub(crate) states: Arc<StateMap>,
    pub(crate) handlers: Handlers,
    pub(crate) subscribers: Subscribers,
    pub(crate) calls: Calls,
    /// The message that nobody waits for any more.
    pub(super) left: Left,
    closed: AtomicBool,
}

/// Where an answer goes: protocol 3 is called back, protocol 2 has asked by request.
pub(super) enum ReplyTo {
    Call(Arc<str>),
    Request(Responder),
}

impl Inbox {
    /// The requests of the CLI that a session answers.
    pub(crate) const METHODS: &[&str] = &[
        "tool.call",
        "permission.request",
        "hooks.invoke",
        "userInput.request",
        "exitPlanMode.request",
        "autoModeSwitch.request",
        "systemMessage.transform",
        "providerToken.getToken",
        "gitHubToken.getToken",
        "skillProvider.list",
        "skillProvider.read",
        "canvas.open",
        "canvas.close",
        "canvas.action.invoke",
    ];

    pub(crate) fn new(
        id: SessionId,
        peer: Peer,
        config: SessionConfig,
        tools: ToolSet,
        states: Arc<StateMap>,
        handlers: Handlers,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            line: Line::new(Some(peer)),
            config: RwLock::new(Arc::new(config)),
            mode: Mutex::default(),
            tools: RwLock::new(Arc::new(tools)),
            capabilities: Mutex::default(),
            states,
            handlers,
            subscribers: Subscribers::default(),
            calls: Calls::default(),
            left: Left::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// The tools that the CLI may call at this moment.
    pub(crate) fn tools(&self) -> Arc<ToolSet> {
        Arc::clone(&self.tools.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// From here on the CLI may call these. Gives the tools from before: they may hold a user's values, and their drop
    /// is a user's code, so the caller chooses where it runs.
    #[must_use]
    pub(crate) fn swap_tools(&self, tools: Arc<ToolSet>) -> Arc<ToolSet> {
        let mut now = self.tools.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *now, tools)
    }

    /// What the session would be opened with now.
    pub(super) fn config(&self) -> Arc<SessionConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The program has changed the session, and it is to be so after a restart as well.
    pub(super) fn remember(&self, change: impl FnOnce(&mut SessionConfig)) {
        change(Arc::make_mut(&mut self.config.write().unwrap_or_else(PoisonError::into_inner)));
    }

    /// Whether tools outlast the CLI that has asked for them.
    pub(super) fn continues(&self) -> bool {
        self.config().continue_pending_work == Some(true)
    }

    /// Runs a tool that another CLI, or another program, has left unanswered, unless it runs still.
    pub(super) fn run_again(self: &Arc<Self>, call: ToolRequested<'_>) {
        let reply = ReplyTo::Call(call.request_id.as_ref().into());
        self.run_tool(call, None, reply);
    }

    pub(super) fn mode(&self) -> Option<AgentMode> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn remember_mode(&self, mode: AgentMode) {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner) = Some(mode);
    }

    /// What the CLI can do, as far as it has told.
    pub(crate) fn capabilities(&self) -> Capabilities {
        self.capabilities.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The CLI tells what it can do.
    pub(crate) fn learn(&self, newer: &Capabilities) {
        self.capabilities.lock().unwrap_or_else(PoisonError::into_inner).merge(newer);
    }

    /// An event of this session; subscribers who sleep are added to `asleep`, for the caller to wake.
    ///
    /// The state that it changes is changed before subscribers receive it, so that who has the event sees the state.
    pub(crate) fn event(self: &Arc<Self>, head: &EventHead<'_>, asleep: &mut Vec<Waker>) {
        let data = head.data.unwrap_or(RawValue::NULL);
        let agent = head.agent.filter(|agent| !agent.is_empty());
        match head.name {
            "external_tool.completed" | "permission.completed" => {
                if let Ok(settled) = serde_json::from_str::<Settled<'_>>(data.get()) {
                    self.calls.cancel(&settled.request_id);
                }
            }
            // Not every CLI settles its questions when it is aborted: up to 0.0.423 this is the only sign.
            "abort" if agent.is_none() => self.calls.cancel_all(),
            "capabilities.changed" => self.other_event(head.name, data),
            _ => {}
        }
        self.subscribers.deliver(head, asleep);
        match head.name {
            "external_tool.requested" => self.tool_requested(head, data),
            "permission.requested" => self.permission_requested(data),
            "user.message" | "assistant.turn_start" | "session.idle" if agent.is_none() => self.left.look(),
            "capabilities.changed" => {}
            name => self.other_event(name, data),
        }
    }

    /// A request of the CLI about this session.
    pub(crate) fn request(self: &Arc<Self>, method: &str, params: &RawValue, responder: Responder) {
        match method {
            "tool.call" => match serde_json::from_str::<ToolRequested<'_>>(params.get()) {
                Ok(call) => self.run_tool(call, None, ReplyTo::Request(responder)),
                Err(error) => {
                    tracing::error!(%error, session = %self.id, "a tool call cannot be read");
                    responder.ok(&Wrapped { result: &ToolResult::failure("The call could not be read.") });
                }
            },
            "permission.request" => self.permission_wanted(params, responder),
            _ => self.other_request(method, params, responder),
        }
    }

    /// Answers a request that cannot be read, or that belongs to no session here.
    pub(crate) fn refuse(method: &str, params: &RawValue, responder: Responder, code: i64, why: &str) {
        if method == "hooks.invoke"
            && let Some(denied) = hooks::without_session(params)
        {
            tracing::error!(why, "a hook that guards a tool cannot be asked; the tool is denied");
            return responder.ok(&denied);
        }
        if method != "permission.request" {
            return responder.error(code, why);
        }
        // Never by an error, nor in any but the old words: the oldest CLIs take what they do not know for a yes.
        tracing::error!(why, "a permission request cannot be decided; denied");
        responder.ok(&Wrapped { result: &Decision::Unavailable.to_wire(Vocabulary::Old) });
    }

    /// The connection is gone but may come back: what runs is cancelled, which is told, and who calls waits.
    pub(crate) fn interrupt(&self, cause: &Error) -> Vec<String> {
        self.line.down();
        // What may go on does so until it is known whether the CLI that comes back still waits for it.
        let cancelled = self.calls.interrupt(self.continues());
        self.subscribers.interrupt(&Event::disconnected(cause.clone()));
        self.left.look();
        cancelled
    }

    /// The connection is gone for good: whoever waits learns why, and nothing more runs.
    pub(crate) fn disconnect(&self, cause: &Error) {
        self.line.end(cause);
        self.calls.close();
        self.subscribers.publish(&Event::disconnected(cause.clone()));
        self.subscribers.close();
        self.left.look();
    }

    /// The program has closed the session.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Whoever waits for the connection to come back, or calls later, learns it here: nobody resumes this session.
        self.line.end(&Error::new(ErrorKind::Closed, "the session is closed"));
        self.calls.close();
        self.subscribers.close();
        self.left.look();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn tool_requested(self: &Arc<Self>, head: &EventHead<'_>, data: &RawValue) {
        match serde_json::from_str::<ToolRequested<'_>>(data.get()) {
            Ok(call) => {
                let reply = ReplyTo::Call(call.request_id.as_ref().into());
                self.run_tool(call, head.agent.filter(|agent| !agent.is_empty()), reply);
            }
            Err(error) => {
                tracing::error!(%error, session = %self.id, "a tool call cannot be read");
                self.refuse_unreadable(data);
            }
        }
    }

    /// Without an answer the agent would wait for ever; a tool that is another client's is left to that one.
    fn refuse_unreadable(&self, data: &RawValue) {
        let Ok(UnreadableToolCall { request_id, tool_name }) = serde_json::from_str(data.get()) else {
            return;
        };
        let Some(peer) = self.line.now().filter(|_| self.tools().get(&tool_name).is_some()) else { return };
        let result = &ToolResult::failure(format!("The call of `{tool_name}` could not be read."));
        let params = ToolAnswerParams { session_id: &self.id, request_id: &request_id, result };
        log_unsent(peer.post_answer("session.tools.handlePendingToolCall", &params), "a refusal");
    }

    fn run_tool(self: &Arc<Self>, call: ToolRequested<'_>, agent: Option<&str>, reply: ReplyTo) {
        let tools = self.tools();
        let Some(tool) = tools.get(&call.tool_name) else {
            // Protocol 3 asks every client, and the tool is another one's; protocol 2 asks only us.
            if let ReplyTo::Request(responder) = reply {
                responder.ok(&Wrapped { result: &unknown_tool(&call.tool_name, &tools) });
            }
            return;
        };
        if call.tool_call_id.is_empty() {
            return self.refuse_anonymous(&call, reply);
        }
        // Protocol 2 has no request id, and the call's own id is as unique.
        let by = match &reply {
            ReplyTo::Call(id) => By::Event(Arc::clone(id)),
            ReplyTo::Request(responder) => By::Call(call.tool_call_id.as_ref().into(), responder.asked_id()),
        };
        // Protocol 3 has asked for permission before it asks for the call; protocol 2 lets everything run.
        let unasked = match &reply {
            ReplyTo::Request(_) if !tool.def().skip_permission => {
                // Boxed, so that no other call has to make room for it.
                Some(Box::new(PermissionRequest::for_own_tool(&self.id, tool, &call)))
            }
            _ => None,
        };
        let cancel = Cancellation::default();
        let invocation = Invocation {
            session_id: self.id.clone(),
            call_id: ToolCallId::from(&*call.tool_call_id),
            agent_id: agent.map(Into::into),
            working_directory: call.working_directory,
            traceparent: call.traceparent,
            tracestate: call.tracestate,
            arguments: call.arguments.map(ToOwned::to_owned),
            states: Arc::clone(&self.states),
            host: Arc::clone(self) as _,
            cancel: cancel.clone(),
            errors_visible: self.handlers.tool_errors == ToolErrors::Visible,
        };
        let (inbox, what) = (Arc::clone(self), What::Tool(tool.clone()));
        let (tool, key, token) = (tool.clone(), Arc::clone(by.id()), cancel.clone());
        let work = answering(self, async move {
            let refused = match unasked {
                Some(request) => Box::pin(inbox.decide_here(*request)).await.refusal(),
                None => None,
            };
            let result = match refused {
                Some(refused) => refused,
                None => {
                    let result = tool.invoke(invocation).await;
                    result.within(inbox.handlers.max_tool_result.0, tool.name())
                }
            };
            inbox.answer_tool(reply, &result, &token).await;
            inbox.calls.finish(&key);
        });
        let started = self.calls.start(by, what, cancel, work);
        if !started {
            let (call, tool) = (&*call.tool_call_id, &*call.tool_name);
            tracing::debug!(call, tool, "a tool call came twice, or after the session was closed");
        }
    }

    /// Nothing that the tool does could be told apart from another call's.
    fn refuse_anonymous(&self, call: &ToolRequested<'_>, reply: ReplyTo) {
        let error = &format!("the call of `{}` has no `toolCallId`, and was not run", call.tool_name);
        tracing::error!(error, session = %self.id, "a tool call is refused");
        match reply {
            ReplyTo::Request(responder) => responder.ok(&Wrapped { result: &ToolResult::failure(error) }),
            ReplyTo::Call(id) => {
                let params = ToolErrorParams { session_id: &self.id, request_id: &id, error };
                self.post_answer("session.tools.handlePendingToolCall", &params);
            }
        }
    }

    async fn answer_tool(&self, reply: ReplyTo, result: &ToolResult, cancel: &Cancellation) {
        match reply {
            ReplyTo::Request(responder) => responder.ok(&Wrapped { result }),
            ReplyTo::Call(id) => {
                let Some(peer) = self.asker(cancel).await else { return };
                peer.room().await;
                let params = ToolAnswerParams { session_id: &self.id, request_id: &id, result };
                let sent = peer.post_answer("session.tools.handlePendingToolCall", &params);
                log_unsent(sent, "a tool's result");
            }
        }
    }
}

/// An answer that cannot be sent is lost with its connection, which everybody learns of; anything else is a bug.
pub(super) fn log_unsent(sent: crate::Result<()>, what: &str) {
    if let Err(error) = sent {
        if error.is_disconnected() || error.kind() == ErrorKind::Closed {
            tracing::debug!(%error, "{what} came after the connection had ended");
        } else {
            tracing::error!(%error, "{what} could not be sent");
        }
    }
}
