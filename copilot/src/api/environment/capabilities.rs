//! The capabilities of a session's host: see [`Session::capabilities`](crate::Session::capabilities).

pub use crate::protocol::capabilities::{Capabilities, UiCapabilities};
