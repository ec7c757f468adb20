//! From the types of a tool's parameters to the JSON schema that the model reads.
//!
//! schemars describes the types; `normalize` makes of that what every provider understands, losing nothing that
//! matters to a model. The root is always an object that says so: the CLI drops a tool without a word otherwise.

mod normalize;

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::arguments::{Described, Description};
use super::compiled::Source;
use super::def::ToolDef;
use super::state::Need;

/// The generator that all parameters of one tool share.
pub(crate) fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator()
}

/// The arguments of a tool, described.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) parameters: Option<Box<RawValue>>,
    pub(crate) schema: Value,
    pub(crate) sources: Box<[Source]>,
    pub(crate) names: Box<[Box<str>]>,
    pub(crate) open: bool,
    pub(crate) strict: bool,
    pub(crate) needs: Box<[Need]>,
}

/// An argument on its way to the schema.
struct Argument {
    index: usize,
    schema: Value,
    optional: bool,
    default: Option<Value>,
}

/// Builds the schema of a tool; the error says why there is none.
pub(crate) fn build(def: &ToolDef, description: Description<'_>) -> Result<Built, String> {
    let Description { mut generator, params, .. } = description;
    let mut arguments = Vec::new();
    let mut sources = Vec::with_capacity(params.len());
    let mut needs = Vec::new();
    for (index, param) in params.into_iter().enumerate() {
        match param {
            Described::Argument { schema, optional, default } => {
                arguments.push(Argument { index, schema: schema.to_value(), optional, default });
                sources.push(Source::Property);
            }
            Described::Injected { need } => {
                needs.extend(need);
                sources.push(Source::Injected);
            }
        }
    }
    let mut strict = false;
    let mut definitions = generator.take_definitions(true);
    for definition in definitions.values_mut() {
        normalize::normalize(definition, &mut strict);
    }
    for argument in &mut arguments {
        normalize::normalize(&mut argument.schema, &mut strict);
    }

    let mut root = if let [only] = &mut arguments[..]
        && is_named_object(&only.schema, &definitions)
    {
        sources[only.index] = Source::Whole;
        Root::from_object(resolve(&only.schema, &definitions))
    } else {
        Root::from_arguments(def, arguments)
    };
    root.definitions = definitions;

    let open = !matches!(root.additional, Value::Bool(false));
    Ok(Built {
        parameters: if root.properties.is_empty() && !open {
            None
        } else {
            Some(serde_json::value::to_raw_value(&root).map_err(|error| error.to_string())?)
        },
        schema: serde_json::to_value(&root).map_err(|error| error.to_string())?,
        names: root.properties.iter().map(|(name, _)| name.as_str().into()).collect(),
        sources: sources.into(),
        open,
        strict,
        needs: needs.into(),
    })
}

/// Follows a reference into the definitions.
fn resolve<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    name.and_then(|name| definitions.get(name)).unwrap_or(schema)
}

/// Whether a schema describes an object with fields, and nothing else.
fn is_named_object(schema: &Value, definitions: &Map<String, Value>) -> bool {
    let schema = resolve(schema, definitions);
    schema["type"] == "object"
        && schema["properties"].as_object().is_some_and(|properties| !properties.is_empty())
        && ["anyOf", "oneOf", "allOf", "not", "if"].iter().all(|keyword| schema.get(keyword).is_none())
}

/// The root of the arguments, its members in the order in which a model should meet them.
#[derive(Default)]
struct Root {
    description: Option<Value>,
    properties: Vec<(String, Value)>,
    required: Vec<Value>,
    additional: Value,
    definitions: Map<String, Value>,
}

impl Root {
    fn from_object(schema: &Value) -> Self {
        let properties = schema["properties"].as_object().into_iter().flatten();
        Self {
            description: schema.get("description").cloned(),
            properties: properties.map(|(name, schema)| (name.clone(), schema.clone())).collect(),
            required: schema["required"].as_array().cloned().unwrap_or_default(),
            additional: schema.get("additionalProperties").cloned().unwrap_or(Value::Bool(false)),
            definitions: Map::new(),
        }
    }

    fn from_arguments(def: &ToolDef, arguments: Vec<Argument>) -> Self {
        let mut root = Self { additional: Value::Bool(false), ..Self::default() };
        for mut argument in arguments {
            let param = &def.params[argument.index];
            if argument.optional {
                normalize::drop_null(&mut argument.schema);
            } else {
                root.required.push(param.name.into());
            }
            let described = describe(argument.schema, param.description, argument.default);
            root.properties.push((param.name.to_owned(), described));
        }
        root
    }
}

/// Adds what the parameter says to what its type says.
fn describe(schema: Value, description: &str, default: Option<Value>) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    if !description.is_empty() {
        let of_type = schema.get("description").and_then(Value::as_str);
        let text = match of_type {
            // What the values mean is told by the type alone.
            Some(of_type) if schema.contains_key("enum") => format!("{description}\n{of_type}"),
            _ => description.to_owned(),
        };
        schema.insert("description".to_owned(), text.into());
    }
    if let Some(default) = default {
        schema.insert("default".to_owned(), default);
    }
    Value::Object(schema)
}

impl Serialize for Root {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Properties<'a>(&'a [(String, Value)]);

        impl Serialize for Properties<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().map(|(name, schema)| (name, schema)))
            }
        }

        let mut root = serializer.serialize_map(None)?;
        root.serialize_entry("type", "object")?;
        if let Some(description) = &self.description {
            root.serialize_entry("description", description)?;
        }
        root.serialize_entry("properties", &Properties(&self.properties))?;
        root.serialize_entry("required", &self.required)?;
        root.serialize_entry("additionalProperties", &self.additional)?;
        if !self.definitions.is_empty() {
            root.serialize_entry("$defs", &self.definitions)?;
        }
        root.end()
    }
}

impl std::fmt::Debug for Root {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        json!(self).fmt(f)
    }
}
