//! The process of the CLI: finding the program, starting it, owning it, stopping it.
//!
//! Command lines, environments and exit codes; not the bytes on the pipes. Invariant: a started CLI ends with its
//! [`Child`] and with this program, together with every process that it started.

mod child;
mod failure;
mod launch;
mod locate;
mod orphans;
mod reaper;
mod sys;
mod telemetry;

pub(crate) use child::{Child, quoted};
pub use launch::LogLevel;
pub(crate) use launch::{Channel, Launch, LaunchOptions};
pub(crate) use locate::{Program, locate};
#[cfg(feature = "toolbox")]
pub(crate) use sys::discard_typed_ahead;
pub use telemetry::{Telemetry, TelemetryExporter, TelemetryProtocol};
