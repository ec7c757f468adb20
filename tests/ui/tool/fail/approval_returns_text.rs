/// Delete a file.
#[copilot::tool(needs_approval = |path| path.to_owned())]
async fn delete(
    /// Absolute path.
    path: &str,
) {
    let _ = path;
}

fn main() {}
