//! The session's permissions for calls that the CLI would run without a request.
//!
//! The CLI requests a permission for shell commands, files, addresses and the program's own tools. It requests none for
//! tools of MCP servers that declare themselves read-only, for most of its built-in tools, for what an approval on disk
//! covers, and for what another hook has allowed. For those calls a `preToolUse` hook of this library answers `ask`: the
//! CLI then requests a permission of the kind `hook`, which is read here as a request of the kind that the tool has.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_core::future::BoxFuture;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::decision::Decision;
use super::name_clash;
use super::request::PermissionRequest;
use super::tool_origin::{Origin, built_in};
use crate::error::Result;
use crate::events::EventHead;
use crate::protocol::decode::{self, Decode};
use crate::protocol::hooks::PreToolUseInput;
use crate::protocol::permissions::{PermissionKind, PermissionSettled};
use crate::protocol::session::SessionParams;
use crate::session::core::SessionCore;
use crate::session::core::handler::BoxError;
use crate::task::lock;
use crate::tools::Tool;

/// The reason that the model reads when a call is denied, and the mark of requests that this library's hook caused.
const REASON: &str = "this program has to permit the call";

/// The answer of the hook.
#[derive(Debug)]
enum Stance {
    /// Nothing of this library.
    Pass,
    /// The usual request of the CLI decides.
    Usual,
    /// A request of the kind `hook` decides.
    Ask,
    Deny(String),
}

impl SessionCore {
    /// Whether this library answers the CLI's `preToolUse` hook.
    pub(crate) fn guards(&self) -> bool {
        self.permissions().guards()
    }

    /// The output of the `preToolUse` hook: what the program's own hook said, unless the permissions say less.
    pub(crate) async fn guarded(
        &self,
        input: &RawValue,
        said: Option<Box<RawValue>>,
    ) -> std::result::Result<Box<RawValue>, BoxError> {
        let members = match &said {
            Some(said) => serde_json::from_str::<Option<Map<String, Value>>>(said.get())?,
            None => None,
        };
        let mut members = members.unwrap_or_default();
        if let Some("deny" | "ask") = members.get("permissionDecision").and_then(Value::as_str) {
            return Ok(to_raw_value(&members)?);
        }
        let step: PreToolUseInput = decode::question(input.get())?;
        if self.permissions().decides_calls() {
            self.prepare_guard().await?;
        }
        let arguments = members.get("modifiedArgs").unwrap_or(&step.tool_args);
        let (decision, reason) = match self.stance(&step.tool_name, arguments).await {
            Stance::Pass => return Ok(to_raw_value(&members)?),
            Stance::Usual => {
                members.remove("permissionDecision");
                return Ok(to_raw_value(&members)?);
            }
            Stance::Ask => ("ask", REASON.to_owned()),
            Stance::Deny(reason) => ("deny", reason),
        };
        members.insert("permissionDecision".into(), decision.into());
        members.insert("permissionDecisionReason".into(), reason.into());
        Ok(to_raw_value(&members)?)
    }

    async fn stance(&self, tool: &str, arguments: &Value) -> Stance {
        if let Some(clash) = self.clash_of(tool).await {
            return Stance::Deny(clash);
        }
        if !self.permissions().decides_calls() {
            return Stance::Pass;
        }
        let (kind, asked) = match self.origin(tool) {
            Origin::Free => return Stance::Pass,
            Origin::Asked(kind) => (kind, true),
            Origin::Unasked(kind) => (kind, false),
        };
        if kind == PermissionKind::CustomTool && !asked && self.is_missing(tool).await {
            // The CLI says so to the model.
            return Stance::Pass;
        }
        let request = self.request_for(&kind, tool, arguments, None);
        if self.permissions().granted().covers(&request)
            || self.permissions().settings.handler.is_none()
                && self.by_policy(&request).await == Decision::Approve
        {
            Stance::Pass
        } else if asked && !self.foreign_hooks() {
            Stance::Usual
        } else {
            Stance::Ask
        }
    }

    /// Whether the CLI lists no tool of this name.
    ///
    /// Wire: `session.tools.getCurrentMetadata`, to the CLI.
    async fn is_missing(&self, tool: &str) -> bool {
        #[derive(Decode)]
        struct Current {
            tools: Vec<Named>,
        }
        #[derive(Decode)]
        struct Named {
            name: String,
        }
        let Some(peer) = self.connection.current() else { return false };
        let params = SessionParams { session_id: &self.id };
        let current: Result<Current> =
            peer.request("session.tools.getCurrentMetadata", &params).decoded().await;
        current
            .is_ok_and(|Current { tools }| !tools.is_empty() && tools.iter().all(|named| named.name != tool))
    }

    fn origin(&self, tool: &str) -> Origin {
        if let Some(own) = self.tools().iter().find(|own| own.name() == tool) {
            return match own.def().skip_permission {
                true => Origin::Free,
                false => Origin::Asked(PermissionKind::CustomTool),
            };
        }
        if let Some(origin) = built_in(tool) {
            return origin;
        }
        // The CLI puts the server's name and a hyphen before its tools; its own have none.
        Origin::Unasked(match tool.contains('-') {
            true => PermissionKind::Mcp,
            false => PermissionKind::CustomTool,
        })
    }

    /// The request that the CLI would make for this call, as far as its arguments show.
    fn request_for(
        &self,
        kind: &PermissionKind,
        tool: &str,
        arguments: &Value,
        call_id: Option<&str>,
    ) -> PermissionRequest {
        let mut request = Map::new();
        let mut set = |member: &str, value: Option<Value>| {
            if let Some(value) = value {
                request.insert(member.to_owned(), value);
            }
        };
        let text = |member: &str| Some(json!(arguments.get(member)?.as_str()?));
        match kind {
            PermissionKind::Shell => {
                set("fullCommandText", text("command").or_else(|| text("input")));
                set("intention", text("description"));
                set("commands", Some(json!([])));
            }
            PermissionKind::Write => {
                set("fileName", text("path"));
                set("newFileContents", text("file_text"));
            }
            PermissionKind::Read => set("path", text("path")),
            PermissionKind::Url => set("url", text("url")),
            PermissionKind::Memory => {
                for member in ["subject", "fact", "citations", "reason", "action"] {
                    set(member, text(member));
                }
            }
            PermissionKind::Mcp => {
                let server = self.server_of(tool);
                let bare = server.as_deref().and_then(|server| name_clash::bare(tool, server));
                set("toolTitle", Some(json!(bare.unwrap_or(tool))));
                set("serverName", server.map(Value::from));
                set("readOnly", Some(json!(false)));
            }
            _ => {}
        }
        set("kind", Some(json!(kind.as_str())));
        set("toolCallId", call_id.map(Value::from));
        set("toolName", Some(json!(tool)));
        set("args", Some(arguments.clone()));
        let raw = to_raw_value(&request).expect("JSON values are JSON");
        PermissionRequest::read(&self.id, &raw).expect("the members have the types of a request")
    }

    /// The request behind one of the kind `hook`, and whether this library's hook has caused it.
    pub(super) fn behind(&self, request: &PermissionRequest) -> Option<(PermissionRequest, bool)> {
        let details = &request.details;
        if details.kind != PermissionKind::Hook {
            return None;
        }
        let tool = details.tool_name.as_deref()?;
        let kind = match self.origin(tool) {
            Origin::Free => return None,
            Origin::Asked(kind) | Origin::Unasked(kind) => kind,
        };
        let ours = details.hook_message.as_deref() == Some(REASON);
        let mut behind = self.request_for(&kind, tool, &details.tool_args, details.tool_call_id.as_deref());
        behind.details.managed_approval_required = details.managed_approval_required;
        Some((behind, ours))
    }

    /// Remembers what a decision permits beyond its own request, and which call it permits.
    pub(super) fn note(&self, request: &PermissionRequest, decision: &Decision) {
        match decision {
            Decision::ApproveForSession(approval) | Decision::ApproveForLocation { approval, .. } => {
                self.permissions().granted().approval(approval);
            }
            // The CLI calls the tool only once another client has permitted it.
            Decision::Later => {}
            decision if decision.refusal().is_some() => return,
            _ => {}
        }
        let own = request.tool_name().is_some_and(|tool| self.tools().get(tool).is_some());
        if let Some(id) = request.details.tool_call_id.as_deref().filter(|_| own) {
            self.permissions().granted().call(id);
        }
    }
}

impl SessionCore {
    /// A permission was decided about, here or by another client. A call that another client has permitted while this
    /// program had not decided yet is permitted.
    pub(super) fn permission_completed(self: &Arc<Self>, event: &EventHead<'_>) {
        let data = event.data();
        let Ok(settled) = decode::event::<PermissionSettled<'_>>(data.get()) else { return };
        let was_open = self.open_answers.remove(&settled.request_id);
        let was_asked = self.calls.cancel(&settled.request_id) || was_open;
        let (Some(id), Some(result)) = (&settled.tool_call_id, &settled.result) else { return };
        let is_permitted = result.kind.starts_with("approve");
        self.call_decided(id, is_permitted);
        if was_asked && is_permitted {
            self.permissions().granted().call(id);
        }
    }

    /// Permits a call of a tool of the program.
    pub(in crate::session) fn permit_call(&self, call_id: &str) {
        self.permissions().granted().call(call_id);
    }

    /// Whether the CLI calls a tool for which no permission was given: the permissions decide now.
    pub(in crate::session) fn is_unpermitted(&self, tool: &Tool, call_id: &str) -> bool {
        if tool.def().skip_permission || !self.permissions().decides_calls() {
            return false;
        }
        let harmless = !tool.is_destructive() && !tool.decides_approval();
        let granted = self.permissions().settings.handler.is_none()
            && self.permissions().settings.policy.grants_harmless_tools()
            && harmless;
        !granted
            && !self.permissions().granted().has_call(call_id)
            && !self.permissions().granted().covers_tool(tool.name())
    }

    fn foreign_hooks(&self) -> bool {
        self.permissions().memory().foreign_hooks.load(Ordering::Relaxed)
    }

    /// Before the first call: finds out which hooks may permit calls beside the program's own, and drops approvals that
    /// are not of this session. A session without calls pays nothing.
    ///
    /// Wire: `hooks.discover` and `session.permissions.resetSessionApprovals`, to the CLI.
    async fn prepare_guard(&self) -> Result<()> {
        let memory = self.permissions().memory();
        // Not under the lock: the connection may be there only once the session was opened again.
        let peer = &self.connection.ready().await?;
        // Concurrent calls wait for the first one.
        let mut prepared = memory.prepared.lock().await;
        let opened = memory.opened.load(Ordering::Acquire);
        if *prepared == Some(opened) {
            return Ok(());
        }
        let configured = self.topics.has_foreign_hooks(&self.opening().members);
        let params = SessionParams { session_id: &self.id };
        let discovered: Value = self.call_or_default(peer, "hooks.discover", &json!({})).await?;
        memory.foreign_hooks.store(configured || approves_calls(&discovered), Ordering::Relaxed);
        if !self.permissions().settings.saved_approvals {
            let method = "session.permissions.resetSessionApprovals";
            match self.order(peer, method, &params).await {
                Err(error) if !error.is_unsupported() => return Err(error),
                _ => {}
            }
        }
        *prepared = Some(opened);
        Ok(())
    }
}

/// Runs when the session was opened, possibly by another CLI than before. It waits for nothing: a call that prepares the
/// guard may wait for the end of this opening.
pub(super) fn opened(session: &SessionCore) -> Option<BoxFuture<'_, Result<()>>> {
    if let Some(memory) = session.permissions().existing_memory() {
        memory.opened.fetch_add(1, Ordering::Release);
    }
    None
}

/// Whether hooks of files or plugins may answer for the CLI, from the answer to `hooks.discover`.
fn approves_calls(discovered: &Value) -> bool {
    let hooks = discovered.get("hooks").and_then(Value::as_array);
    let kinds = hooks.into_iter().flatten().filter_map(|hook| hook.get("hookType")?.as_str());
    kinds.into_iter().any(|kind| matches!(kind, "preToolUse" | "permissionRequest"))
        || discovered.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty())
}

impl SessionCore {
    /// The name of the MCP server that a tool belongs to: the longest that fits.
    fn server_of(&self, tool: &str) -> Option<String> {
        let names = self.servers();
        let fits = names.iter().filter(|server| name_clash::bare(tool, server).is_some());
        fits.max_by_key(|server| server.len()).cloned()
    }

    /// The MCP servers of the session, as far as they are known.
    pub(super) fn servers(&self) -> Vec<String> {
        let opening = self.opening();
        let configured = self.topics.tool_servers(&opening.members);
        let mut names: Vec<String> = configured.iter().map(|server| server.name.to_owned()).collect();
        if let Some(guard) = self.permissions().existing_memory() {
            let found = lock(&guard.servers);
            names.extend(found.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        }
        names
    }
}
