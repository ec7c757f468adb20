//! From the types of a tool's parameters to the JSON schema that the model reads.
//!
//! schemars describes the types; `normalize` makes of that what every provider understands, losing nothing that
//! matters to a model. The root is always an object that says so: the CLI drops a tool without a word otherwise.

mod normalize;
mod notes;
mod profile;
mod rules;
#[cfg(test)]
mod tests;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::arguments::{Described, Description, Names};
use super::compiled::Source;
use super::def::{ParamDef, Shape, ToolDef};
use super::state::Need;

pub(crate) use notes::notes;
pub use profile::SchemaProfile;
pub(crate) use profile::openai_strict;

/// The generator that all parameters of one tool share.
pub(crate) fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator()
}

/// The schema of one type, by itself.
pub(crate) fn of_type<T: JsonSchema>() -> Value {
    let mut generator = generator();
    let mut schema = generator.subschema_for::<T>().to_value();
    let mut definitions = generator.take_definitions(true);
    let mut strict = false;
    normalize::normalize(&mut schema, &mut strict);
    for definition in definitions.values_mut() {
        normalize::normalize(definition, &mut strict);
    }
    if let (Value::Object(schema), false) = (&mut schema, definitions.is_empty()) {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    schema
}

/// The arguments of a tool, described.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The schema, as the model reads it.
    pub(crate) parameters: Option<Box<RawValue>>,
    /// The same, to check arguments against.
    pub(crate) schema: Value,
    /// Where each parameter of the function comes from.
    pub(crate) sources: Box<[Source]>,
    /// The names that the arguments object may have.
    pub(crate) names: Box<[Box<str>]>,
    /// Whether the object may have other names too.
    pub(crate) open: bool,
    /// Whether the schema forbids values that deserialize, so that it has to be checked before each call.
    pub(crate) strict: bool,
    /// The states that the function is given.
    pub(crate) needs: Box<[Need]>,
}

impl Arguments {
    /// Those of a tool that is no function, as its schema has them.
    pub(crate) fn of_schema(schema: Value, parameters: Option<Box<RawValue>>) -> Self {
        Self {
            parameters,
            schema,
            sources: Box::default(),
            names: Box::default(),
            open: true,
            strict: true,
            needs: Box::default(),
        }
    }
}

/// An argument on its way to the schema.
struct Argument {
    index: usize,
    schema: Value,
    optional: bool,
    default: Option<Value>,
    variants: Names,
}

/// Builds the portable schema of a tool; the error says why there is none.
pub(crate) fn build(def: &ToolDef, description: Description<'_>) -> Result<Arguments, String> {
    assemble(def, description, true)
}

/// The schema of a tool as schemars describes its types.
pub(crate) fn verbatim(def: &ToolDef, description: Description<'_>) -> Result<Option<Box<RawValue>>, String> {
    assemble(def, description, false).map(|built| built.parameters)
}

/// Writes the schema of an arguments object, its properties in the order of `names`.
pub(crate) fn ordered(schema: &Value, names: &[Box<str>]) -> serde_json::Result<Box<RawValue>> {
    let place = |name: &str| names.iter().position(|known| **known == *name).unwrap_or(names.len());
    let mut properties: Vec<(String, Value)> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, property)| (name.clone(), property.clone()))
        .collect();
    properties.sort_by_key(|(name, _)| place(name));
    let mut required = schema["required"].as_array().cloned().unwrap_or_default();
    required.sort_by_key(|name| place(name.as_str().unwrap_or_default()));
    serde_json::value::to_raw_value(&Root {
        description: schema.get("description").cloned(),
        properties,
        required,
        additional: schema["additionalProperties"].clone(),
        definitions: schema["$defs"].as_object().cloned().unwrap_or_default(),
    })
}

fn assemble(def: &ToolDef, description: Description<'_>, portable: bool) -> Result<Arguments, String> {
    let Description { mut generator, params, .. } = description;
    let mut arguments = Vec::new();
    let mut sources = Vec::with_capacity(params.len());
    let mut needs = Vec::new();
    for (index, param) in params.into_iter().enumerate() {
        match param {
            Described::Argument { schema, optional, default, variants } => {
                arguments.push(Argument { index, schema: schema.to_value(), optional, default, variants });
                sources.push(Source::Property);
            }
            Described::Injected { needs: more } => {
                needs.extend(more);
                sources.push(Source::Injected);
            }
        }
    }
    let mut strict = false;
    let mut definitions = generator.take_definitions(true);
    if portable {
        definitions.values_mut().for_each(|definition| normalize::normalize(definition, &mut strict));
        for argument in &mut arguments {
            normalize::normalize(&mut argument.schema, &mut strict);
            normalize::order_variants(&mut argument.schema, argument.variants);
        }
    }

    let alone = arguments.len() == 1;
    let mut root = Root { additional: Value::Bool(false), ..Root::default() };
    for argument in arguments {
        let param = &def.params[argument.index];
        let named = is_named_object(&argument.schema, &definitions);
        let flat = match param.shape {
            Shape::Auto => alone && named,
            Shape::Nest => false,
            Shape::Flatten if named => true,
            Shape::Flatten => {
                return Err(format!(
                    "argument `{}` cannot be flattened: `flatten` is for types with named fields, which a map, a list \
                     and an enum are not",
                    param.name
                ));
            }
        };
        if flat {
            sources[argument.index] = Source::Whole;
            root.flatten(resolve(&argument.schema, &definitions), alone)?;
        } else {
            strict |= root.add(param, argument, portable)?;
        }
    }
    root.definitions = definitions;

    let open = !matches!(root.additional, Value::Bool(false));
    Ok(Arguments {
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

/// Checks that the root of a schema is what the CLI hands on to the model; the error says why it would not.
pub(crate) fn check_root(schema: &Value) -> Result<(), String> {
    let Some(root) = schema.as_object() else {
        return Err("its root is not a JSON object".to_owned());
    };
    if root.get("type") != Some(&json!("object")) {
        return Err(
            "its root does not say `\"type\": \"object\"`, and the CLI would drop the tool".to_owned()
        );
    }
    for keyword in ["oneOf", "anyOf", "allOf", "enum", "not"] {
        if root.contains_key(keyword) {
            return Err(format!("its root has `{keyword}`, which the providers of models reject"));
        }
    }
    Ok(())
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
    /// Adds the fields of a type as properties.
    fn flatten(&mut self, schema: &Value, alone: bool) -> Result<(), String> {
        if alone {
            self.description = schema.get("description").cloned();
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            self.property(name, property.clone())?;
        }
        self.required.extend(schema["required"].as_array().into_iter().flatten().cloned());
        if let Some(additional) =
            schema.get("additionalProperties").filter(|additional| **additional != json!(false))
        {
            self.additional = additional.clone();
        }
        Ok(())
    }

    /// Adds an argument as a property; returns whether it has rules that its type does not enforce.
    fn add(&mut self, param: &ParamDef, mut argument: Argument, portable: bool) -> Result<bool, String> {
        if !argument.optional {
            self.required.push(param.name.into());
        } else if portable {
            normalize::drop_null(&mut argument.schema);
        }
        let mut schema = describe(argument.schema, param.description, argument.default);
        let strict = match &mut schema {
            Value::Object(schema) => rules::apply(param, schema)?,
            _ => false,
        };
        self.property(param.name, schema)?;
        Ok(strict)
    }

    fn property(&mut self, name: &str, schema: Value) -> Result<(), String> {
        if self.properties.iter().any(|(other, _)| other == name) {
            return Err(format!("two arguments are named `{name}`: one is a field of a flattened argument"));
        }
        self.properties.push((name.to_owned(), schema));
        Ok(())
    }
}

/// Adds what the parameter says to what its type says.
fn describe(schema: Value, description: &str, default: Option<Value>) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    if !description.is_empty() {
        // What the values mean is told by the type alone; what the type is for, better by the parameter.
        let of_type = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let values = of_type.lines().filter(|line| schema.contains_key("enum") && line.starts_with("- `"));
        let text = std::iter::once(description).chain(values).collect::<Vec<_>>().join("\n");
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
