//! Checks of the repository itself: style, language, fixtures, examples, names on the wire, messages of the macros.

mod examples;
mod fixtures;
mod macro_ui;
mod surface;
mod tidy;
mod wire_drift;
mod words;
