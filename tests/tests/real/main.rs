//! The real CLI with a scripted model.

mod cassettes;
mod deferred;
mod every_version;
mod hooks;
mod large_output;
mod lost_events;
mod pending;
mod permissions;
mod providers;
mod running_session;
mod safe_by_default;
mod scripted_model;
mod session_config;
