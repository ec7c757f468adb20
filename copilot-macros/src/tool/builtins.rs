//! The names of the CLI's built-in tools, from `session.tools.getBuiltinDescriptors`; a test compares them with the
//! CLI.

/// The names in CLI 1.0.102, sorted. Windows has the PowerShell tools in place of the bash tools.
pub(crate) const BUILTINS: [&str; 37] = [
    "apply_patch",
    "ask_user",
    "bash",
    "context_board",
    "create",
    "dynamic_workflows_manage",
    "edit",
    "exit_plan_mode",
    "fetch_copilot_cli_documentation",
    "generic_tool_search",
    "glob",
    "grep",
    "list_agents",
    "list_bash",
    "list_powershell",
    "manage_schedule",
    "powershell",
    "read_agent",
    "read_bash",
    "read_inbox",
    "read_powershell",
    "run_dynamic_workflow",
    "semantic_code_search",
    "send_inbox",
    "skill",
    "sql",
    "stop_bash",
    "stop_powershell",
    "str_replace_editor",
    "task",
    "task_complete",
    "tool_search_tool",
    "update_todo",
    "view",
    "web_fetch",
    "write_agent",
    "write_powershell",
];

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_in_order() {
        assert!(super::BUILTINS.is_sorted());
    }
}
