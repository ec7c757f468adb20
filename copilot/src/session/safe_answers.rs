//! The safe answer to each kind of question, in one place.
//!
//! A question gets it that cannot be read, that belongs to no open session, or whose handler has failed or panicked.
//! The safe answer grants nothing: a permission and a guarded tool are denied, a plan is not approved, a form and a
//! login are cancelled. A question without a safe answer, such as one for a token, gets an error. Texts that name what
//! is wrong name the member of the question.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::answer::BoxError;
use super::hooks;
use super::inbox::Inbox;
use super::mcp_login::McpLoginAnswer;
use super::modes::PlanDecision;
use super::permissions::Decision;
use super::requests::Question;
use crate::protocol::decode;
use crate::protocol::elicitation::Elicited;
use crate::protocol::limits::LimitsAnswer;
use crate::protocol::mcp_headers::McpHeadersResult;
use crate::protocol::modes::{AutoModeAnswer, AutoModeSwitchResponse};
use crate::protocol::permissions::Vocabulary;
use crate::protocol::tools::Wrapped;
use crate::rpc::{INVALID_PARAMS, Responder};
use crate::tools::ToolResult;

/// The answer to a permission request.
pub(super) const PERMISSION: Decision = Decision::Unavailable;
/// The answer to the offer of another model.
pub(super) const AUTO_MODE: AutoModeAnswer = AutoModeAnswer::No;
/// The answer where the session has used up its limits.
pub(super) const LIMITS: LimitsAnswer = LimitsAnswer::Cancel;
/// The answer where an MCP server needs headers.
pub(super) const MCP_HEADERS: McpHeadersResult<'_> =
    McpHeadersResult::Error { message: "the program could not give the headers" };

/// The answer to a form.
pub(super) fn form() -> Elicited {
    Elicited::cancel()
}

/// The answer where an MCP server wants a login.
pub(super) fn mcp_login() -> McpLoginAnswer {
    McpLoginAnswer::cancelled()
}

/// The answer to a plan.
pub(super) fn plan() -> PlanDecision {
    PlanDecision::reject("the plan could not be looked at")
}

/// The parts of a question that name it, as they were sent: each may be of a wrong type.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Named<'a> {
    #[serde(borrow, default)]
    request_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tool_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    command_name: Option<&'a RawValue>,
    #[serde(borrow, default)]
    prompt_request: Option<&'a RawValue>,
    #[serde(borrow, default)]
    resolved_by_hook: Option<&'a RawValue>,
    #[serde(borrow, default)]
    hook_type: Option<&'a RawValue>,
}

impl<'a> Named<'a> {
    /// `None` where it is not an object.
    fn read(payload: &'a RawValue) -> Option<Self> {
        decode::event(payload.get()).ok().filter(|_| payload.get().starts_with('{'))
    }

    /// The id that an answer carries: a text that is not empty, or any other value but `null`.
    fn id(&self) -> Option<&'a RawValue> {
        self.request_id.filter(|id| id.get() != r#""""#)
    }
}

/// A text; `None` for any other value.
fn text(value: Option<&RawValue>) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

    decode::question::<Text<'_>>(value?.get()).ok().map(|Text(text)| text)
}

/// How a question that an event asked is answered.
struct Unreadable {
    /// The handler that the program would have been asked by, if it has one.
    handler: Option<&'static str>,
    /// The method of the answer.
    method: &'static str,
    /// The members of the answer beside the ids.
    answer: Value,
}

impl Inbox {
    /// Answers a request that belongs to no open session, or does not name one.
    pub(crate) fn refuse(method: &str, params: &RawValue, responder: Responder, code: i64, why: &str) {
        match method {
            "permission.request" => {
                // Never by an error, nor in any but the old words: the oldest CLIs take an unknown word for a yes.
                tracing::error!(why, "a permission request cannot be decided; denied");
                responder.ok(&Wrapped { result: &PERMISSION.to_wire(Vocabulary::Old) });
            }
            // The CLI takes an error for no opinion.
            "hooks.invoke" if may_guard(params) => {
                tracing::error!(why, "a hook that guards a tool cannot be asked; the tool is denied");
                responder.ok(&hooks::denied());
            }
            "exitPlanMode.request" => responder.ok(plan().as_wire()),
            "autoModeSwitch.request" => responder.ok(&AutoModeSwitchResponse { response: AUTO_MODE }),
            _ => responder.error(code, why),
        }
    }

    /// Answers a request of this session that cannot be read, and reports it to the program where it has a handler.
    pub(super) fn refuse_unreadable(
        &self,
        method: &str,
        params: &RawValue,
        responder: Responder,
        error: &serde_json::Error,
    ) {
        let why = format!("{method}: {error}");
        match method {
            "tool.call" => {
                tracing::error!(why, session = %self.id, "a tool call cannot be read");
                let tool = Named::read(params).and_then(|named| text(named.tool_name));
                responder.ok(&Wrapped { result: &unreadable_call(tool.as_deref(), error) });
            }
            _ => Self::refuse(method, params, responder, INVALID_PARAMS, &why),
        }
        if let Some(handler) = self.handler_of(method) {
            self.handler_failed(handler, unreadable(error));
        }
    }

    /// The setter of the handler that a request would have asked, if the program has one.
    fn handler_of(&self, method: &str) -> Option<&'static str> {
        let handlers = &self.handlers;
        let (handler, is_set) = match method {
            "permission.request" => ("on_permission", handlers.permission.is_some()),
            "hooks.invoke" => ("hooks", !handlers.hooks.is_empty()),
            "userInput.request" => ("on_user_input", handlers.user_input.is_some()),
            "exitPlanMode.request" => ("on_exit_plan_mode", handlers.exit_plan_mode.is_some()),
            "autoModeSwitch.request" => ("on_auto_mode_switch", handlers.auto_mode_switch.is_some()),
            _ => return None,
        };
        is_set.then_some(handler)
    }

    /// Answers an event of this name that asks and cannot be read. A question that another client of the session has
    /// to answer is left to that one.
    pub(super) fn answer_unreadable(
        self: &Arc<Self>,
        name: &str,
        data: &RawValue,
        error: &serde_json::Error,
    ) {
        tracing::error!(%error, name, session = %self.id, "a question cannot be read");
        let Some(named) = Named::read(data) else { return };
        let (Some(id), Some(safe)) = (named.id(), self.safe_answer(name, &named, error)) else { return };
        let Unreadable { handler, method, answer } = safe;
        let mut params = answer;
        params["sessionId"] = json!(self.id);
        params["requestId"] = json!(id);
        let key = text(Some(id)).unwrap_or(Cow::Borrowed(id.get()));
        let Some(handler) = handler else { return self.post_answer(method, &params) };
        let failed = unreadable(error);
        let question = Question::event(handler, "a question that cannot be read", &key);
        self.consult(question, async { Err::<(), BoxError>(failed) }, move |inbox, _| {
            inbox.post_answer(method, &params);
        });
    }

    fn safe_answer(&self, name: &str, named: &Named<'_>, error: &serde_json::Error) -> Option<Unreadable> {
        let handlers = &self.handlers;
        let (handler, is_set, method, answer) = match name {
            "external_tool.requested" => {
                let tool = text(named.tool_name);
                // A call whose tool cannot be read is not another client's either.
                if tool.as_deref().is_some_and(|tool| self.tools().get(tool).is_none()) {
                    return None;
                }
                let answer = json!({"result": unreadable_call(tool.as_deref(), error)});
                return Some(Unreadable {
                    handler: None,
                    method: "session.tools.handlePendingToolCall",
                    answer,
                });
            }
            "permission.requested" => {
                if named.resolved_by_hook.is_some_and(|resolved| resolved.get() == "true") {
                    return None;
                }
                let words = if named.prompt_request.is_some() { Vocabulary::New } else { Vocabulary::Old };
                let method = "session.permissions.handlePendingPermissionRequest";
                let answer = json!({"result": PERMISSION.to_wire(words)});
                let handler = handlers.permission.is_some().then_some("on_permission");
                return Some(Unreadable { handler, method, answer });
            }
            "command.execute" => {
                let is_ours = match text(named.command_name) {
                    Some(command) => handlers.commands.has(&command),
                    None => !handlers.commands.is_empty(),
                };
                let answer = json!({"error": format!("the command cannot be read: {error}")});
                ("command", is_ours, "session.commands.handlePendingCommand", answer)
            }
            "elicitation.requested" => {
                let answer = json!({"result": form()});
                let is_set = handlers.elicitation.is_some();
                ("on_elicitation", is_set, "session.ui.handlePendingElicitation", answer)
            }
            "mcp.oauth_required" => {
                let answer = json!({"result": mcp_login().as_wire()});
                let is_set = handlers.mcp_login.is_some();
                ("on_mcp_login", is_set, "session.mcp.oauth.handlePendingRequest", answer)
            }
            "mcp.headers_refresh_required" => {
                let answer = json!({"result": MCP_HEADERS});
                let method = "session.mcp.headers.handlePendingHeadersRefreshRequest";
                ("on_mcp_headers", handlers.mcp_headers.is_some(), method, answer)
            }
            // Without a handler these two get the safe answer even where they can be read.
            "sampling.requested" => {
                let handler = handlers.sampling.is_some().then_some("on_sampling");
                let method = "session.ui.handlePendingSampling";
                return Some(Unreadable { handler, method, answer: json!({}) });
            }
            "session_limits_exhausted.requested" => {
                let handler = handlers.limits_exhausted.is_some().then_some("on_limits_exhausted");
                let method = "session.ui.handlePendingSessionLimitsExhausted";
                return Some(Unreadable { handler, method, answer: json!({"response": LIMITS}) });
            }
            _ => return None,
        };
        is_set.then_some(Unreadable { handler: Some(handler), method, answer })
    }

    /// Whether an event that asks has an id to answer it under. Without one it is not handled: no answer would reach
    /// the CLI.
    pub(super) fn can_be_answered(&self, name: &str, data: &RawValue) -> bool {
        let has_id = Named::read(data).is_none_or(|named| named.id().is_some());
        if !has_id {
            tracing::error!(name, session = %self.id, "a question without `requestId` cannot be answered");
        }
        has_id
    }
}

fn unreadable(error: &serde_json::Error) -> BoxError {
    format!("the question cannot be read: {error}").into()
}

fn unreadable_call(tool: Option<&str>, error: &serde_json::Error) -> ToolResult {
    let tool = tool.map_or_else(String::new, |tool| format!(" of `{tool}`"));
    ToolResult::failure(format!("The call{tool} cannot be read, and the tool was not run: {error}"))
}

/// Whether a tool waits for this hook to let it run. A hook of no readable kind may be such a hook.
fn may_guard(params: &RawValue) -> bool {
    let kind = Named::read(params).and_then(|named| text(named.hook_type).map(Cow::into_owned));
    kind.is_none_or(|kind| hooks::guards(&kind))
}
