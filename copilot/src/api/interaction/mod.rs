//! Interaction with the user: questions, forms, modes and plans.

pub(crate) mod elicitation;
pub(crate) mod modes;
pub(crate) mod plan;
pub(crate) mod ui;
pub(crate) mod user_input;
