//! Lost connections and restarts of the CLI.

mod losses;
mod recovery;
mod resumption;
mod supervision;
