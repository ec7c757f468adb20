//! The parts of a tool that are computed once per process: its schema, its wire form and the states that it needs.

use std::collections::HashMap;
use std::ptr;
use std::sync::{Arc, Mutex, OnceLock};

use regex_lite::Regex;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use tokio::sync::Semaphore;

use crate::error::{Error, ErrorKind, Result};
use crate::hash::IdMap;
use crate::protocol::encode;
use crate::sorted::object;
use crate::task::lock;
use crate::tools::arguments::decode::Visitor;
use crate::tools::arguments::describe::Source;
use crate::tools::arguments::node::Step;
use crate::tools::arguments::param_def::ParamDef;
use crate::tools::arguments::validate;
use crate::tools::def::{Started, ToolDef};
use crate::tools::schema::{self, Arguments, SchemaProfile};
use crate::tools::serial::Serial;

/// The schema and the wire form of a tool.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The tool as `session.create` sends it.
    pub(crate) wires: Wires,
    pub(crate) arguments: Arguments,
    /// One permit for each concurrent call; `None` for no limit.
    pub(crate) permits: Option<Arc<Semaphore>>,
    /// The queues of the option `serial_by`; `None` without it.
    pub(crate) serial: Option<Box<Serial>>,
    /// The compiled regular expressions of the schema, by pattern.
    pub(crate) patterns: HashMap<String, Regex>,
}

impl Compiled {
    fn new(labels: Labels<'_>, def: &ToolDef, arguments: Arguments) -> Result<Self> {
        let serial = labels
            .serial_by
            .map(|path| Serial::new(path_in(&arguments, def.params, path)?, &arguments.schema));
        let serial = serial.transpose().map_err(|reason: String| {
            let (name, location) = (labels.name, def.location);
            let message = format!("the tool `{name}` at {location} has a wrong `serial_by`: {reason}");
            Error::new(ErrorKind::Tools, message)
        })?;
        let wire = wire(labels, def, arguments.parameters.as_deref())?;
        Ok(Self {
            wires: Wires { portable: OnceLock::from(Ok(wire)), ..Wires::default() },
            permits: def.concurrency.map(|calls| Arc::new(Semaphore::new(calls))),
            serial: serial.map(Box::new),
            patterns: validate::patterns(&arguments.schema),
            arguments,
        })
    }

    /// Returns the path of a parameter in error messages; empty for the arguments object.
    pub(crate) fn path(&self, params: &[ParamDef], index: usize) -> Vec<Step> {
        match (self.arguments.layout.sources.get(index), params.get(index)) {
            (Some(Source::Property), Some(param)) => vec![Step::Name(param.name.to_owned())],
            _ => Vec::new(),
        }
    }
}

/// The wire form of a tool in each profile, computed when a session first uses it.
#[derive(Debug, Default)]
pub(crate) struct Wires {
    portable: OnceLock<Result<Box<RawValue>>>,
    strict: OnceLock<Result<Box<RawValue>>>,
    verbatim: OnceLock<Result<Box<RawValue>>>,
}

impl Wires {
    /// Returns the wire form in a profile, which `make` computes on first use.
    pub(crate) fn get(
        &self,
        profile: SchemaProfile,
        make: impl FnOnce() -> Result<Box<RawValue>>,
    ) -> Result<&RawValue> {
        let cached = match profile {
            SchemaProfile::Portable => &self.portable,
            SchemaProfile::OpenAiStrict => &self.strict,
            SchemaProfile::Verbatim => &self.verbatim,
        };
        cached.get_or_init(make).as_deref().map_err(Clone::clone)
    }
}

/// The texts of a tool on the wire.
pub(crate) struct Labels<'a> {
    pub(crate) name: &'a str,
    pub(crate) description: &'a str,
    pub(crate) group: Option<&'a str>,
    pub(crate) meta: Map<String, Value>,
    pub(crate) overrides_builtin: bool,
    /// The option `serial_by`, which is not on the wire.
    pub(crate) serial_by: Option<&'a str>,
}

impl<'a> Labels<'a> {
    /// Returns the texts of a tool of the attribute.
    pub(crate) fn of(def: &'a ToolDef) -> Self {
        let meta = object(def.meta.iter().map(|(key, value)| ((*key).to_owned(), (*value).into())));
        Self {
            name: def.name,
            description: def.description,
            group: def.group,
            meta,
            overrides_builtin: def.overrides_builtin,
            serial_by: def.serial_by,
        }
    }
}

type Cached = std::result::Result<&'static Compiled, Error>;

/// Returns the compiled form of a definition, computed on first use.
pub(crate) fn of(def: &'static ToolDef) -> Result<&'static Compiled> {
    static CACHE: Mutex<Option<IdMap<usize, Cached>>> = Mutex::new(None);
    // A panic in a user's `JsonSchema` does not change the map.
    let mut cache = lock(&CACHE);
    let key = ptr::from_ref(def).addr();
    let cache = cache.get_or_insert_default();
    if let Some(cached) = cache.get(&key) {
        return cached.clone();
    }
    // Leaked, because the definition is `'static` too.
    let compiled = of_params(Labels::of(def), def, def.shim).map(|compiled| &*Box::leak(Box::new(compiled)));
    cache.insert(key, compiled.clone());
    compiled
}

/// Compiles a tool from the descriptions of the parameters that `visit` visits.
pub(crate) fn of_params(
    labels: Labels<'_>,
    def: &ToolDef,
    visit: impl FnOnce(&mut Visitor<'_>) -> Option<Started>,
) -> Result<Compiled> {
    let description = Visitor::describe(schema::generator(), visit);
    let arguments = schema::build(def.params, description).map_err(|reason| {
        let (name, location) = (labels.name, def.location);
        Error::new(
            ErrorKind::Tools,
            format!("the arguments of tool `{name}` at {location} cannot be described: {reason}"),
        )
    })?;
    Compiled::new(labels, def, arguments)
}

/// Returns the path in the arguments object of a path that may begin with the name of a parameter.
fn path_in(
    arguments: &Arguments,
    params: &[ParamDef],
    path: &str,
) -> std::result::Result<Vec<Box<str>>, String> {
    let names = path.split('.').map(Box::from);
    let first = path.split('.').next().unwrap_or_default();
    let param = params.iter().position(|param| !first.is_empty() && param.name == first);
    match param.and_then(|index| arguments.layout.sources.get(index)) {
        Some(Source::Injected) => {
            Err(format!("`{first}` is injected when the tool runs; name an argument of the model"))
        }
        Some(Source::Whole) => Ok(names.skip(1).collect()),
        Some(Source::Property) | None => Ok(names.collect()),
    }
}

/// Compiles a tool from a given schema; `None` for a tool without arguments.
pub(crate) fn of_schema(labels: Labels<'_>, def: &ToolDef, schema: Option<&Value>) -> Result<Compiled> {
    let parameters = schema.map(serde_json::value::to_raw_value).transpose().map_err(|error| {
        Error::with_source(
            ErrorKind::Tools,
            format!("the schema of tool `{}` cannot be written as JSON", labels.name),
            error,
        )
    })?;
    let schema =
        schema.cloned().unwrap_or_else(|| json!({ "type": "object", "additionalProperties": false }));
    Compiled::new(labels, def, Arguments::of_schema(schema, parameters))
}

/// Serializes the tool for the wire; members that are absent or `false` are omitted.
pub(crate) fn wire(
    labels: Labels<'_>,
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

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "required by serde")]
    fn is_not(value: &bool) -> bool {
        !*value
    }

    let Labels { name, description, group, meta, overrides_builtin, serial_by: _ } = labels;
    encode::raw(&Wire {
        name,
        description,
        parameters,
        overrides_builtin,
        skip_permission: def.skip_permission,
        is_terminal: def.terminal,
        defer: def.defer,
        metadata: meta,
        namespace: group.map(|name| Namespace { name }),
    })
    .map_err(|error| {
        Error::with_source(ErrorKind::Tools, format!("tool `{name}` cannot be written as JSON"), error)
    })
}
