//! The environment of a session: directories, sandbox, and the configuration that the CLI finds in them.

pub mod capabilities;
pub mod diagnostics;
pub mod discovery;
pub(crate) mod experiments;
pub(crate) mod extensions;
pub mod instructions;
pub mod managed;
pub mod memory;
pub mod sandbox;
pub mod workspace;
