//! Refusals in the results of the CLI.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::session::Success;

/// Returns the failure that a response reports with a text. One without a text is not an error: `session.destroy` answers
/// so when the CLI does not have the session.
pub(crate) fn refused(method: &str, answer: Option<Success>) -> Result<()> {
    match answer {
        Some(answer @ Success { error: Some(_), .. }) => done(method, answer),
        _ => Ok(()),
    }
}

/// Returns the failure that a response reports as an error.
pub(crate) fn done(method: &str, answer: Success) -> Result<()> {
    if answer.success {
        return Ok(());
    }
    let why = answer.error.unwrap_or_else(|| "the CLI gives no reason".to_owned());
    Err(Error::new(ErrorKind::Session, format!("{method}: {why}")))
}
