//! The parts of a tool that are computed once per process: its schema, its wire form and the states that it needs.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regex_lite::Regex;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::error::{Error, ErrorKind, Result};
use crate::tools::arguments::decode::Visitor;
use crate::tools::arguments::validate;
use crate::tools::def::{Tool, ToolDef};
use crate::tools::dynamic::Dynamic;
use crate::tools::schema::{self, Arguments, SchemaProfile};

/// The schema and the wire form of a tool.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The tool as `session.create` sends it, with the portable schema.
    pub(crate) wire: Box<RawValue>,
    /// The wire form in the other profiles, computed when a session first uses one.
    strict_wire: OnceLock<Result<Box<RawValue>>>,
    verbatim_wire: OnceLock<Result<Box<RawValue>>>,
    pub(crate) arguments: Arguments,
    /// Limits the number of concurrent calls; `None` for no limit.
    pub(crate) places: Option<Arc<Semaphore>>,
    /// The compiled regular expressions of the schema, by pattern.
    pub(crate) patterns: HashMap<String, Regex>,
}

/// The source of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A property of the arguments object.
    Property,
    /// The arguments object itself.
    Whole,
    /// The runtime, such as `State<T>`.
    Injected,
}

impl Compiled {
    fn new(def: &ToolDef, wire: Box<RawValue>, arguments: Arguments) -> Self {
        Self {
            wire,
            strict_wire: OnceLock::new(),
            verbatim_wire: OnceLock::new(),
            places: def.concurrency.map(|calls| Arc::new(Semaphore::new(calls))),
            patterns: validate::patterns(&arguments.schema),
            arguments,
        }
    }

    /// Returns the name of a parameter in error messages; empty for the arguments object.
    pub(crate) fn path(&self, def: &ToolDef, index: usize) -> String {
        match (self.arguments.sources.get(index), def.params.get(index)) {
            (Some(Source::Property), Some(param)) => param.name.to_owned(),
            _ => String::new(),
        }
    }
}

impl Tool {
    /// Returns the wire form of the tool in a profile.
    pub(crate) fn wire(&self, profile: SchemaProfile) -> Result<&RawValue> {
        let compiled = self.compiled()?;
        let made = match profile {
            SchemaProfile::Portable => return Ok(&compiled.wire),
            SchemaProfile::OpenAiStrict => &compiled.strict_wire,
            SchemaProfile::Verbatim => &compiled.verbatim_wire,
        };
        made.get_or_init(|| self.make_wire(compiled, profile)).as_deref().map_err(Clone::clone)
    }

    fn make_wire(&self, compiled: &Compiled, profile: SchemaProfile) -> Result<Box<RawValue>> {
        let refuse = |reason: String| {
            let (name, location) = (self.name(), self.location());
            Error::new(
                ErrorKind::Tools,
                format!(
                    "the arguments of tool `{name}` at {location} cannot be described in the schema profile \
                     {profile:?}: {reason}"
                ),
            )
        };
        let arguments = &compiled.arguments;
        let parameters = match (profile, &arguments.parameters) {
            (_, None) => None,
            (SchemaProfile::OpenAiStrict, Some(_)) => {
                let strict = schema::openai_strict(&arguments.schema).map_err(refuse)?;
                let ordered = schema::ordered(&strict, &arguments.names);
                Some(ordered.map_err(|error| refuse(error.to_string()))?)
            }
            (SchemaProfile::Verbatim, Some(_)) if self.dynamic().is_none() => {
                schema::verbatim(self.def(), Visitor::describe(self.def())).map_err(refuse)?
            }
            (_, Some(parameters)) => Some(parameters.clone()),
        };
        wire(self.name(), self.description(), self.group(), self.def(), parameters.as_deref())
    }
}

type Cached = std::result::Result<&'static Compiled, Error>;

/// Returns the compiled form of a definition, computed on first use.
pub(crate) fn of(def: &'static ToolDef) -> Result<&'static Compiled> {
    static CACHE: Mutex<Option<HashMap<usize, Cached>>> = Mutex::new(None);
    // A panic in a user's `JsonSchema` does not change the map.
    let mut cache = CACHE.lock().unwrap_or_else(PoisonError::into_inner);
    let key = ptr::from_ref(def).addr();
    let cache = cache.get_or_insert_default();
    if let Some(cached) = cache.get(&key) {
        return cached.clone();
    }
    // Leaked, because the definition is `'static` too.
    let compiled = compile(def).map(|compiled| &*Box::leak(Box::new(compiled)));
    cache.insert(key, compiled.clone());
    compiled
}

fn compile(def: &ToolDef) -> Result<Compiled> {
    let arguments = schema::build(def, Visitor::describe(def)).map_err(|reason| {
        Error::new(
            ErrorKind::Tools,
            format!("the arguments of tool `{}` at {} cannot be described: {reason}", def.name, def.location),
        )
    })?;
    let wire = wire(def.name, def.description, def.group, def, arguments.parameters.as_deref())?;
    Ok(Compiled::new(def, wire, arguments))
}

pub(crate) fn compile_dynamic(tool: &Dynamic) -> Result<Compiled> {
    let def = &tool.options;
    let schema = tool.schema_or_empty();
    let parameters =
        tool.schema.as_ref().map(serde_json::value::to_raw_value).transpose().map_err(|error| {
            Error::with_source(
                ErrorKind::Tools,
                format!("the schema of tool `{}` is not JSON", tool.name),
                error,
            )
        })?;
    let wire = wire(&tool.name, &tool.description, tool.group.as_deref(), def, parameters.as_deref())?;
    Ok(Compiled::new(def, wire, Arguments::of_schema(schema, parameters)))
}

/// Serializes the tool for the wire; members that are absent or `false` are omitted.
fn wire(
    name: &str,
    description: &str,
    group: Option<&str>,
    def: &ToolDef,
    parameters: Option<&RawValue>,
) -> Result<Box<RawValue>> {
    #[derive(serde::Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        name: &'a str,
        description: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        parameters: Option<&'a RawValue>,
        #[serde(rename = "overridesBuiltInTool", skip_serializing_if = "is_not")]
        overrides_builtin: bool,
        #[serde(skip_serializing_if = "is_not")]
        skip_permission: bool,
        #[serde(skip_serializing_if = "is_not")]
        is_terminal: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        defer: Option<&'a str>,
        #[serde(skip_serializing_if = "Map::is_empty")]
        metadata: Map<String, Value>,
        #[serde(skip_serializing_if = "Option::is_none")]
        namespace: Option<Namespace<'a>>,
    }

    #[derive(serde::Serialize)]
    struct Namespace<'a> {
        name: &'a str,
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
    fn is_not(value: &bool) -> bool {
        !*value
    }

    serde_json::value::to_raw_value(&Wire {
        name,
        description,
        parameters,
        overrides_builtin: def.overrides_builtin,
        skip_permission: def.skip_permission,
        is_terminal: def.terminal,
        defer: def.defer,
        metadata: def.meta.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())).collect(),
        namespace: group.map(|name| Namespace { name }),
    })
    .map_err(|error| {
        Error::with_source(ErrorKind::Tools, format!("tool `{name}` cannot be written as JSON"), error)
    })
}
