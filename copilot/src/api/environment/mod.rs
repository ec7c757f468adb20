//! The environment of a session: directories, sandbox, and what the CLI finds in them.

pub(crate) mod diagnostics;
pub(crate) mod discovery;
pub(crate) mod experiments;
pub(crate) mod extensions;
pub(crate) mod instructions;
pub(crate) mod managed;
pub(crate) mod memory;
pub(crate) mod sandbox;
pub(crate) mod workspace;
