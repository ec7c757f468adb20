//! Processes: installing and launching a CLI, its security, and what remains when the program ends.

mod install;
mod launching;
mod program_ends;
mod security;
