//! Hooks: closures of the program that run at the steps of the agent's work.
//!
//! Each kind of step has one closure, with a typed input and a typed output. A step without a hook, and one whose hook
//! fails, continues unchanged. The exception is [`on_pre_tool_use`](Hooks::on_pre_tool_use): when it fails the tool is
//! denied, because that hook may guard it.
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
use serde_json::value::{RawValue, to_raw_value};

use crate::contain::UserValue;
use crate::error::Result;
use crate::protocol::decode::{self, DecodeOwned};
use crate::protocol::hooks::{HookCommon, HookInvokeParams, HookInvokeResponse};
use crate::protocol::{SessionId, ToolCallId};
use crate::rpc::Responder;
use crate::session::SessionBuilder;
use crate::session::core::Named;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::{BoxError, IntoAnswer};
use crate::task::DropGuard;
use crate::tools::{State, StateMap};

pub use crate::protocol::hooks::{
    AgentStop, AgentStopInput, ErrorHandling, ErrorOccurred, ErrorOccurredInput, HookDecision, HookError,
    HookPermission, HookToolResult, PostToolUse, PostToolUseFailure, PostToolUseFailureInput,
    PostToolUseInput, PreMcpToolCall, PreMcpToolCallInput, PreToolUse, PreToolUseInput, SessionEnd,
    SessionEndInput, SessionEndReason, SessionSource, SessionStart, SessionStartInput, SubagentStart,
    SubagentStartInput, SubagentStop, SubagentStopInput, UserPromptSubmitted, UserPromptSubmittedInput,
    UserPromptTransformed, UserPromptTransformedInput,
};

/// The context of a step: its session, agent, time and trace.
#[derive(Clone)]
pub struct HookContext {
    session_id: SessionId,
    common: HookCommon,
    raw: Arc<RawValue>,
    states: Arc<StateMap>,
}

impl HookContext {
    /// Returns the id of the session.
    pub fn session_id(&self) -> &SessionId {
        &self.session_id
    }

    /// Returns the time of the step, in milliseconds since the Unix epoch; `None` if the CLI did not send it.
    pub fn timestamp(&self) -> Option<f64> {
        self.common.timestamp
    }

    /// Returns the directory that the agent works in.
    pub fn cwd(&self) -> Option<&str> {
        self.common.cwd.as_deref()
    }

    /// Returns the id of the sub-agent whose step it is; `None` for the session's main agent.
    pub fn agent_id(&self) -> Option<&str> {
        self.common.agent_id.as_deref()
    }

    /// Returns the type of that sub-agent.
    pub fn agent_type(&self) -> Option<&str> {
        self.common.agent_type.as_deref()
    }

    /// Returns the id of the agent that started that sub-agent.
    pub fn parent_agent_id(&self) -> Option<&str> {
        self.common.parent_agent_id.as_deref()
    }

    /// Returns the id of the tool call that the step belongs to; `None` if the CLI did not send it.
    pub fn tool_call_id(&self) -> Option<&ToolCallId> {
        self.common.tool_call_id.as_ref()
    }

    /// Returns the W3C trace context of the step: `traceparent` and `tracestate`.
    pub fn trace(&self) -> Option<(&str, Option<&str>)> {
        Some((self.common.traceparent.as_deref()?, self.common.tracestate.as_deref()))
    }

    /// Returns the session's state of type `T`. A lazy state that does not exist yet is created here, and blocks the
    /// thread meanwhile.
    pub fn state<T: Send + Sync + ?Sized + 'static>(&self) -> Option<State<T>> {
        self.states.get()
    }

    /// Returns the hook's input as JSON text, unchanged.
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

/// The hooks of a session: closures that run at the steps of the agent's work. See [the module](self) for an example.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Hooks {
    table: HookTable,
    /// The names of the setters that were used; old CLIs lack the events of some.
    features: Vec<&'static str>,
}

impl Hooks {
    /// Creates a set without hooks.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SessionBuilder {
    /// Adds hooks. The last hook of a kind wins.
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
        I: DecodeOwned,
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

fn hook_invoked(session: &Arc<SessionCore>, params: HookInvokeParams<'_>, responder: Responder) {
    let HookInvokeParams { hook_type, input } = params;
    let hook = session.topic::<HookTable>().and_then(|hooks| hooks.0.get(&*hook_type));
    let guards = guards(&hook_type);
    let guarded = guards && session.guards();
    if hook.is_none() && !guarded {
        return answer(responder, None);
    }
    let safe = if guards { |responder| answer(responder, Some(json(FAILED_GUARD))) } else { drop };
    let setter = hook.map_or("permissions", |hook| hook.setter);
    let mut question = Question::guarded(setter, format!("hook {hook_type}"), &responder, safe);
    if session.spans.is_on()
        && let Some(input) = input
        && let Ok(HookCommon { tool_call_id, traceparent, tracestate, .. }) = decode::question(input.get())
    {
        question.call_id = tool_call_id;
        question.trace = traceparent.map(|parent| (parent, tracestate));
    }
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
    // A hook that guards always answers, also when it is dropped: after an error the CLI would run the tool.
    let responder = DropGuard::new(responder, safe);
    session.consult(question, work, move |_, output| match output.as_deref() {
        None if guards => drop(responder),
        output => answer(responder.dismiss(), output),
    });
}

/// Returns whether hooks of this kind guard a tool, which runs only after their answer.
fn guards(hook_type: &str) -> bool {
    hook_type == "preToolUse"
}

/// Denies the tool if the hook that guards it reaches no session: after an error the CLI would run the tool.
fn refuse(method: &str, params: &RawValue, responder: Responder) -> Option<Responder> {
    if method != "hooks.invoke" {
        return Some(responder);
    }
    // A hook whose kind cannot be read may guard a tool.
    if Named::read(params).and_then(|named| named.hook()).is_some_and(|kind| !guards(&kind)) {
        return Some(responder);
    }
    tracing::error!("a hook that guards a tool belongs to no session; the tool is denied");
    answer(responder, Some(json(FAILED_GUARD)));
    None
}

/// The output in place of a guard that failed.
const FAILED_GUARD: &str =
    r#"{"permissionDecision":"deny","permissionDecisionReason":"the hook that guards this tool failed"}"#;

fn answer(responder: Responder, output: Option<&RawValue>) {
    responder.ok(&HookInvokeResponse { output: output.unwrap_or(json("{}")) });
}

fn json(text: &'static str) -> &'static RawValue {
    serde_json::from_str(text).expect("the texts of this file are JSON")
}

pub(crate) const TOPIC: Topic = Topic {
    members: &[("hooks", "hooks")],
    guard: Some(|members| members.set("hooks", true)),
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
    /// Runs before a tool; may deny the call or change its arguments. When the hook fails the tool is denied. The
    /// session's [`permissions`](SessionBuilder::permissions) take precedence: `allow` grants only calls that they
    /// grant, without a permission request of the CLI.
    on_pre_tool_use("preToolUse", PreToolUseInput) -> PreToolUse;

    /// Runs before a tool of an MCP server; may change the `_meta` of the request.
    on_pre_mcp_tool_call("preMcpToolCall", PreMcpToolCallInput) -> PreMcpToolCall;

    /// Runs after a tool; may change the result that the model reads.
    on_post_tool_use("postToolUse", PostToolUseInput) -> PostToolUse;

    /// Runs after a tool has failed; may add to the error that the model reads. Before 1.0.32
    /// [`on_post_tool_use`](Self::on_post_tool_use) runs instead.
    on_post_tool_use_failure("postToolUseFailure", PostToolUseFailureInput) -> PostToolUseFailure;

    /// Runs when the user submits a prompt; may rewrite or reject it.
    on_user_prompt_submitted("userPromptSubmitted", UserPromptSubmittedInput) -> UserPromptSubmitted;

    /// Runs after the CLI has added its context to a prompt; may rewrite the result.
    on_user_prompt_transformed("userPromptTransformed", UserPromptTransformedInput) -> UserPromptTransformed;

    /// Runs when the session's work begins; may add a text for the model. That is at the first message, on CLIs before
    /// 1.0.32 at every message.
    on_session_start("sessionStart", SessionStartInput) -> SessionStart;

    /// Runs when the session's work ends: when it is closed, on CLIs up to 1.0.82 after every turn.
    on_session_end("sessionEnd", SessionEndInput) -> SessionEnd;

    /// Runs after an error of the agent; decides how the CLI handles it.
    on_error_occurred("errorOccurred", ErrorOccurredInput) -> ErrorOccurred;

    /// Runs when the agent is about to end its turn; may make it continue. From 1.0.82 on.
    on_agent_stop("agentStop", AgentStopInput) -> AgentStop;

    /// Runs when a sub-agent starts; may add to its context.
    on_subagent_start("subagentStart", SubagentStartInput) -> SubagentStart;

    /// Runs when a sub-agent is about to return its answer; may make it continue.
    on_subagent_stop("subagentStop", SubagentStopInput) -> SubagentStop;
}
