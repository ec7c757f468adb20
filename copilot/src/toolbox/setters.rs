//! The setters that a toolbox has in common with a session.

use super::Toolbox;
use crate::tools::tool_setters;

tool_setters!(
    Toolbox,
    "Requires a tool of each of these crates: every command fails if the toolbox has none.",
    "Sets the visibility of foreign errors, in `call` too.",
    "All commands share it.",
);
