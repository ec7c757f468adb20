use copilot::ToolContext;

/// Delete a file.
#[copilot::tool(needs_approval = |path, cx| path.starts_with("/etc") && cx.agent_id().is_some())]
async fn delete(
    /// Absolute path.
    path: &str,
    cx: &ToolContext,
) {
    cx.log(path);
}

fn main() {}
