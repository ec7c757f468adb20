//! Requests of the CLI that handlers of the program answer.

mod callbacks;
mod github_telemetry;
mod inference;
mod mcp;
mod questions;
mod session_files;
mod session_fs;
