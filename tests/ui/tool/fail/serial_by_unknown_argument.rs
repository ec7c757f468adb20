/// Delete a file.
#[copilot::tool(serial_by = "pth")]
async fn delete(
    /// Absolute path.
    path: &str,
) {
    let _ = path;
}

/// Edit a file.
#[copilot::tool(serial_by = "file.name")]
async fn change(
    /// Absolute path.
    path: &str,
    /// The text.
    text: &str,
) {
    let _ = (path, text);
}

/// List all files.
#[copilot::tool(serial_by = "path")]
async fn list() {}

/// Copy a file.
#[copilot::tool(serial_by = path)]
async fn copy(
    /// Absolute path.
    path: &str,
) {
    let _ = path;
}

fn main() {}
