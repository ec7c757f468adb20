//! The definition of a tool, and the handle on it.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::arguments::Visitor;
use super::compiled::{self, Compiled};
use super::dispatch::Started;
use super::dynamic::Dynamic;
use super::toolset::Bound;
use crate::error::Result;

/// A tool: something that the model may call.
///
/// `#[copilot::tool]` puts one beside the function, as `name::TOOL`. A handle clones cheaply.
#[derive(Clone)]
pub struct Tool(Repr);

#[derive(Clone)]
enum Repr {
    Static(&'static ToolDef),
    Dynamic(Arc<Dynamic>),
    Bound(Arc<Bound>),
}

/// What `#[copilot::tool]` writes: const data only.
///
/// The fields are the contract with the macro of the same version, and nothing else may name them.
#[derive(Debug)]
pub struct ToolDef {
    /// What the model calls it.
    pub name: &'static str,
    /// What the model reads to decide when to call it.
    pub description: &'static str,
    /// Where the function stands.
    pub location: Location,
    /// The function's parameters, injected ones included.
    pub params: &'static [ParamDef],
    /// Visits the parameters and starts the function.
    pub shim: fn(&mut Visitor<'_>) -> Option<Started>,
    /// What people read instead of the name.
    pub title: Option<&'static str>,
    /// Which tools it belongs to.
    pub group: Option<&'static str>,
    /// What a program may choose it by.
    pub tags: &'static [&'static str],
    /// The tool changes nothing.
    pub read_only: bool,
    /// The tool may destroy something.
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// The tool reaches beyond the program.
    pub open_world: bool,
    /// How long a call may take, in milliseconds.
    pub timeout_ms: u64,
    /// How often a call that failed for a passing reason is tried again.
    pub retries: u32,
    /// How much text the model reads at most, in bytes.
    pub max_output: Option<usize>,
    /// How many calls run at once.
    pub concurrency: Option<usize>,
    /// The turn ends when the tool has succeeded.
    pub terminal: bool,
    /// Whether the CLI may hide the tool until the model looks for it.
    pub defer: Option<&'static str>,
    /// The CLI asks nobody.
    pub skip_permission: bool,
    /// The tool stands for one of the CLI's own.
    pub overrides_builtin: bool,
    /// Whether somebody has to agree to a call with these arguments.
    pub needs_approval: Option<fn(&Value) -> bool>,
    /// Whether sessions have the tool at all.
    pub enabled: Option<fn() -> bool>,
    /// Whether the model reads foreign errors, whatever the session says.
    pub errors_visible: Option<bool>,
    /// Arguments are corrected where it is safe.
    pub coerce: bool,
    /// What is handed on to the CLI.
    pub meta: &'static [(&'static str, Scalar)],
}

/// One parameter of a tool's function.
#[derive(Debug)]
pub struct ParamDef {
    /// Its name in the arguments object.
    pub name: &'static str,
    /// Its doc comment; empty if there is none.
    pub description: &'static str,
    /// The least number.
    pub min: Option<Scalar>,
    /// The greatest number.
    pub max: Option<Scalar>,
    /// The least length of text, a list or a map.
    pub min_len: Option<usize>,
    /// The greatest length of text, a list or a map.
    pub max_len: Option<usize>,
    /// The regular expression that text must match.
    pub pattern: Option<&'static str>,
    /// The only values.
    pub one_of: &'static [Scalar],
    /// Values that show what is meant.
    pub examples: &'static [Scalar],
    /// Whether the fields of its type are arguments of their own.
    pub shape: Shape,
}

/// A value that the macro knows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(&'static str),
    /// A whole number.
    Int(i64),
    /// Any number.
    Float(f64),
    /// Yes or no.
    Bool(bool),
}

/// How an argument lies in the arguments object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A property, or the object itself if it is the only argument and has fields.
    Auto,
    /// Its fields are properties.
    Flatten,
    /// A property.
    Nest,
}

/// Where a tool was defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Location {
    /// The module.
    pub module: &'static str,
    /// The file, as the compiler names it.
    pub file: &'static str,
    /// The line.
    pub line: u32,
}

/// What the linker collects.
#[derive(Debug)]
pub struct Registered(pub Tool);

inventory::collect!(Registered);

/// Checks a name that only the compiler knows, while it compiles.
///
/// # Panics
///
/// If it cannot be the name of a tool.
pub const fn checked_name(name: &'static str) -> &'static str {
    let bytes = name.as_bytes();
    assert!(!bytes.is_empty() && bytes.len() <= 64, "the name of a tool is 1 to 64 long");
    let mut index = 0;
    while index < bytes.len() {
        let byte = bytes[index];
        assert!(
            byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-',
            "the name of a tool uses ASCII letters, digits, `_` and `-`"
        );
        index += 1;
    }
    name
}

impl ToolDef {
    /// How long a call may take unless the tool says otherwise.
    pub const DEFAULT_TIMEOUT_MS: u64 = 120_000;

    /// What a tool is where its attribute says nothing.
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
    /// What a parameter is where its attribute says nothing.
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
    /// For the output of the macros.
    #[doc(hidden)]
    pub const fn new(module: &'static str, file: &'static str, line: u32) -> Self {
        Self { module, file, line }
    }

    /// The package that the tool is part of, as its modules spell it.
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
    /// For the output of the macros.
    #[doc(hidden)]
    pub const fn new(def: &'static ToolDef) -> Self {
        Self(Repr::Static(def))
    }

    /// What the model calls it.
    pub fn name(&self) -> &str {
        match &self.0 {
            Repr::Static(def) => def.name,
            Repr::Bound(bound) => bound.def.name,
            Repr::Dynamic(tool) => &tool.name,
        }
    }

    /// What the model reads to decide when to call it.
    pub fn description(&self) -> &str {
        match &self.0 {
            Repr::Static(def) => def.description,
            Repr::Bound(bound) => bound.def.description,
            Repr::Dynamic(tool) => &tool.description,
        }
    }

    /// Where it was defined.
    pub fn location(&self) -> Location {
        self.def().location
    }

    /// Whether it changes nothing.
    pub fn is_read_only(&self) -> bool {
        self.def().read_only
    }

    /// Whether it may destroy something, so that a call needs a permission.
    pub fn is_destructive(&self) -> bool {
        self.def().destructive
    }

    /// What people read instead of the name, if it says so.
    pub fn title(&self) -> Option<&str> {
        self.def().title
    }

    /// The group that it belongs to.
    pub fn group(&self) -> Option<&str> {
        match &self.0 {
            Repr::Static(def) => def.group,
            Repr::Bound(bound) => bound.def.group,
            Repr::Dynamic(tool) => tool.group.as_deref(),
        }
    }

    /// The tags that it has.
    pub fn tags(&self) -> &[&str] {
        self.def().tags
    }

    /// Whether a second call with the same arguments changes nothing more.
    pub fn is_idempotent(&self) -> bool {
        self.def().idempotent || self.def().read_only
    }

    /// Whether somebody has to agree to a call with these arguments: what `needs_approval` says, and without it
    /// whether the tool is destructive.
    pub fn needs_approval(&self, arguments: &Value) -> bool {
        self.def().needs_approval.map_or(self.def().destructive, |asks| asks(arguments))
    }

    /// How long a call may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.def().timeout_ms)
    }

    /// The JSON schema of its arguments; `None` for a tool that takes none.
    ///
    /// # Errors
    ///
    /// When the schema of a parameter cannot be sent to a model: the message names the tool, the parameter and the
    /// reason.
    pub fn schema(&self) -> Result<Option<&RawValue>> {
        Ok(self.compiled()?.arguments.parameters.as_deref())
    }

    /// The name, where only the compiler is there to ask.
    pub(crate) const fn const_name(&self) -> &'static str {
        match &self.0 {
            Repr::Static(def) => def.name,
            Repr::Dynamic(_) | Repr::Bound(_) => "",
        }
    }

    pub(crate) fn from_dynamic(tool: Arc<Dynamic>) -> Self {
        Self(Repr::Dynamic(tool))
    }

    /// Everything about it that is not its name, description or group.
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

    /// The value of that type that its method belongs to.
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

    /// Whether another client answers its calls.
    pub(crate) fn is_declared_only(&self) -> bool {
        self.dynamic().is_some_and(|tool| tool.handler.is_none())
    }

    /// Whether the other is the same tool, and not only one of the same name.
    pub(crate) fn is(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            // A crate that is linked twice, as the library of a test is, has two copies of each definition.
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
