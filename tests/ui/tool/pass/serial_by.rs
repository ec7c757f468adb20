//! Calls in order, by an argument or a field of one.
#![deny(warnings)]

use copilot::{State, ToolContext};

#[derive(serde::Deserialize, schemars::JsonSchema)]
#[allow(dead_code)]
struct Edit {
    /// The file.
    path: String,
    /// The text.
    text: String,
}

/// Edit a file.
#[copilot::tool(serial_by = "edit.path")]
async fn change(edit: Edit, _cx: &ToolContext) {
    drop(edit);
}

/// Edit a file once.
#[copilot::tool(serial_by = "edit.path", concurrency = 2)]
async fn change_once(
    /// The edit.
    edit: Edit,
    /// Whether nothing is written.
    dry: bool,
) {
    drop((edit, dry));
}

/// Read a file.
#[copilot::tool(serial_by = "path")]
async fn look(
    /// The file.
    #[arg(name = "file")]
    path: &str,
) {
    let _ = path;
}

struct Disk;

#[copilot::tools]
impl Disk {
    /// Write a file.
    #[tool(serial_by = "file")]
    async fn write(
        &self,
        /// The file.
        #[arg(name = "file")]
        path: String,
        _other: State<Disk>,
    ) {
        drop(path);
    }
}

#[test]
fn serial_by_takes_arguments() {
    for tool in [change::TOOL, change_once::TOOL, look::TOOL, copilot::Toolset::into_tools(Disk).remove(0)] {
        tool.schema().unwrap();
    }
}
