//! Everything that the output of the macros may name, and nothing that a person should.
//!
//! Changes with any release; `copilot-macros` is pinned to the same one.

pub use copilot_macros::builtin_tools;
pub use inventory;

pub use crate::tools::Location;
pub use crate::tools::expansion::*;
pub use crate::{State, Tool};
