//! What arrives for a session, delivered by the reader.
//!
//! The reader's task runs this code, so it only reads, looks up, queues and spawns: events to the subscribers, tool
//! calls and questions to tasks of their own. It has no task itself.

pub(crate) mod consult;
pub(crate) mod handler;
pub(crate) mod members;
pub(in crate::session) mod reentrancy;
pub(in crate::session) mod running;
pub(crate) mod safe_answers;
pub(crate) mod setters;
pub(in crate::session) mod tool_host;
pub(crate) mod topic;

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::task::Waker;

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventHead, EventName, MessageSkipped, Subscribers};
use crate::protocol::capabilities::Capabilities;
use crate::protocol::decode;
use crate::protocol::secret::RawMembers;
use crate::protocol::session::AgentMode;
use crate::protocol::tools::{Settled, ToolAnswerParams, ToolErrorParams, ToolRequested, Wrapped};
use crate::protocol::{SessionId, ToolCallId};
use crate::rpc::{Head, Peer, Reconnectable, Responder};
use crate::session::builder::Policy;
use crate::session::core::handler::Handler;
use crate::session::core::members::Members;
use crate::session::core::reentrancy::answering;
use crate::session::core::running::{By, Calls, Owed, What};
use crate::session::core::topic::{Settings, TopicState, Topics};
use crate::session::permissions::guard::Guard;
use crate::session::permissions::name_clash;
use crate::session::permissions::request::PermissionRequest;
use crate::session::turn::sent_message::Left;
use crate::task;
use crate::task::{lock, read, write};
use crate::tools::{
    CancellationToken, Invocation, StateMap, Tool, ToolErrors, ToolResult, ToolSet, unknown_tool,
};

/// One session's receiving end.
pub(crate) struct Inbox {
    pub(crate) id: SessionId,
    pub(crate) connection: Reconnectable<Peer>,
    /// What the session is opened with, again if need be, with what the program has changed since.
    opening: RwLock<Arc<OpenMembers>>,
    /// The mode that the program has set since; no member of what a session is opened with.
    mode: Mutex<Option<AgentMode>>,
    /// Swapped as a whole when the program changes its tools.
    tools: RwLock<Arc<ToolSet>>,
    capabilities: Mutex<Capabilities>,
    pub(crate) states: Arc<StateMap>,
    pub(crate) policy: Policy,
    pub(in crate::session) topics: &'static Topics,
    state: TopicState,
    pub(crate) subscribers: Subscribers,
    pub(crate) calls: Calls,
    /// What the guard of the permissions remembers; most sessions need none of it.
    pub(in crate::session) guard: OnceLock<Box<Guard>>,
    /// Whether the program has only joined the session of others, and has not said how to decide.
    pub(in crate::session) joins: bool,
    /// Whether approvals of earlier sessions count.
    pub(in crate::session) saved_approvals: bool,
    /// Whether a tool of the program may have the name of a tool of an MCP server.
    pub(in crate::session) watches_names: bool,
    /// The message that nobody waits for any more.
    pub(in crate::session) left: Left,
    closed: AtomicBool,
}

/// What opens a session, and opens it again after a restart.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct OpenMembers {
    pub(in crate::session) members: Members,
    pub(in crate::session) options: Members,
    pub(in crate::session) raw: RawMembers,
}

/// How a session answers the CLI.
#[derive(Default)]
pub(crate) struct Asks {
    pub(crate) policy: Policy,
    /// See [`Inbox::joins`].
    pub(crate) joins: bool,
    /// See [`Inbox::saved_approvals`].
    pub(crate) saved_approvals: bool,
}

/// Where an answer goes: protocol 3 is called back, protocol 2 has asked by request.
pub(in crate::session) enum ReplyTo {
    Call(Arc<str>),
    Request(Responder),
}

/// The place of running work in the table of running calls; its drop takes it out.
pub(in crate::session) struct Entry {
    inbox: Arc<Inbox>,
    id: Arc<str>,
    number: u64,
}

impl Deref for Entry {
    type Target = Arc<Inbox>;

    fn deref(&self) -> &Arc<Inbox> {
        &self.inbox
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.inbox.calls.finish(&self.id, self.number);
    }
}

impl Inbox {
    pub(crate) fn new(
        id: SessionId,
        peer: Peer,
        topics: &'static Topics,
        settings: Settings,
        tools: ToolSet,
        states: Arc<StateMap>,
        asks: Asks,
    ) -> Arc<Self> {
        let Settings { mut members, options, raw, state, .. } = settings;
        let Asks { policy, joins, saved_approvals } = asks;
        let watches_names = name_clash::possible(&members, tools.iter().map(Tool::name));
        if !joins && (policy.decides_calls() || watches_names) {
            members.set("hooks", true);
        }
        Arc::new(Self {
            id,
            connection: Reconnectable::new(Some(peer)),
            opening: RwLock::new(Arc::new(OpenMembers { members, options, raw })),
            mode: Mutex::default(),
            tools: RwLock::new(Arc::new(tools)),
            capabilities: Mutex::default(),
            states,
            policy,
            topics,
            state,
            subscribers: Subscribers::default(),
            calls: Calls::default(),
            guard: OnceLock::new(),
            joins,
            saved_approvals,
            watches_names,
            left: Left::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// Starts the work that answers a question, unless the table of running calls does not take it: then nothing runs.
    ///
    /// The work owns its entry in that table, so the entry ends with the work whatever becomes of it.
    pub(in crate::session) fn run<F>(
        self: &Arc<Self>,
        by: By,
        what: What,
        cancel: CancellationToken,
        work: impl FnOnce(Entry) -> F,
    ) -> bool
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let id = Arc::clone(by.id());
        let Some(number) = self.calls.admit(by, what, cancel) else { return false };
        let entry = Entry { inbox: Arc::clone(self), id: Arc::clone(&id), number };
        self.calls.own(&id, number, task::spawn(work(entry)));
        true
    }

    /// The tools that the CLI may call at this moment.
    pub(crate) fn tools(&self) -> Arc<ToolSet> {
        Arc::clone(&read(&self.tools))
    }

    /// From here on the CLI may call these. Gives the tools from before: they may hold a user's values, and their drop
    /// is a user's code, so the caller chooses where it runs.
    #[must_use]
    pub(crate) fn swap_tools(&self, tools: Arc<ToolSet>) -> Arc<ToolSet> {
        let mut now = write(&self.tools);
        std::mem::replace(&mut *now, tools)
    }

    /// What the session would be opened with now.
    pub(in crate::session) fn opening(&self) -> Arc<OpenMembers> {
        Arc::clone(&read(&self.opening))
    }

    /// Keeps a change of the program, so that it holds after a restart as well.
    pub(crate) fn remember(&self, change: impl FnOnce(&mut Members)) {
        let mut opening = write(&self.opening);
        change(&mut Arc::make_mut(&mut opening).members);
    }

    /// Whether tools outlast the CLI that has asked for them.
    pub(in crate::session) fn continues(&self) -> bool {
        self.opening().members.get("continuePendingWork") == Some(&true)
    }

    /// State of a topic.
    pub(crate) fn topic<T: 'static>(&self) -> Option<&T> {
        self.state.get()
    }

    /// The program's handler of requests of this type.
    pub(crate) fn handler<Q: 'static, A: 'static>(&self) -> Option<Handler<Q, A>> {
        self.topic::<Handler<Q, A>>().cloned()
    }

    /// Runs a tool that another CLI, or another program, has left unanswered, unless it runs still.
    pub(in crate::session) fn run_again(self: &Arc<Self>, call: ToolRequested<'_>) {
        let reply = ReplyTo::Call(call.request_id.as_ref().into());
        self.run_tool(call, None, reply);
    }

    pub(in crate::session) fn mode(&self) -> Option<AgentMode> {
        lock(&self.mode).clone()
    }

    pub(crate) fn remember_mode(&self, mode: AgentMode) {
        *lock(&self.mode) = Some(mode);
    }

    /// What the CLI can do, as far as it has told.
    pub(crate) fn capabilities(&self) -> Capabilities {
        lock(&self.capabilities).clone()
    }

    /// The CLI tells what it can do.
    pub(crate) fn learn(&self, newer: &Capabilities) {
        lock(&self.capabilities).merge(newer);
    }

    /// An event of this session; subscribers who sleep are added to `asleep`, for the caller to wake.
    ///
    /// The state that it changes is changed before subscribers receive it, so that who has the event sees the state.
    pub(crate) fn event(self: &Arc<Self>, head: &EventHead<'_>, asleep: &mut Vec<Waker>) {
        let (name, data, agent) = (head.name(), head.data(), head.agent());
        match name {
            EventName::ExternalToolCompleted => {
                if let Ok(settled) = decode::question::<Settled<'_>>(data.get()) {
                    self.calls.cancel(&settled.request_id);
                }
            }
            EventName::PermissionCompleted => self.permission_settled(data),
            // Not every CLI settles its questions when it is aborted: up to 0.0.423 this is the only sign.
            EventName::Abort if agent.is_none() => self.calls.cancel_all(),
            EventName::CapabilitiesChanged => match decode::event::<Capabilities>(data.get()) {
                Ok(newer) => self.learn(&newer),
                Err(error) => tracing::error!(%error, session = %self.id, "capabilities cannot be read"),
            },
            _ => {}
        }
        self.subscribers.deliver(head, asleep);
        match name {
            EventName::ExternalToolRequested => self.tool_requested(head, data),
            EventName::PermissionRequested => self.permission_requested(data),
            EventName::UserMessage | EventName::AssistantTurnStart | EventName::SessionIdle
                if agent.is_none() =>
            {
                self.left.look();
            }
            EventName::McpServersLoaded => self.servers_loaded(data),
            EventName::McpServerStatusChanged => self.look_for_clashes(),
            name => {
                if let Some(handle) = self.topics.event(name) {
                    handle(self, data);
                }
            }
        }
    }

    /// A message about this session was skipped. An event that asks gets the safe answer.
    pub(crate) fn skipped(self: &Arc<Self>, head: &Head<'_>, why: &str) {
        tracing::error!(event = head.event, session = %self.id, why, "a message of the CLI was skipped");
        self.answer_skipped(head, why);
        let error = Error::new(ErrorKind::Transport, format!("a message of the CLI was skipped: {why}"));
        let skipped = MessageSkipped { event: head.event.clone(), error };
        self.subscribers.publish(&Event::message_skipped(skipped));
    }

    /// A request of the CLI about this session.
    pub(crate) fn request(self: &Arc<Self>, method: &str, params: &RawValue, responder: Responder) {
        match method {
            "tool.call" => match decode::question::<ToolRequested<'_>>(params.get()) {
                Ok(call) => self.run_tool(call, None, ReplyTo::Request(responder)),
                Err(error) => self.refuse_unreadable(method, params, responder, &error),
            },
            "permission.request" => self.permission_wanted(params, responder),
            _ => match self.topics.request(method) {
                Some(handle) => handle(self, params, responder),
                None => self.topics.unknown(self, method, params, responder),
            },
        }
    }

    /// The connection is gone but may come back: what runs is cancelled, which is told, and who calls waits.
    pub(crate) fn interrupt(&self, cause: &Error) -> Vec<String> {
        self.connection.set_disconnected();
        // What may go on does so until it is known whether the CLI that comes back still waits for it.
        let cancelled = self.calls.interrupt(self.continues());
        self.subscribers.interrupt(&Event::disconnected(cause.clone()));
        self.left.look();
        cancelled
    }

    /// The connection is gone for good: whoever waits learns why, and nothing more runs.
    pub(crate) fn disconnect(&self, cause: &Error) {
        self.connection.close(cause);
        self.calls.close();
        self.subscribers.interrupt(&Event::disconnected(cause.clone()));
        self.subscribers.close();
        self.left.look();
    }

    /// The program has closed the session.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        // Whoever waits for the connection to come back, or calls later, learns it here: nobody resumes this session.
        self.connection.close(&Error::new(ErrorKind::Closed, "the session is closed"));
        self.calls.close();
        self.subscribers.close();
        self.left.look();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    fn tool_requested(self: &Arc<Self>, head: &EventHead<'_>, data: &RawValue) {
        match decode::question::<ToolRequested<'_>>(data.get()) {
            Ok(call) if call.request_id.is_empty() => {
                tracing::error!(session = %self.id, "a tool call without `requestId` cannot be answered");
            }
            Ok(call) => {
                let reply = ReplyTo::Call(call.request_id.as_ref().into());
                self.run_tool(call, head.agent(), reply);
            }
            Err(error) => self.answer_unreadable(EventName::ExternalToolRequested, data, &error),
        }
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
            ReplyTo::Request(responder) => {
                By::Call(call.tool_call_id.as_ref().into(), Owed::new(responder, cancel_tool))
            }
        };
        // Protocol 3 has asked for permission before it asks for the call, or should have; protocol 2 lets everything
        // run.
        let unasked = match &reply {
            ReplyTo::Request(_) => !tool.def().skip_permission,
            ReplyTo::Call(_) => self.is_unpermitted(tool, &call.tool_call_id),
        };
        // Boxed, so that no other call has to make room for it.
        let unasked = unasked.then(|| Box::new(PermissionRequest::for_own_tool(&self.id, tool, &call)));
        let cancel = CancellationToken::default();
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
            errors_visible: self.policy.tool_errors == ToolErrors::Visible,
        };
        let what = What::Tool(tool.clone());
        let (tool, token) = (tool.clone(), cancel.clone());
        let work = |entry: Entry| async move {
            let refused = match unasked {
                Some(request) => Box::pin(entry.decide_here(*request)).await.refusal(),
                None => None,
            };
            let result = match refused {
                Some(refused) => refused,
                // A tool answers its panics itself; this is for what a panic in its machinery would leave unanswered.
                None => match task::catch(tool.invoke(invocation)).await {
                    Ok(result) => result.within(entry.policy.max_tool_result.0, tool.name()),
                    Err(panic) => {
                        tracing::error!(panic, tool = tool.name(), "a tool call failed");
                        ToolResult::failure(format!("`{}` failed for an internal reason.", tool.name()))
                    }
                },
            };
            entry.answer_tool(reply, &result, &token).await;
        };
        let started = self.run(by, what, cancel, |entry| answering(self, work(entry)));
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

    async fn answer_tool(&self, reply: ReplyTo, result: &ToolResult, cancel: &CancellationToken) {
        match reply {
            ReplyTo::Request(responder) => responder.ok(&Wrapped { result }),
            ReplyTo::Call(id) => {
                let Some(peer) = self.asker(cancel).await else { return };
                peer.room().await;
                let params = ToolAnswerParams { session_id: &self.id, request_id: &id, result };
                let sent = peer.request("session.tools.handlePendingToolCall", &params).detach();
                log_unsent(sent, "a tool's result");
            }
        }
    }
}

/// The answer to a request whose tool was aborted.
fn cancel_tool(responder: Responder) {
    responder.ok(&Wrapped { result: &ToolResult::failure("The call was cancelled: the session is closed.") });
}

/// An answer that cannot be sent is lost with its connection, which everybody learns of; anything else is a bug.
pub(in crate::session) fn log_unsent(sent: crate::Result<()>, what: &str) {
    if let Err(error) = sent {
        if error.is_disconnected() || error.kind() == ErrorKind::Closed {
            tracing::debug!(%error, "{what} came after the connection had ended");
        } else {
            tracing::error!(%error, "{what} could not be sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_entry_of_running_work_outlives_its_task() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let (tools, states, asks) = (ToolSet::default(), Arc::default(), Asks::default());
        let (topics, settings) = (&crate::api::TOPICS, Settings::default());
        let inbox = Inbox::new("s".into(), peer, topics, settings, tools, states, asks);
        let run = |id: &str, panics: bool| {
            let (by, what) = (By::Event(id.into()), What::Question("q".to_owned()));
            inbox.run(by, what, CancellationToken::default(), |entry| async move {
                let _entry = entry;
                assert!(!panics, "the work panics");
                std::future::pending::<()>().await;
            })
        };
        assert!(run("panics", true));
        assert!(run("pending", false));
        tokio::task::yield_now().await;
        assert_eq!(inbox.calls.describe(), ["q (pending)"]);
        let inbox_only = Arc::downgrade(&inbox);
        inbox.calls.abort();
        assert!(inbox.calls.describe().is_empty());
        tokio::task::yield_now().await;
        // The task of aborted work is gone, and so is what it held.
        assert_eq!(inbox_only.strong_count(), 1);
    }
}
