//! The definition of a tool, and the handle to it.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::Result;
use crate::tools::arguments::decode::Visitor;
use crate::tools::call::dispatch::Started;
use crate::tools::compiled::{self, Compiled};
use crate::tools::dynamic::Dynamic;
use crate::tools::selection::toolset::Bound;

/// A function that the model may call.
///
/// `#[copilot::tool]` defines one beside the function, as `name::TOOL`. Clones are cheap.
#[derive(Clone)]
pub struct Tool(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static ToolDef),
    Dynamic(Arc<Dynamic>),
    Bound(Arc<Bound>),
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
    /// The timeout of a call, in milliseconds.
    pub timeout_ms: u64,
    /// The maximum number of retries after a transient failure.
    pub retries: u32,
    /// The maximum length of the text that the model reads, in bytes.
    pub max_output: Option<usize>,
    /// The maximum number of concurrent calls.
    pub concurrency: Option<usize>,
    /// Whether the turn ends when the tool succeeds.
    pub terminal: bool,
    /// Whether the CLI may defer loading the tool until the model searches for it: `auto` or `never`.
    pub defer: Option<&'static str>,
    /// Whether the CLI runs the tool without a permission request.
    pub skip_permission: bool,
    /// Whether the tool replaces the CLI's built-in tool of the same name.
    pub overrides_builtin: bool,
    /// Decides whether a call with these arguments needs approval.
    pub needs_approval: Option<fn(&Value) -> bool>,
    /// Decides whether sessions have the tool; `None` for always.
    pub enabled: Option<fn() -> bool>,
    /// Whether the model reads the text of foreign errors; `None` for the session's setting.
    pub errors_visible: Option<bool>,
    /// Whether safe mistakes in arguments are corrected.
    pub coerce: bool,
    /// Metadata for the CLI.
    pub meta: &'static [(&'static str, Scalar)],
}

/// One parameter of a tool's function.
#[derive(Debug)]
pub struct ParamDef {
    /// The name in the arguments object.
    pub name: &'static str,
    /// The doc comment; empty without one.
    pub description: &'static str,
    /// The minimum of a number.
    pub min: Option<Scalar>,
    /// The maximum of a number.
    pub max: Option<Scalar>,
    /// The minimum length of text, a list or a map.
    pub min_len: Option<usize>,
    /// The maximum length of text, a list or a map.
    pub max_len: Option<usize>,
    /// The regular expression that text must match.
    pub pattern: Option<&'static str>,
    /// The allowed values; empty for any.
    pub one_of: &'static [Scalar],
    /// Example values for the schema; empty for none.
    pub examples: &'static [Scalar],
    /// The placement in the arguments object.
    pub shape: Shape,
}

/// The value of a literal in an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// The value of a string or character literal.
    Text(&'static str),
    /// The value of an integer literal or a constant expression.
    Int(i64),
    /// The value of a floating-point literal.
    Float(f64),
    /// The value of a boolean literal.
    Bool(bool),
}

/// The placement of an argument in the arguments object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A property, or the whole object for a single argument with named fields.
    Auto,
    /// The fields of the argument are properties.
    Flatten,
    /// A property, even for a single argument with named fields.
    Nest,
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

/// A tool collected by the linker.
#[derive(Debug)]
pub struct Registered(pub Tool);

inventory::collect!(Registered);

/// Checks the name of a tool during constant evaluation.
///
/// # Panics
///
/// Panics if the name is not valid.
pub const fn checked_name(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 64, "the name of a tool must have 1 to 64 characters");
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

impl ToolDef {
    /// The default timeout of a call, in milliseconds.
    pub const DEFAULT_TIMEOUT_MS: u64 = 120_000;

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
        timeout_ms: Self::DEFAULT_TIMEOUT_MS,
        retries: 0,
        max_output: None,
        concurrency: None,
        terminal: false,
        defer: None,
        skip_permission: false,
        overrides_builtin: false,
        needs_approval: None,
        enabled: None,
        errors_visible: None,
        coerce: true,
        meta: &[],
    };
}

impl ParamDef {
    /// The default value of every field.
    pub const BASE: Self = Self {
        name: "",
        description: "",
        min: None,
        max: None,
        min_len: None,
        max_len: None,
        pattern: None,
        one_of: &[],
        examples: &[],
        shape: Shape::Auto,
    };
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => text.into(),
            Scalar::Int(number) => number.into(),
            Scalar::Float(number) => number.into(),
            Scalar::Bool(value) => value.into(),
        }
    }
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

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Tool {
    /// Used by the macros.
    #[doc(hidden)]
    pub const fn new(def: &'static ToolDef) -> Self {
        Self(Repr::Static(def))
    }

    /// Returns the name that the model uses.
    pub fn name(&self) -> &str {
        match &self.0 {
            Repr::Static(def) => def.name,
            Repr::Bound(bound) => bound.def.name,
            Repr::Dynamic(tool) => &tool.name,
        }
    }

    /// Returns the description, which the model reads to decide when to call the tool.
    pub fn description(&self) -> &str {
        match &self.0 {
            Repr::Static(def) => def.description,
            Repr::Bound(bound) => bound.def.description,
            Repr::Dynamic(tool) => &tool.description,
        }
    }

    /// Returns the source location of the definition.
    pub fn location(&self) -> Location {
        self.def().location
    }

    /// Returns whether the tool has no side effects.
    pub fn is_read_only(&self) -> bool {
        self.def().read_only
    }

    /// Returns whether the tool may destroy data, so that a call needs a permission.
    pub fn is_destructive(&self) -> bool {
        self.def().destructive
    }

    /// Returns the title that user interfaces show instead of the name, if set.
    pub fn title(&self) -> Option<&str> {
        self.def().title
    }

    /// Returns the group that selections refer to, if set.
    pub fn group(&self) -> Option<&str> {
        match &self.0 {
            Repr::Static(def) => def.group,
            Repr::Bound(bound) => bound.def.group,
            Repr::Dynamic(tool) => tool.group.as_deref(),
        }
    }

    /// Returns the tags that selections refer to; empty without any.
    pub fn tags(&self) -> &[&str] {
        self.def().tags
    }

    /// Returns whether a second call with the same arguments has no further effect. Read-only tools are idempotent.
    pub fn is_idempotent(&self) -> bool {
        self.def().idempotent || self.def().read_only
    }

    /// Returns whether a call with these arguments needs approval, as decided by the option `needs_approval`. Default:
    /// destructive tools need approval.
    pub fn needs_approval(&self, arguments: &Value) -> bool {
        self.def().needs_approval.map_or(self.def().destructive, |asks| asks(arguments))
    }

    /// Returns the timeout of a call.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.def().timeout_ms)
    }

    /// Returns the JSON schema of the arguments; `None` for a tool without arguments.
    ///
    /// # Errors
    ///
    /// Returns an error if the schema of a parameter cannot be sent to a model. The message names the tool, the
    /// parameter and the reason.
    pub fn schema(&self) -> Result<Option<&RawValue>> {
        Ok(self.compiled()?.arguments.parameters.as_deref())
    }

    /// Returns the name during constant evaluation; empty for a tool created at run time.
    pub(crate) const fn const_name(&self) -> &'static str {
        match &self.0 {
            Repr::Static(def) => def.name,
            Repr::Dynamic(_) | Repr::Bound(_) => "",
        }
    }

    pub(crate) fn from_dynamic(tool: Arc<Dynamic>) -> Self {
        Self(Repr::Dynamic(tool))
    }

    /// Returns the options of the tool. Name, description and group of a dynamic tool are not in it.
    pub(crate) fn def(&self) -> &ToolDef {
        match &self.0 {
            Repr::Static(def) => def,
            Repr::Bound(bound) => bound.def,
            Repr::Dynamic(tool) => &tool.options,
        }
    }

    pub(crate) fn bound(tool: Arc<Bound>) -> Self {
        Self(Repr::Bound(tool))
    }

    /// Returns the value that the method of a toolset is bound to, if it has that type.
    pub(crate) fn own_value(&self, type_id: TypeId) -> Option<&Arc<dyn Any + Send + Sync>> {
        match &self.0 {
            Repr::Bound(bound) if bound.type_id == type_id => Some(&bound.value),
            _ => None,
        }
    }

    pub(crate) fn dynamic(&self) -> Option<&Dynamic> {
        match &self.0 {
            Repr::Static(_) | Repr::Bound(_) => None,
            Repr::Dynamic(tool) => Some(tool),
        }
    }

    /// Returns whether the tool has no handler, so that another client answers its calls.
    pub(crate) fn is_declared_only(&self) -> bool {
        self.dynamic().is_some_and(|tool| tool.handler.is_none())
    }

    /// Returns whether both handles are of the same definition, and not only of the same name.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // A crate that is linked twice, such as the library of a unit test, has two copies of each definition.
            (Repr::Static(a), Repr::Static(b)) => a.name == b.name && a.location == b.location,
            (Repr::Dynamic(a), Repr::Dynamic(b)) => Arc::ptr_eq(a, b),
            (Repr::Bound(a), Repr::Bound(b)) => Arc::ptr_eq(&a.value, &b.value) && a.def.name == b.def.name,
            _ => false,
        }
    }

    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        match &self.0 {
            Repr::Static(def) => compiled::of(def),
            Repr::Bound(bound) => compiled::of(bound.def),
            Repr::Dynamic(tool) => tool.compiled(),
        }
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool")
            .field("name", &self.name())
            .field("location", &self.location())
            .finish_non_exhaustive()
    }
}
