//! The CLI as a program: finding it, starting it, owning it, stopping it.
//!
//! Knows command lines, environments and exit codes; nothing of what is said over the pipes. Invariant: a started
//! CLI ends with its [`Child`] and with this program, together with every process that it has started.

mod child;
mod failure;
mod launch;
mod locate;
mod owner;
mod sweep;
mod sys;
mod telemetry;

pub(crate) use child::{Child, quoted};
pub use launch::LogLevel;
pub(crate) use launch::{Channel, Launch, LaunchOptions};
pub(crate) use locate::{Program, locate};
pub use telemetry::{Telemetry, TelemetryExporter, TelemetryProtocol};
