//! The session's permissions for calls that the CLI would run without a request.
//!
//! The CLI requests a permission for shell commands, files, addresses and the program's own tools. It requests none for
//! tools of MCP servers that declare themselves read-only, for most of its built-in tools, for what an approval on disk
//! covers, and for what another hook has allowed. For those calls a `preToolUse` hook of this library answers `ask`: the
//! CLI then requests a permission of the kind `hook`, which is read here as a request of the kind that the tool has.

use std::collections::VecDeque;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use serde::Deserialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::error::Result;
use crate::protocol::agents::CustomAgent;
use crate::protocol::decode;
use crate::protocol::hooks::PreToolUseInput;
use crate::protocol::permissions::{Approval, PermissionKind, PermissionSettled};
use crate::protocol::session::SessionParams;
use crate::session::core::Inbox;
use crate::session::core::handler::BoxError;
use crate::session::permissions::name_clash;
use crate::session::permissions::policy::Decision;
use crate::session::permissions::request::PermissionRequest;
use crate::task::lock;
use crate::tools::Tool;

/// The reason that the model reads when a call is denied, and the mark of requests that this library's hook caused.
const REASON: &str = "this program has to permit the call";

/// Where a tool comes from, and who requests a permission for it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// It reaches only the program's own handlers, or what was permitted before.
    Free,
    /// The CLI requests a permission of this kind, unless an approval or another hook prevents it.
    Asked(PermissionKind),
    /// The CLI may run it without a request.
    Unasked(PermissionKind),
}

/// What the hook answers.
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

/// The tools of the CLI.
fn built_in(tool: &str) -> Option<Origin> {
    use Origin::{Asked, Free, Unasked};
    Some(match tool {
        "bash" | "powershell" => Asked(PermissionKind::Shell),
        "write_bash" | "write_powershell" => Unasked(PermissionKind::Shell),
        "view" | "grep" | "rg" | "glob" => Asked(PermissionKind::Read),
        "show_file" => Unasked(PermissionKind::Read),
        "create" | "edit" | "str_replace_editor" | "apply_patch" => Asked(PermissionKind::Write),
        "web_fetch" => Asked(PermissionKind::Url),
        "store_memory" | "vote_memory" => Unasked(PermissionKind::Memory),
        "extensions_manage" | "extensions_reload" => Unasked(PermissionKind::ExtensionManagement),
        "run_dynamic_workflow" | "dynamic_workflows_manage" => Unasked(PermissionKind::Workflow),
        // Questions and canvases reach handlers of the program; shells and agents were permitted when they started.
        "ask_user"
        | "exit_plan_mode"
        | "report_intent"
        | "task_complete"
        | "skill"
        | "update_todo"
        | "read_bash"
        | "list_bash"
        | "stop_bash"
        | "read_powershell"
        | "list_powershell"
        | "stop_powershell"
        | "read_agent"
        | "list_agents"
        | "generic_tool_search"
        | "tool_search_tool"
        | "fetch_copilot_cli_documentation"
        | "open_canvas"
        | "list_canvas_capabilities"
        | "invoke_canvas_action" => Free,
        "sql"
        | "session_store_sql"
        | "task"
        | "write_agent"
        | "semantic_code_search"
        | "lsp"
        | "web_search"
        | "manage_schedule"
        | "read_inbox"
        | "send_inbox"
        | "context_board" => Unasked(PermissionKind::BuiltinTool),
        _ => return None,
    })
}

/// How many calls and approvals are remembered: more than can be on their way.
const REMEMBERED: usize = 256;

/// What a session remembers about its permissions.
#[derive(Debug, Default)]
pub(in crate::session) struct Guard {
    pub(in crate::session) granted: Granted,
    /// Whether hooks that are not the program's may permit calls.
    foreign: AtomicBool,
    /// Whether the CLI was asked for such hooks.
    prepared: tokio::sync::Mutex<bool>,
    /// The MCP servers that the CLI has found beside the configured ones.
    pub(in crate::session) servers: Mutex<Vec<String>>,
    /// The tools whose names were reported.
    pub(in crate::session) clashes: Mutex<Vec<String>>,
}

/// What was permitted in a session. Bounded: what is forgotten is decided once more.
#[derive(Debug, Default)]
pub(in crate::session) struct Granted(Mutex<Grants>);

#[derive(Debug, Default)]
struct Grants {
    /// Calls of own tools, as hashes of their ids.
    calls: VecDeque<u64>,
    /// Approvals that cover more than one call.
    approvals: VecDeque<Approval>,
    hasher: RandomState,
}

impl Granted {
    /// A call that the program, or a client that it left the decision to, has permitted.
    pub(in crate::session) fn call(&self, id: &str) {
        let mut grants = self.grants();
        let hash = grants.hasher.hash_one(id);
        if grants.calls.len() == REMEMBERED {
            grants.calls.pop_front();
        }
        grants.calls.push_back(hash);
    }

    /// Whether this call was permitted.
    pub(in crate::session) fn has_call(&self, id: &str) -> bool {
        let grants = self.grants();
        grants.calls.contains(&grants.hasher.hash_one(id))
    }

    fn approval(&self, approval: &Approval) {
        let mut grants = self.grants();
        if grants.approvals.contains(approval) {
            return;
        }
        if grants.approvals.len() == REMEMBERED {
            grants.approvals.pop_front();
        }
        grants.approvals.push_back(approval.clone());
    }

    /// Whether an approval of this session covers the request.
    pub(in crate::session) fn covers(&self, request: &PermissionRequest) -> bool {
        let Some(wanted) = request.approval() else { return false };
        self.grants().approvals.iter().any(|approval| match (approval, &wanted) {
            (Approval::Mcp { server_name, tool_name: None }, Approval::Mcp { server_name: wanted, .. }) => {
                server_name == wanted
            }
            (approval, wanted) => approval == wanted,
        })
    }

    /// Whether an approval of this session covers this tool of the program.
    fn covers_tool(&self, tool: &str) -> bool {
        let covers =
            |approval: &Approval| matches!(approval, Approval::CustomTool { tool_name } if tool_name == tool);
        self.grants().approvals.iter().any(covers)
    }

    fn grants(&self) -> MutexGuard<'_, Grants> {
        lock(&self.0)
    }
}

impl Inbox {
    pub(in crate::session) fn guard(&self) -> &Guard {
        self.guard.get_or_init(Box::default)
    }

    /// Whether calls that the CLI does not ask about are decided here.
    pub(crate) fn guards(&self) -> bool {
        !self.joins && (self.policy.decides_calls() || self.watches_names)
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
        if self.policy.decides_calls() {
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
        if !self.policy.decides_calls() {
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
        if self.guard().granted.covers(&request)
            || self.policy.handler.is_none() && self.by_policy(&request).await == Decision::Approve
        {
            Stance::Pass
        } else if asked && !self.foreign_hooks() {
            Stance::Usual
        } else {
            Stance::Ask
        }
    }

    /// Whether the CLI has no tool of this name, as far as it tells.
    ///
    /// Wire: `session.tools.getCurrentMetadata`, to the CLI.
    async fn is_missing(&self, tool: &str) -> bool {
        #[derive(Deserialize)]
        struct Current {
            tools: Vec<Named>,
        }
        #[derive(Deserialize)]
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

    /// The request that the CLI would make for this call, as far as its arguments tell.
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
    pub(in crate::session) fn behind(
        &self,
        request: &PermissionRequest,
    ) -> Option<(PermissionRequest, bool)> {
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
    pub(in crate::session) fn note(&self, request: &PermissionRequest, decision: &Decision) {
        match decision {
            Decision::ApproveForSession(approval) | Decision::ApproveForLocation { approval, .. } => {
                self.guard().granted.approval(approval);
            }
            // The CLI calls the tool only once another client has permitted it.
            Decision::NoResult => {}
            decision if decision.refusal().is_some() => return,
            _ => {}
        }
        let own = request.tool_name().is_some_and(|tool| self.tools().get(tool).is_some());
        if let Some(id) = request.details.tool_call_id.as_deref().filter(|_| own) {
            self.guard().granted.call(id);
        }
    }
}

impl Inbox {
    /// A permission was decided about, here or by another client. A call that another client has permitted while this
    /// program had not decided yet is permitted.
    pub(in crate::session) fn permission_settled(&self, data: &RawValue) {
        let Ok(settled) = decode::event::<PermissionSettled<'_>>(data.get()) else { return };
        if self.calls.cancel(&settled.request_id)
            && let (Some(id), Some(result)) = (&settled.tool_call_id, &settled.result)
            && result.kind.starts_with("approve")
        {
            self.guard().granted.call(id);
        }
    }

    /// Whether the CLI calls a tool for which no permission was given: the permissions decide now.
    pub(in crate::session) fn is_unpermitted(&self, tool: &Tool, call_id: &str) -> bool {
        if tool.def().skip_permission || !self.policy.decides_calls() {
            return false;
        }
        let harmless = !tool.def().destructive && !tool.decides_approval();
        let granted =
            self.policy.handler.is_none() && self.policy.permissions.grants_harmless_tools() && harmless;
        !granted && !self.guard().granted.has_call(call_id) && !self.guard().granted.covers_tool(tool.name())
    }

    fn foreign_hooks(&self) -> bool {
        self.guard().foreign.load(Ordering::Relaxed)
    }

    /// The session was opened, maybe by another CLI than before.
    pub(in crate::session) async fn forget_preparation(&self) {
        if let Some(guard) = self.guard.get() {
            *guard.prepared.lock().await = false;
        }
    }

    /// Before the first call: finds out which hooks may permit calls beside the program's own, and drops approvals that
    /// are not of this session. A session without calls pays nothing.
    ///
    /// Wire: `hooks.discover` and `session.permissions.resetSessionApprovals`, to the CLI.
    async fn prepare_guard(&self) -> Result<()> {
        // Calls that come at the same time wait for the first one.
        let mut prepared = self.guard().prepared.lock().await;
        if *prepared {
            return Ok(());
        }
        let peer = &self.connection.ready().await?;
        let opening = self.opening();
        let members = &opening.members;
        let set =
            |directories: &str| members.get::<Vec<String>>(directories).is_some_and(|set| !set.is_empty());
        let agents = members.get::<Vec<CustomAgent>>("customAgents");
        let configured = members.get("enableFileHooks") == Some(&true)
            || set("hookDirectories")
            || set("pluginDirectories")
            || agents.into_iter().flatten().any(CustomAgent::has_hooks);
        let params = SessionParams { session_id: &self.id };
        let discovered: Value = self.unless_unsupported_with(peer, "hooks.discover", &json!({})).await?;
        self.guard().foreign.store(configured || approves_calls(&discovered), Ordering::Relaxed);
        if !self.saved_approvals {
            let method = "session.permissions.resetSessionApprovals";
            let _: Value = self.unless_unsupported_with(peer, method, &params).await?;
        }
        *prepared = true;
        Ok(())
    }
}

/// Whether hooks of files or plugins may answer for the CLI, from the answer to `hooks.discover`.
pub(in crate::session) fn approves_calls(discovered: &Value) -> bool {
    let hooks = discovered.get("hooks").and_then(Value::as_array);
    let kinds = hooks.into_iter().flatten().filter_map(|hook| hook.get("hookType")?.as_str());
    kinds.into_iter().any(|kind| matches!(kind, "preToolUse" | "permissionRequest"))
        || discovered.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty())
}

impl Inbox {
    /// The name of the MCP server that a tool belongs to: the longest that fits.
    fn server_of(&self, tool: &str) -> Option<String> {
        let names = self.servers();
        let fits = names.iter().filter(|server| name_clash::bare(tool, server).is_some());
        fits.max_by_key(|server| server.len()).cloned()
    }

    /// The MCP servers of the session, as far as they are known.
    pub(in crate::session) fn servers(&self) -> Vec<String> {
        let mut names: Vec<String> = name_clash::configured(&self.opening().members).cloned().collect();
        if let Some(guard) = self.guard.get() {
            let found = lock(&guard.servers);
            names.extend(found.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>());
        }
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(request: &Value) -> PermissionRequest {
        PermissionRequest::read(&"s".into(), &to_raw_value(request).unwrap()).unwrap()
    }

    #[test]
    fn the_latest_calls_and_approvals_are_remembered_and_the_memory_is_bounded() {
        let granted = Granted::default();
        let approval = |number: usize| Approval::CustomTool { tool_name: number.to_string() };
        for number in 0..=REMEMBERED {
            granted.call(&number.to_string());
            granted.approval(&approval(number));
            granted.approval(&approval(number));
            let earlier = number.saturating_sub(REMEMBERED - 1);
            assert!(granted.has_call(&number.to_string()) && granted.has_call(&earlier.to_string()));
            assert!(granted.covers_tool(&number.to_string()) && granted.covers_tool(&earlier.to_string()));
        }
        assert!(!granted.has_call("0") && !granted.covers_tool("0"));
        let grants = granted.grants();
        assert_eq!((grants.calls.len(), grants.approvals.len()), (REMEMBERED, REMEMBERED));
    }

    #[test]
    fn an_approval_covers_its_own_server_and_its_own_tool() {
        let asked = |server: &str, tool: &str| {
            request(&json!({"kind": "mcp", "serverName": server, "toolName": format!("{server}-{tool}")}))
        };
        let server = Granted::default();
        server.approval(&Approval::Mcp { server_name: "x".into(), tool_name: None });
        assert!(server.covers(&asked("x", "a")) && server.covers(&asked("x", "b")));
        assert!(!server.covers(&asked("y", "a")));
        let tool = Granted::default();
        tool.approval(&asked("x", "a").approval().unwrap());
        assert!(tool.covers(&asked("x", "a")));
        assert!(!tool.covers(&asked("x", "b")) && !tool.covers(&asked("y", "a")));
        assert!(!tool.covers(&request(&json!({"kind": "read", "path": "/x"}))));
        assert!(!tool.covers_tool("a"), "a tool of a server is not a tool of the program");
    }

    #[test]
    fn only_hooks_that_may_permit_calls_count_and_so_does_a_file_that_cannot_be_read() {
        for (discovered, approves) in [
            (json!({"hooks": [{"hookType": "sessionStart"}], "errors": []}), false),
            (json!({"hooks": [{"hookType": "sessionStart"}, {"hookType": "preToolUse"}]}), true),
            (json!({"hooks": [{"hookType": "permissionRequest"}], "errors": []}), true),
            (json!({"hooks": [], "errors": ["a.json cannot be read"]}), true),
            (json!({}), false),
        ] {
            assert_eq!(approves_calls(&discovered), approves, "{discovered}");
        }
    }
}
