//! Runs one call and decides whether its result is a fault of the tool.

use std::sync::Once;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use std::{panic, thread};

use serde_json::Value;
use serde_json::value::RawValue;

use crate::contain;
use crate::error::{Error, ErrorKind, Result};
use crate::testing::tools::{Called, ToolCall};
use crate::tools::checked::{CheckedArguments, Mistake, ROOT};
use crate::tools::output::result::ResultType;
use crate::tools::{Tool, reports_invalid_arguments};

/// The shortest text of a hidden error that is searched for in a result. Shorter ones are words of any text.
const LEAST_HIDDEN: usize = 8;

/// The time beyond twice the limit of a call after which its thread counts as blocked.
const GRACE: Duration = Duration::from_millis(100);

/// A fault of a tool that generated arguments show.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FuzzFault {
    /// The tool panicked with this message.
    Panicked(String),
    /// The call did not end within its timeout or the time limit.
    Hung(Duration),
    /// The text for the model contains an error that the tool hides, or a [secret](super::FuzzTools::secret).
    Leaked {
        /// The hidden text.
        hidden: String,
        /// The text for the model.
        text: String,
    },
    /// The arguments fit the schema, and the types of the tool do not accept them.
    RefusedFitting {
        /// The path of the value, such as `items[3].name`; `None` if the refusal names no path.
        path: Option<String>,
        /// The text for the model.
        text: String,
    },
    /// The arguments do not fit the schema, and the tool has run.
    AcceptedInvalid {
        /// The mistakes in the arguments.
        mistakes: Vec<String>,
    },
    /// The arguments do not fit the schema, and the refusal names none of the paths.
    UnnamedPath {
        /// The paths of the mistakes.
        paths: Vec<String>,
        /// The text for the model.
        text: String,
    },
}

impl FuzzFault {
    /// Returns whether another fault is of the same kind.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The expectations of one tool's calls.
pub(super) struct Judge<'t> {
    pub(super) tool: &'t Tool,
    pub(super) arguments: CheckedArguments<'t>,
    /// Whether the schema has rules that are not checked, so that a refusal may be right.
    pub(super) has_unchecked_rules: bool,
    /// Whether the tool may accept arguments that its schema does not allow.
    pub(super) is_lenient: bool,
    pub(super) secrets: &'t [String],
    pub(super) limit: Duration,
}

impl Judge<'_> {
    /// Decides about the end of a call; `called` is `None` for one that did not end.
    pub(super) fn of_value(&self, value: &Value, called: Option<&Called>) -> Option<FuzzFault> {
        if let Some(fault) = self.of_any(called) {
            return Some(fault);
        }
        let called = called?;
        let refused = reports_invalid_arguments(self.tool.name(), called);
        if self.arguments.accepts(value) {
            if !refused || self.has_unchecked_rules {
                return None;
            }
            let text = called.text().to_owned();
            let path = first_path(&text);
            return Some(FuzzFault::RefusedFitting { path, text });
        }
        let mistakes = self.arguments.mistakes(value);
        if mistakes.is_empty() {
            return None;
        }
        if !refused {
            let mistakes = mistakes.into_iter().map(|mistake| mistake.text).collect();
            return (!self.is_lenient).then_some(FuzzFault::AcceptedInvalid { mistakes });
        }
        unnamed(&mistakes, called.text())
    }

    /// Decides about the end of a call whose arguments are not a `Value`: it may be refused or not.
    pub(super) fn of_any(&self, called: Option<&Called>) -> Option<FuzzFault> {
        let Some(called) = called else { return Some(FuzzFault::Hung(self.limit)) };
        if let Some(panic) = called.panic() {
            return Some(FuzzFault::Panicked(panic.to_owned()));
        }
        if called.result_type() == ResultType::Timeout {
            return Some(FuzzFault::Hung(self.tool.timeout().unwrap_or(self.limit)));
        }
        self.leak(called)
    }

    fn leak(&self, called: &Called) -> Option<FuzzFault> {
        let text = called.text();
        let leaked = |hidden: &str| FuzzFault::Leaked { hidden: hidden.to_owned(), text: text.to_owned() };
        if let Some(secret) = self.secrets.iter().find(|secret| text.contains(secret.as_str())) {
            return Some(leaked(secret));
        }
        let error = called.error()?;
        // The text of a hidden error is the library's, unless the tool asks for the error.
        if error.is_hidden() {
            return None;
        }
        let mut next = error.source();
        while let Some(source) = next {
            let hidden = contain::text(source);
            if hidden.len() >= LEAST_HIDDEN && text.contains(&hidden) {
                return Some(leaked(&hidden));
            }
            next = contain::run(|| source.source()).unwrap_or_default();
        }
        None
    }
}

/// Returns the fault of a refusal that names none of the mistakes' paths.
fn unnamed(mistakes: &[Mistake], text: &str) -> Option<FuzzFault> {
    let names = |path: &str| match path {
        ROOT => text.contains(&format!("\n- {ROOT}: ")),
        path => text.contains(&format!("`{path}`")),
    };
    if mistakes.iter().any(|mistake| names(&mistake.path)) {
        return None;
    }
    let paths = mistakes.iter().map(|mistake| mistake.path.clone()).collect();
    Some(FuzzFault::UnnamedPath { paths, text: text.to_owned() })
}

/// Returns the first path in a report of invalid arguments; `None` for the arguments object.
fn first_path(text: &str) -> Option<String> {
    let line = text.split_once("\n- ")?.1;
    if line.starts_with(ROOT) {
        return None;
    }
    Some(line.split_once('`')?.1.split_once('`')?.0.to_owned())
}

/// A thread that runs calls, one after another.
pub(super) struct Caller {
    limit: Duration,
    thread: Option<Thread>,
    /// The number of threads that calls have blocked.
    pub(super) blocked: usize,
}

struct Thread {
    calls: SyncSender<ToolCall>,
    results: Receiver<Option<Called>>,
}

impl Caller {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, thread: None, blocked: 0 }
    }

    /// Runs a call. Returns `None` for one that does not end in time. A call that blocks its thread is left alone with it.
    pub(super) fn call(&mut self, call: ToolCall, text: Option<Box<RawValue>>) -> Result<Option<Called>> {
        let call = match text {
            Some(text) => call.arguments_text(text),
            None => call,
        };
        let thread = match self.thread.take() {
            Some(thread) => thread,
            None => Thread::start(self.limit)?,
        };
        let ended = || Error::new(ErrorKind::Tools, "the thread that calls the tools has ended");
        thread.calls.send(call).map_err(|_| ended())?;
        match thread.results.recv_timeout(self.limit * 2 + GRACE) {
            Ok(called) => {
                self.thread = Some(thread);
                Ok(called)
            }
            Err(RecvTimeoutError::Timeout) => {
                self.blocked += 1;
                Ok(None)
            }
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}

/// The name of the threads that run tools.
const THREAD: &str = "copilot-fuzz";

/// Stops the messages about panics of tools, which the report has. Hundreds of them would hide it.
fn silence_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let other = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if thread::current().name() != Some(THREAD) {
                other(info);
            }
        }));
    });
}

impl Thread {
    fn start(limit: Duration) -> Result<Self> {
        silence_panics();
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Tools, format!("cannot start the thread that calls the tools: {error}"))
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .thread_name(THREAD)
            .enable_all()
            .build()
            .map_err(failed)?;
        let (calls, next) = sync_channel::<ToolCall>(1);
        let (done, results) = sync_channel(1);
        let run = move || {
            for call in next {
                let called = runtime.block_on(async { tokio::time::timeout(limit, call).await.ok() });
                if done.send(called).is_err() {
                    break;
                }
            }
            // A tool on the pool for blocking work may still run.
            runtime.shutdown_background();
        };
        thread::Builder::new().name(THREAD.to_owned()).spawn(run).map_err(failed)?;
        Ok(Self { calls, results })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_path_of_a_mistake() {
        let mistake = |path: &str| Mistake { path: path.to_owned(), text: String::new() };
        let text = "The arguments of `t` do not fit:\n- `items[3].name`: expected a string, got 1\n- the name of `x`: no";
        assert_eq!(first_path(text).as_deref(), Some("items[3].name"));
        assert_eq!(first_path("The arguments of `t` do not fit."), None);
        assert_eq!(unnamed(&[mistake("items[3].name")], text), None);
        let fault = unnamed(&[mistake("items[4].name")], text);
        let paths = vec!["items[4].name".to_owned()];
        assert_eq!(fault, Some(FuzzFault::UnnamedPath { paths, text: text.to_owned() }));
    }
}
