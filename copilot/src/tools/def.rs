//! The definition of a tool as constant data, which the macros write.

use std::fmt;

use futures_core::future::BoxFuture;

use crate::tools::arguments::decode::Visitor;
use crate::tools::arguments::param_def::{ParamDef, Scalar};
use crate::tools::output::error::ToolError;
use crate::tools::output::result::ToolResult;
use crate::tools::output::returned::OutputSchema;
use crate::tools::selection_context::SelectionContext;

/// A tool whose function is ready to run, with its arguments.
pub enum Started {
    /// The future of the function.
    Future(BoxFuture<'static, Result<ToolResult, ToolError>>),
    /// A function for the pool for blocking work.
    Blocking(Box<dyn FnOnce() -> Result<ToolResult, ToolError> + Send>),
}

/// The output of `#[copilot::tool]`: constant data only.
///
/// The fields are an internal contract with the macro of the same version.
#[derive(Debug)]
pub struct ToolDef {
    /// The name that the model uses.
    pub name: &'static str,
    /// The description, which the model reads to decide when to call the tool.
    pub description: &'static str,
    /// The source location of the function.
    pub location: Location,
    /// The parameters of the function, injected ones included.
    pub params: &'static [ParamDef],
    /// Visits the parameters and starts the function.
    pub shim: fn(&mut Visitor<'_>) -> Option<Started>,
    /// The title that user interfaces show instead of the name.
    pub title: Option<&'static str>,
    /// The group that selections refer to.
    pub group: Option<&'static str>,
    /// The tags that selections refer to.
    pub tags: &'static [&'static str],
    /// Whether the tool has no side effects.
    pub read_only: bool,
    /// Whether the tool may destroy data.
    pub destructive: bool,
    /// Whether a second call with the same arguments has no further effect.
    pub idempotent: bool,
    /// Whether the tool interacts with systems outside the program.
    pub open_world: bool,
    /// The timeout of a call, in milliseconds; `None` for that of the group or the session.
    pub timeout_ms: Option<u64>,
    /// The maximum number of retries after a transient failure.
    pub retries: u32,
    /// The maximum length of the text that the model reads, in bytes.
    pub max_output: Option<usize>,
    /// The maximum number of concurrent calls.
    pub concurrency: Option<usize>,
    /// The maximum number of calls in a turn.
    pub budget: Option<usize>,
    /// The path of the argument by which calls run one after another.
    pub serial_by: Option<&'static str>,
    /// Whether the turn ends when the tool succeeds.
    pub terminal: bool,
    /// Whether the CLI may defer loading the tool until the model searches for it: `auto` or `never`.
    pub defer: Option<&'static str>,
    /// Whether the CLI runs the tool without a permission request.
    pub skip_permission: bool,
    /// Whether the tool replaces the CLI's built-in tool of the same name.
    pub overrides_builtin: bool,
    /// Decides whether a call needs approval; `None` for the default of destructive tools.
    pub needs_approval: Option<Approval>,
    /// Decides whether a session has the tool; `None` for always.
    pub enabled: Option<fn(&SelectionContext<'_>) -> bool>,
    /// Whether the model reads the text of foreign errors; `None` for the session's setting.
    pub errors_visible: Option<bool>,
    /// Whether safe mistakes in arguments are corrected.
    pub coerce: bool,
    /// The schema of the returned JSON; `None` for other results.
    pub output: Option<OutputSchema>,
    /// Metadata for the CLI.
    pub meta: &'static [(&'static str, Scalar)],
}

/// The function that decides whether a call needs approval. It returns `None` for arguments that do not fit.
#[derive(Clone, Copy, Debug)]
pub enum Approval {
    /// Reads some of the parameters.
    Params(fn(&mut Visitor<'_>) -> Option<bool>),
    /// Reads the arguments object as JSON.
    Object(fn(&str) -> Option<bool>),
}

/// The source location of a tool's definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Location {
    /// The path of the module.
    pub module: &'static str,
    /// The path of the file, as in [`file!`].
    pub file: &'static str,
    /// The line number, starting at 1.
    pub line: u32,
}

/// Checks the name of a tool during constant evaluation.
///
/// # Panics
///
/// Panics if the name is not valid.
pub const fn checked_name(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 64, "the name of a tool must have 1 to 64 characters");
    assert!(
        !bytes[0].is_ascii_digit() && bytes[0] != b'-',
        "the name of a tool must start with a letter or `_`: Gemini refuses a digit and `-`"
    );
    let mut index = 0;
    while index < bytes.len() {
        let byte = bytes[index];
        assert!(
            byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            "the name of a tool must consist of ASCII letters, digits, `_` and `-`"
        );
        index += 1;
    }
    name
}

/// Returns the length of a name with a prefix, in bytes.
pub const fn length_of(prefix: &'static str, name: &'static str) -> usize {
    prefix.len() + name.len()
}

/// Returns the bytes of a name with a prefix.
pub const fn joined<const LENGTH: usize>(prefix: &'static str, name: &'static str) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let (start, end) = bytes.split_at_mut(prefix.len());
    start.copy_from_slice(prefix.as_bytes());
    end.copy_from_slice(name.as_bytes());
    bytes
}

/// Returns the text of [`joined`] bytes.
///
/// # Panics
///
/// Panics if the bytes are not UTF-8, which two joined texts are.
pub const fn text_of(bytes: &'static [u8]) -> &'static str {
    match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(_) => panic!("two texts are a text"),
    }
}

impl ToolDef {
    /// The default value of every field.
    pub const BASE: Self = Self {
        name: "",
        description: "",
        location: Location::new("", "", 0),
        params: &[],
        shim: |_| None,
        title: None,
        group: None,
        tags: &[],
        read_only: false,
        destructive: false,
        idempotent: false,
        open_world: false,
        timeout_ms: None,
        retries: 0,
        max_output: None,
        concurrency: None,
        budget: None,
        serial_by: None,
        terminal: false,
        defer: None,
        skip_permission: false,
        overrides_builtin: false,
        needs_approval: None,
        enabled: None,
        errors_visible: None,
        coerce: true,
        output: None,
        meta: &[],
    };
}

impl Location {
    /// Used by the macros.
    #[doc(hidden)]
    pub const fn new(module: &'static str, file: &'static str, line: u32) -> Self {
        Self { module, file, line }
    }

    /// Returns the name of the crate that defines the tool, with underscores.
    pub fn krate(&self) -> &'static str {
        self.module.split("::").next().unwrap_or(self.module)
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Future(_) => "Future(..)",
            Self::Blocking(_) => "Blocking(..)",
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
