//! Hooks: what the program says to the steps of the agent's work.
//!
//! One closure per kind of step, each with a typed input and a typed output. A step that has no
//! hook, and one whose hook fails, get no opinion: the agent goes on as if nobody had been asked. Only a tool whose
//! [`on_pre_tool_use`](Hooks::on_pre_tool_use) fails is denied, because that hook may be what guards it.
//!
//! # Examples
//!
//! ```
//! use copilot::Session;
//! use copilot::hooks::{Hooks, PostToolUse, PreToolUse};
//!
//! let hooks = Hooks::new()
//!     .on_pre_tool_use(|step, _| async move {
//!         match step.tool_name.as_str() {
//!             "bash" => PreToolUse::deny("this program has no shell"),
//!             _ => PreToolUse::pass(),
//!         }
//!     })
//!     .on_post_tool_use(|step, cx| async move {
//!         println!("{} in {:?}: {}", step.tool_name, cx.cwd(), step.tool_result.text_result_for_llm);
//!         PostToolUse::pass()
//!     });
//! let builder = Session::builder().hooks(hooks);
//! # drop(builder);
//! ```

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::value::{RawValue, to_raw_value};

use crate::contain::UserValue;
use crate::error::Result;
use crate::protocol::decode;
use crate::protocol::hooks::{HookCommon, HookInvokeParams, HookInvokeResponse};
use crate::protocol::{SessionId, ToolCallId};
use crate::rpc::Responder;
use crate::session::SessionBuilder;
use crate::session::core::Inbox;
use crate::session::core::consult::Question;
use crate::session::core::handler::{BoxError, IntoAnswer};
use crate::session::core::safe_answers::Named;
use crate::session::core::topic::Topic;
use crate::tools::{State, StateMap};

pub use crate::protocol::hooks::{
    AgentStop, AgentStopInput, ErrorHandling, ErrorOccurred, ErrorOccurredInput, HookDecision, HookError,
    HookPermission, HookToolResult, PostToolUse, PostToolUseFailure, PostToolUseFailureInput,
    PostToolUseInput, PreMcpToolCall, PreMcpToolCallInput, PreToolUse, PreToolUseInput, SessionEnd,
    SessionEndInput, SessionEndReason, SessionSource, SessionStart, SessionStartInput, SubagentStart,
    SubagentStartInput, SubagentStop, SubagentStopInput, UserPromptSubmitted, UserPromptSubmittedInput,
    UserPromptTransformed, UserPromptTransformedInput,
};

/// Where and when a hook is asked.
#[derive(Clone)]
pub struct HookContext {
    session_id: SessionId,
    common: HookCommon,
    raw: Arc<RawValue>,
    states: Arc<StateMap>,
}

impl HookContext {
    /// The session.
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// When the step happened, in milliseconds since 1970.
    pub fn timestamp(&self) -> Option<f64> {
        self.common.timestamp
    }

    /// The directory that the agent works in.
    pub fn cwd(&self) -> Option<&str> {
        self.common.cwd.as_deref()
    }

    /// The sub-agent whose step it is; `None` for the session's main agent.
    pub fn agent_id(&self) -> Option<&str> {
        self.common.agent_id.as_deref()
    }

    /// The type of that sub-agent.
    pub fn agent_type(&self) -> Option<&str> {
        self.common.agent_type.as_deref()
    }

    /// The agent that has started that sub-agent.
    pub fn parent_agent_id(&self) -> Option<&str> {
        self.common.parent_agent_id.as_deref()
    }

    /// The tool call that it is about, where the CLI tells.
    pub fn tool_call_id(&self) -> Option<&ToolCallId> {
        self.common.tool_call_id.as_ref()
    }

    /// The W3C trace context of the step: `traceparent` and `tracestate`.
    pub fn trace(&self) -> Option<(&str, Option<&str>)> {
        Some((self.common.traceparent.as_deref()?, self.common.tracestate.as_deref()))
    }

    /// The state of type `T` that the program gave to the session. A lazily built state that is not there yet is built
    /// here, and blocks the thread meanwhile.
    pub fn state<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        self.states.get()
    }

    /// The hook's input as JSON text, exactly as it came.
    pub fn raw(&self) -> &str {
        self.raw.get()
    }
}

impl fmt::Debug for HookContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HookContext")
            .field("session_id", &self.session_id)
            .field("input", &self.raw())
            .finish_non_exhaustive()
    }
}

/// Hooks of a session: closures that run at the steps of the agent's work. See [the module](self) for an example.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Hooks {
    table: HookTable,
    /// The setters that were used; old CLIs lack some.
    features: Vec<&'static str>,
}

impl Hooks {
    /// Creates a set without hooks.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SessionBuilder {
    /// Sets hooks. A second call adds to the first; the last hook of a kind wins.
    ///
    /// Wire: `hooks.invoke`, from the CLI.
    pub fn hooks(mut self, hooks: Hooks) -> Self {
        let Hooks { table, features } = hooks;
        if !table.0.is_empty() {
            self.settings.state.update(|all: &mut HookTable| all.0.extend(table.0));
            self.settings.members.set("hooks", true);
            self.settings.features.extend(features);
        }
        self
    }
}

/// The hooks of a session, by their kinds.
#[derive(Clone, Default)]
pub(crate) struct HookTable(HashMap<&'static str, Hook>);

#[derive(Clone)]
struct Hook {
    setter: &'static str,
    run: Arc<Run>,
}

/// Reads the input, runs the program's closure, writes the output.
type Run = dyn Fn(HookContext) -> BoxFuture<'static, Result<Box<RawValue>, BoxError>> + Send + Sync;

impl HookTable {
    fn insert<I, O, F, R>(
        &mut self,
        kind: &'static str,
        setter: &'static str,
        hook: impl Fn(I, HookContext) -> F + Send + Sync + 'static,
    ) where
        I: DeserializeOwned,
        O: Serialize,
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<O>,
    {
        let hook = UserValue::new(hook);
        let run = move |cx: HookContext| -> BoxFuture<'static, Result<Box<RawValue>, BoxError>> {
            let output = decode::question(cx.raw()).map(|input| hook(input, cx));
            Box::pin(async move { Ok(to_raw_value(&output?.await.into_answer()?)?) })
        };
        self.0.insert(kind, Hook { setter, run: Arc::new(run) });
    }
}

impl fmt::Debug for HookTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn hook_invoked(session: &Arc<Inbox>, params: HookInvokeParams<'_>, responder: Responder) {
    let HookInvokeParams { hook_type, input } = params;
    let hook = session.topic::<HookTable>().and_then(|hooks| hooks.0.get(&*hook_type));
    let guards = guards(&hook_type);
    let guarded = guards && session.guards();
    if hook.is_none() && !guarded {
        return answer(responder, None);
    }
    let safe = if guards { |responder| answer(responder, Some(json(FAILED_GUARD))) } else { drop };
    let setter = hook.map_or("permissions", |hook| hook.setter);
    let question = Question::guarded(setter, format!("hook {hook_type}"), &responder, safe);
    let run = hook.map(|hook| Arc::clone(&hook.run));
    let (session_id, states) = (session.id.clone(), Arc::clone(&session.states));
    let raw: Arc<RawValue> = Arc::from(input.unwrap_or(RawValue::NULL).to_owned());
    let inbox = Arc::clone(session);
    let work = async move {
        let said = match run {
            Some(run) => {
                let common: Option<HookCommon> = decode::question(raw.get())?;
                let common = common.unwrap_or_default();
                let session_id = common.session_id.clone().unwrap_or(session_id);
                Some(run(HookContext { session_id, common, raw: Arc::clone(&raw), states }).await?)
            }
            None => None,
        };
        match said {
            Some(said) if !guarded => Ok(said),
            said => inbox.guarded(&raw, said).await,
        }
    };
    let asker = Asker { responder: Some(responder), guards };
    session.consult(question, work, move |_, output| asker.answer(output.as_deref()));
}

/// The request of a hook. One that guards is never left without an answer: the CLI takes an error for no opinion.
struct Asker {
    responder: Option<Responder>,
    guards: bool,
}

impl Asker {
    fn answer(mut self, output: Option<&RawValue>) {
        match self.responder.take_if(|_| output.is_some() || !self.guards) {
            Some(responder) => answer(responder, output),
            None => drop(self),
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        match self.responder.take() {
            Some(responder) if self.guards => answer(responder, Some(json(FAILED_GUARD))),
            _ => {}
        }
    }
}

/// Whether a tool waits for hooks of this kind to let it run.
fn guards(hook_type: &str) -> bool {
    hook_type == "preToolUse"
}

/// Denies the tool where a hook that guards it reaches no session: the CLI takes an error for no opinion.
fn refuse(method: &str, params: &RawValue, responder: Responder) -> Option<Responder> {
    if method != "hooks.invoke" {
        return Some(responder);
    }
    // A hook of no readable kind may be one that guards.
    if Named::read(params).and_then(|named| named.hook()).is_some_and(|kind| !guards(&kind)) {
        return Some(responder);
    }
    tracing::error!("a hook that guards a tool cannot be asked; the tool is denied");
    answer(responder, Some(json(FAILED_GUARD)));
    None
}

/// What stands in for the output of a guard that failed.
const FAILED_GUARD: &str =
    r#"{"permissionDecision":"deny","permissionDecisionReason":"the hook that guards this tool failed"}"#;

fn answer(responder: Responder, output: Option<&RawValue>) {
    responder.ok(&HookInvokeResponse { output: output.unwrap_or(json("{}")) });
}

fn json(text: &'static str) -> &'static RawValue {
    serde_json::from_str(text).expect("what this file writes is JSON")
}

pub(crate) const TOPIC: Topic = Topic {
    members: &[("hooks", "hooks")],
    requests: &[("hooks.invoke", |session, params, responder| {
        session.read("hooks.invoke", params, responder, hook_invoked);
    })],
    refuse: Some(refuse),
    handler_of: &[("hooks.invoke", "hooks", |session| session.topic::<HookTable>().is_some())],
    ..Topic::NONE
};

/// Declares the setters, which differ in names and types only.
macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident($kind:literal, $input:ident) -> $output:ident;)*) => {
        impl Hooks {$(
            $(#[$doc])*
            ///
            /// The last hook of a kind wins. See [`hooks`](self) for an example.
            ///
            /// Wire: `hooks.invoke`, from the CLI.
            pub fn $setter<F, R>(
                mut self,
                hook: impl Fn($input, HookContext) -> F + Send + Sync + 'static,
            ) -> Self
            where
                F: Future<Output = R> + Send + 'static,
                R: IntoAnswer<$output>,
            {
                self.table.insert::<$input, $output, _, _>($kind, stringify!($setter), hook);
                self.features.push(stringify!($setter));
                self
            }
        )*}
    };
}

setters! {
    /// Runs before a tool does: may deny it and change its arguments. When the hook fails the tool is denied. The
    /// session's [`permissions`](SessionBuilder::permissions) have the last word: `allow` grants only calls that they
    /// grant, and saves the CLI's request for them.
    on_pre_tool_use("preToolUse", PreToolUseInput) -> PreToolUse;

    /// Has a say before a tool of an MCP server is called: on the `_meta` of the request.
    on_pre_mcp_tool_call("preMcpToolCall", PreMcpToolCallInput) -> PreMcpToolCall;

    /// Has a say after a tool has run: on what the model reads.
    on_post_tool_use("postToolUse", PostToolUseInput) -> PostToolUse;

    /// Has a say after a tool has failed. Before 1.0.32 failures go to [`on_post_tool_use`](Self::on_post_tool_use).
    on_post_tool_use_failure("postToolUseFailure", PostToolUseFailureInput) -> PostToolUseFailure;

    /// Has a say when the user has said something: on what the model reads, and whether it does.
    on_user_prompt_submitted("userPromptSubmitted", UserPromptSubmittedInput) -> UserPromptSubmitted;

    /// Has a say after the CLI has added to what the user said.
    on_user_prompt_transformed("userPromptTransformed", UserPromptTransformedInput) -> UserPromptTransformed;

    /// Has a say when the session's work begins: at its first message, on CLIs before 1.0.32 at every one.
    on_session_start("sessionStart", SessionStartInput) -> SessionStart;

    /// Hears when the session's work ends: when it is closed, on CLIs up to 1.0.82 after every turn.
    on_session_end("sessionEnd", SessionEndInput) -> SessionEnd;

    /// Has a say when something has failed.
    on_error_occurred("errorOccurred", ErrorOccurredInput) -> ErrorOccurred;

    /// Has a say when the agent is about to end its turn (1.0.82 and later).
    on_agent_stop("agentStop", AgentStopInput) -> AgentStop;

    /// Has a say when a sub-agent begins.
    on_subagent_start("subagentStart", SubagentStartInput) -> SubagentStart;

    /// Has a say when a sub-agent is about to give its answer.
    on_subagent_stop("subagentStop", SubagentStopInput) -> SubagentStop;
}
