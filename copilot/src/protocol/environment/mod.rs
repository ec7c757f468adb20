//! The wire of the connection, the account and the environment of a session.

pub(crate) mod account;
pub(crate) mod connection;
pub(crate) mod diagnostics;
pub(crate) mod experiments;
pub(crate) mod github_telemetry;
pub(crate) mod instructions;
pub(crate) mod managed;
pub(crate) mod sandbox;
