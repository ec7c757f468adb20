//! Interaction with the user: questions, forms, modes and plans.

pub mod elicitation;
pub mod modes;
pub mod permission_mode;
pub mod plan;
pub mod ui;
pub mod user_input;
