//! The CLI as a program: finding it, starting it, owning it, stopping it.
//!
//! Knows command lines, environments and exit codes; nothing of what is said over the pipes. Invariant: a started
//! CLI ends with its [`Child`] and with this program, together with every process that it has started.

mod child;
mod command;
mod failure;
mod locate;
mod owner;
mod sweep;
mod sys;

pub(crate) use child::{Child, quoted};
pub use command::LogLevel;
pub(crate) use command::{Carrier, Launch};
pub(crate) use locate::{Program, locate};
