//! The JSON schema of a tool's arguments, from the types of its parameters.
//!
//! schemars describes the types; `normalize` converts the output to a form that every provider supports, without loss
//! of information for a model. The root always has `"type": "object"`, because the CLI silently drops a tool otherwise.

pub(crate) mod kind;
pub(crate) mod known;
mod normalize;
mod notes;
mod output;
mod profile;
mod rules;
#[cfg(test)]
mod tests;
mod unchecked;
mod wire;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde::Serialize;
use serde::ser::SerializeMap;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::protocol::encode;
use crate::tools::arguments::describe::{Description, Layout, ParamDescription, Source};

use crate::tools::arguments::fault::VariantNames;
use crate::tools::arguments::param_def::{ParamDef, Shape};
use crate::tools::state::Need;

use known::{has_closed_object, is_ambiguous};
pub(crate) use notes::notes;
pub(crate) use output::of_output;
pub use profile::SchemaProfile;
pub(crate) use profile::openai_strict;
pub(crate) use unchecked::unchecked;
use wire::wire;

/// Returns the generator that the parameters of one tool share.
pub(crate) fn generator() -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12().for_deserialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator()
}

/// Returns the schema of a single type.
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
    wire(&schema)
}

/// The schema of a tool's arguments, with the data to decode a call.
#[derive(Debug)]
pub(crate) struct Arguments {
    /// The schema that is sent to the model; `None` for a tool without arguments.
    pub(crate) parameters: Option<Box<RawValue>>,
    /// The schema that arguments are validated against. It has formats that are not sent.
    pub(crate) schema: Value,
    pub(crate) layout: Layout,
    /// Whether the schema rejects values that deserialize, so that each call is validated.
    pub(crate) strict: bool,
    /// Whether a number may be beyond the range of an `f32`, which deserializes as infinite.
    pub(crate) has_f32: bool,
    /// Whether there are closed objects below the root, whose unknown names deserialize.
    pub(crate) has_closed_objects: bool,
    /// The name of the argument that is the arguments object, unless `flatten` is set; `None` without one.
    pub(crate) spread: Option<&'static str>,
    /// The states that the function needs.
    pub(crate) needs: Box<[Need]>,
}

impl Arguments {
    /// Creates the arguments of a dynamic tool from its schema.
    pub(crate) fn of_schema(schema: Value, parameters: Option<Box<RawValue>>) -> Self {
        Self {
            parameters,
            schema,
            layout: Layout { sources: Box::default(), names: Box::default(), open: true },
            strict: true,
            has_f32: false,
            has_closed_objects: false,
            spread: None,
            needs: Box::default(),
        }
    }
}

/// An argument before its addition to the schema.
struct Argument {
    index: usize,
    schema: Value,
    optional: bool,
    default: Option<Value>,
    variants: VariantNames,
    foreign: bool,
}

/// Builds the portable schema of a tool. The error is the reason why the schema cannot be built.
pub(crate) fn build(params: &[ParamDef], description: Description) -> Result<Arguments, String> {
    assemble(params, description, true)
}

/// Builds the schema of a tool without normalization.
pub(crate) fn verbatim(
    params: &[ParamDef],
    description: Description,
) -> Result<Option<Box<RawValue>>, String> {
    assemble(params, description, false).map(|built| built.parameters)
}

/// Serializes the schema of an arguments object with the properties in the order of `names`.
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
    encode::raw(&Root {
        description: schema.get("description").cloned(),
        properties,
        required,
        additional: schema["additionalProperties"].clone(),
        definitions: schema["$defs"].as_object().cloned().unwrap_or_default(),
    })
}

fn assemble(params: &[ParamDef], description: Description, portable: bool) -> Result<Arguments, String> {
    let Description { mut generator, params: described, .. } = description;
    let mut arguments = Vec::new();
    let mut sources = Vec::with_capacity(described.len());
    let mut needs = Vec::new();
    for (index, param) in described.into_iter().enumerate() {
        match param {
            ParamDescription::Argument { schema, optional, default, variants, foreign } => {
                let schema = schema.to_value();
                arguments.push(Argument { index, schema, optional, default, variants, foreign });
                sources.push(Source::Property);
            }
            ParamDescription::Injected { needs: more } => {
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
    let mut spread = None;
    let mut root = Root { additional: Value::Bool(false), ..Root::default() };
    for argument in arguments {
        let param = &params[argument.index];
        let named = is_named_object(&argument.schema, &definitions);
        let flat = match param.shape {
            Shape::Auto => alone && named && !argument.foreign,
            Shape::Nest => false,
            Shape::Whole if is_object(&argument.schema, &definitions) => true,
            Shape::Whole => {
                return Err("their type is not an object; use a struct with named fields".to_owned());
            }
            Shape::Flatten if named => true,
            Shape::Flatten => {
                return Err(format!(
                    "argument `{}` cannot be flattened: `flatten` requires a type with named fields, not a map, a list \
                     or an enum",
                    param.name
                ));
            }
        };
        if flat {
            spread = (param.shape == Shape::Auto).then_some(param.name);
            sources[argument.index] = Source::Whole;
            root.flatten(resolve(&argument.schema, &definitions), alone)?;
        } else {
            strict |= root.add(param, argument, portable)?;
        }
    }
    root.definitions = definitions;

    let open = !matches!(root.additional, Value::Bool(false));
    let schema = serde_json::to_value(&root).map_err(|error| error.to_string())?;
    let names = root.properties.iter().map(|(name, _)| name.as_str().into()).collect();
    if portable {
        root.clean();
    }
    Ok(Arguments {
        parameters: if root.properties.is_empty() && !open {
            None
        } else {
            Some(encode::raw(&root).map_err(|error| error.to_string())?)
        },
        strict: strict || any_part(&schema, &|part| is_ambiguous(&schema, part)),
        has_f32: any_part(&schema, &|part| part.get("format").is_some_and(|format| format == "float")),
        has_closed_objects: has_closed_object(&schema),
        schema,
        layout: Layout { sources: sources.into(), names, open },
        spread,
        needs: needs.into(),
    })
}

/// Returns whether a part of a schema has a property, at any depth.
fn any_part(schema: &Value, has: &dyn Fn(&Map<String, Value>) -> bool) -> bool {
    match schema {
        Value::Object(object) => has(object) || object.values().any(|part| any_part(part, has)),
        Value::Array(parts) => parts.iter().any(|part| any_part(part, has)),
        _ => false,
    }
}

/// Checks that the CLI accepts the root of a schema. The error is the reason why it does not.
pub(crate) fn check_root(schema: &Value) -> Result<(), String> {
    let Some(root) = schema.as_object() else {
        return Err("its root is not a JSON object".to_owned());
    };
    if root.get("type") != Some(&json!("object")) {
        return Err(
            "its root does not have `\"type\": \"object\"`, so the CLI would drop the tool".to_owned()
        );
    }
    for keyword in ["oneOf", "anyOf", "allOf", "enum", "not"] {
        if root.contains_key(keyword) {
            return Err(format!("its root has `{keyword}`, which providers of models reject"));
        }
    }
    Ok(())
}

/// Resolves a reference to a definition.
fn resolve<'a>(schema: &'a Value, definitions: &'a Map<String, Value>) -> &'a Value {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
    name.and_then(|name| definitions.get(name)).unwrap_or(schema)
}

/// Returns whether a schema describes an object and has no alternatives.
fn is_object(schema: &Value, definitions: &Map<String, Value>) -> bool {
    let schema = resolve(schema, definitions);
    schema["type"] == "object"
        && ["anyOf", "oneOf", "allOf", "not", "if"].iter().all(|keyword| schema.get(keyword).is_none())
}

/// Returns whether a schema describes an object with named properties and has no alternatives.
fn is_named_object(schema: &Value, definitions: &Map<String, Value>) -> bool {
    let properties = resolve(schema, definitions)["properties"].as_object();
    is_object(schema, definitions) && properties.is_some_and(|properties| !properties.is_empty())
}

/// The root of the schema, with its members in the order in which a model reads them.
#[derive(Default)]
struct Root {
    description: Option<Value>,
    properties: Vec<(String, Value)>,
    required: Vec<Value>,
    additional: Value,
    definitions: Map<String, Value>,
}

impl Root {
    /// Adds the properties of an object type.
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

    /// Converts the schemas to the form that is sent.
    fn clean(&mut self) {
        self.properties.iter_mut().map(|(_, schema)| schema).for_each(|schema| *schema = wire(schema));
        self.definitions.values_mut().for_each(|schema| *schema = wire(schema));
        self.additional = wire(&self.additional);
    }

    /// Adds an argument as a property. Returns whether it has rules that its type does not enforce.
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

/// Adds the description and the default of a parameter to the schema of its type.
fn describe(schema: Value, description: &str, default: Option<Value>) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    if !description.is_empty() {
        // The parameter's description replaces the type's; the list of enum values is kept.
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
