//! The tools of the CLI, and which of them it runs without a permission request. Pure.

use crate::protocol::permissions::PermissionKind;

/// Where a tool comes from, and who requests a permission for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It reaches only the program's own handlers, or what was permitted before.
    Free,
    /// The CLI requests a permission of this kind, unless an approval or another hook prevents it.
    Asked(PermissionKind),
    /// The CLI may run it without a request.
    Unasked(PermissionKind),
}

/// The tools of the CLI.
pub(super) fn built_in(tool: &str) -> Option<Origin> {
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
