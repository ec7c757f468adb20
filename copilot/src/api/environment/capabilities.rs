//! What the host of a session can show: see [`Session::capabilities`](crate::Session::capabilities).

pub use crate::protocol::capabilities::{Capabilities, UiCapabilities};
