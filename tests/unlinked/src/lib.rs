//! Tools in a crate of an older edition, which the linker leaves out unless it is named.

use std::path::Path;

use copilot::{State, ToolContext, ToolError};

/// How deep the well is.
#[derive(Debug)]
pub struct Well(pub u32);

/// Return the depth.
#[copilot::tool(read_only)]
pub async fn depth(
    /// Which well.
    name: &str,
    /// Where the map is.
    map: Option<String>,
    /// How often it is measured.
    #[arg(default = 1, min = 1)]
    times: u8,
    well: State<Well>,
    cx: &ToolContext,
) -> Result<String, ToolError> {
    cx.progress(0.5, "measuring");
    Ok(format!("{name} {map:?} {times} {}", well.0))
}

/// Throw a coin.
#[copilot::tool(inline)]
pub fn throw(
    /// Where it lies.
    r#dyn: &Path,
) -> bool {
    r#dyn.exists()
}

#[copilot::tools(prefix = "well_")]
impl Well {
    /// Dig deeper.
    #[tool]
    async fn dig(
        &self,
        /// By how much.
        by: u32,
    ) -> u32 {
        self.0 + by
    }
}
