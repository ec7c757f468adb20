//! The wire of questions to the user and of pages for the user.

pub(crate) mod canvas;
pub(crate) mod capabilities;
pub(crate) mod elicitation;
pub(crate) mod modes;
pub(crate) mod user_input;
