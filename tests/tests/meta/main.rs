//! Checks of the repository itself: style, language, fixtures, examples, names on the wire.

mod examples;
mod fixtures;
mod surface;
mod tidy;
mod wire_drift;
mod words;
