//! The behaviours that `tests/matrix/run` checks on every generation of the real CLI.

mod basics;
mod surface;
