//! Tools: functions that the model may call.
//!
//! A [`Tool`] is a handle to a definition that `#[copilot::tool]` writes as constant data. In the order of a call:
//! `registry` collects the tools of a program, `schema` describes their arguments to the model, `dispatch` runs a
//! tool, `param` and `arguments` provide the values of its parameters, `validate` checks arguments against the schema
//! and `problem` reports the mistakes, `outcome` converts the returned value to a [`ToolResult`].
//! This module does not depend on sessions; a running tool uses its session through [`ToolHost`](context::ToolHost).

mod arguments;
mod compiled;
mod content;
mod context;
mod def;
mod dispatch;
mod dynamic;
mod error;
#[cfg(any(test, feature = "testing"))]
mod lint;
mod outcome;
mod param;
mod problem;
mod registry;
mod result;
mod schema;
mod selection;
mod state;
mod suggest;
#[cfg(test)]
mod tests;
mod toolset;
mod validate;

pub use content::{Audio, Content, Image, Resource};
pub use context::ToolContext;
pub use def::{Location, Tool};
pub use dynamic::DynTool;
pub use error::{OrTell, ToolError, ToolErrors};
pub use outcome::Json;
pub use param::FromCall;
pub use result::{ResultType, ToolResult};
pub use schema::SchemaProfile;
pub use selection::{Choice, group, tag};
pub use state::{Needs, State};
pub use toolset::Toolset;

pub(crate) use crate::task::CancellationToken;
pub(crate) use context::{Invocation, ToolHost};
pub(crate) use dispatch::unknown_tool;
#[cfg(any(test, feature = "testing"))]
pub(crate) use lint::{linked_set, problems};
pub(crate) use registry::ToolSet;
pub(crate) use schema::of_type as schema_of;
pub(crate) use selection::ToolSelection;
pub(crate) use state::StateMap;

/// The items that the macros refer to, re-exported as `__private`.
pub(crate) mod expansion {
    pub use super::arguments::Visitor;
    pub use super::def::{ParamDef, Registered, Scalar, Shape, ToolDef, checked_name};
    pub use super::dispatch::{Started, blocking, inline, local, run};
    pub use super::outcome::outcome;
    pub use super::param::{Described, MaybeJson, NoJson, Probe, ProbeValue, Undescribed, receiver, text};
    pub use super::selection::distinct;
}
