//! The exit status of a command.

use std::error::Error as StdError;
use std::io;
use std::process::ExitCode;

use crate::tools::{ResultType, ToolResult};

/// The exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exit {
    Success,
    /// A tool, a turn or a check failed.
    Failure,
    /// The command line or the arguments of a tool are wrong.
    Usage,
    /// A call was not permitted.
    Refused,
    /// Ended by Ctrl-C.
    Interrupted,
}

/// The outcome of a command. The error is printed on stderr, with the status of a failure.
pub(super) type Outcome = Result<Exit, Box<dyn StdError + Send + Sync>>;

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Success => 0,
            Exit::Failure => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Interrupted => 130,
        })
    }
}

impl Exit {
    /// Returns the status for the result of a tool.
    pub(super) fn of(result: &ToolResult) -> Self {
        match result.result_type() {
            ResultType::Success => Self::Success,
            ResultType::Denied | ResultType::Rejected => Self::Refused,
            _ => Self::Failure,
        }
    }
}

/// Returns whether the error is one of the system: a broken pipe if the reader of the output has closed it, as `head`
/// does, and an interruption by Ctrl-C.
pub(super) fn is_io(error: &(dyn StdError + Send + Sync + 'static), kind: io::ErrorKind) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == kind)
}
