//! Tools: functions that the model may call.
//!
//! [`#[copilot::tool]`](macro@crate::tool) makes a [`Tool`] of a function, [`#[copilot::tools]`](macro@crate::tools) makes
//! tools of the methods of a type, and [`DynTool`] is a tool that is defined at run time. The types of most programs are in
//! the [crate root](crate); this module has the rest:
//!
//! - **Tools of a session.** [`ToolsBuilder`] has the setters that the builders of a session and of an MCP server share.
//!   [`Choice`] names tools by group, tag or [`module`]; a [`ToolList`] is a list of tools. A tool with the option `enabled`
//!   decides by a [`SelectionContext`].
//! - **Parameters.** [`FromCall`] and [`FromCallAsync`] make a type of the program a parameter that the model does not fill.
//!   [`Needs`] lists the states that such a type reads.
//! - **Results.** [`Audio`], [`Resource`] and [`ResourceLink`] are content beside text and images, and [`ResultType`] is the
//!   outcome. [`ToolErrors`] decides whether the model reads errors that are hidden otherwise.
//! - **Schemas.** [`SchemaProfile`] is the form of the schemas that the model reads. [`check_compat`] compares two versions of
//!   a set of tools, and reports each [`ToolChange`] that breaks callers.

// In the order of a call: `selection` collects the tools of a program, `schema` describes their arguments to the model,
// `call` runs a tool, `arguments` decodes and validates the values of its parameters, `output` converts the returned value
// to a `ToolResult`. This module does not depend on sessions; a running tool uses its session through `ToolHost`.

mod arguments;
mod builder;
mod call;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod checked;
mod comparison;
mod compiled;
pub(crate) mod context;
mod def;
pub(crate) mod dynamic;
mod from_call;
pub(crate) mod output;
mod schema;
pub(crate) mod selection;
mod selection_context;
mod serial;
pub(crate) mod state;
#[cfg(test)]
mod tests;
mod timeouts;
pub(crate) mod tool;

#[cfg(any(feature = "mcp", feature = "toolbox"))]
pub(crate) use builder::tool_setters;
pub use builder::{ToolSettings, ToolsBuilder};
pub use comparison::{ChangeKind, Place, ToolChange, check_compat};
pub use def::Location;
pub use dynamic::Defer;
pub use from_call::{FromCall, FromCallAsync};
pub use output::content::{Audio, Resource, ResourceLink};
pub use output::error::ToolErrors;
pub use output::result::ResultType;
pub use schema::SchemaProfile;
pub use selection::toolset::ToolsInOneImplBlock;
pub use selection::{Choice, ToolList, module};
pub use selection_context::SelectionContext;
pub use state::Needs;

pub(crate) use context::ToolContext;
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) use dynamic::DynTool;
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) use output::error::ToolError;
pub(crate) use output::result::{Receiver, ToolResult};
pub(crate) use selection::toolset::Toolset;
pub(crate) use state::State;
pub(crate) use tool::Tool;

pub(crate) use crate::task::CancellationToken;
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) use arguments::report::reports_invalid_arguments;
pub(crate) use arguments::validate::mismatches;
pub(crate) use call::dispatch::unknown_tool;
pub(crate) use context::{Invocation, ToolHost};
pub(crate) use schema::of_type as schema_of;
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) use selection::lint;
pub(crate) use selection::registry::ToolSet;
#[cfg(any(test, feature = "testing", feature = "toolbox"))]
pub(crate) use selection::snapshot::snapshot;
pub(crate) use selection::{Prefixes, ToolSelection};
pub(crate) use serial::Place as SerialPlace;
pub(crate) use state::StateMap;
pub(crate) use timeouts::Timeouts;

/// The items that the macros refer to, re-exported as `__private`.
pub(crate) mod expansion {
    pub use super::arguments::bound::{bound, number};
    pub use super::arguments::decode::Visitor;
    pub use super::arguments::default::{MaybeJson, NoJson, text};
    #[expect(deprecated, reason = "its use is the warning")]
    pub use super::arguments::described::long_description;
    pub use super::arguments::described::{Described, Plain};
    pub use super::arguments::param::{Probe, ProbeValue, argument, receiver};
    pub use super::arguments::param_def::{ParamDef, Scalar, Shape};
    pub use super::call::approval::decide;
    pub use super::call::start::{blocking, inline, local, run};
    pub use super::def::{Approval, Started, ToolDef, checked_name, joined, length_of, text_of};
    pub use super::output::outcome::outcome;
    pub use super::output::returned::{Returned, Unstructured};
    pub use super::schema::kind::Unknown;
    pub use super::selection::distinct;
    pub use super::selection::toolset::ToolsInOneImplBlock;
    pub use super::selection_context::SelectionContext;
    pub use super::tool::Registered;
}
