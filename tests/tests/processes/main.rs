//! Processes: installing and launching a CLI, its security, what remains when the program ends, and what outlives it.

mod deferred_calls;
mod install;
mod launching;
mod leases;
mod program_ends;
mod security;
