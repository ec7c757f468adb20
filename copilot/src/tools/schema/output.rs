//! The schema of the JSON that a tool returns.
//!
//! Unlike the schema of arguments it describes what serde writes, and it is not closed: a client that validates a result
//! accepts members that a newer program adds.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use crate::tools::schema::wire::{for_each_part, wire};

/// Returns the schema of a type as it is serialized.
pub(crate) fn of_output<T: JsonSchema>() -> Value {
    of(SchemaGenerator::subschema_for::<T>)
}

/// Not generic, so that it is compiled once.
fn of(describe: fn(&mut SchemaGenerator) -> Schema) -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let mut schema = describe(&mut generator).to_value();
    let mut definitions = generator.take_definitions(true);
    plain(&mut schema);
    definitions.values_mut().for_each(plain);
    if let Some(definition) = referred(&schema, &definitions) {
        schema = definition.clone();
    }
    if let (Value::Object(schema), false) = (&mut schema, definitions.is_empty()) {
        schema.insert("$defs".to_owned(), definitions.into());
    }
    wire(&schema)
}

/// Returns the definition that the schema of a recursive type refers to: clients expect the type of the root in the
/// root.
fn referred<'d>(schema: &Value, definitions: &'d Map<String, Value>) -> Option<&'d Value> {
    definitions.get(schema.get("$ref")?.as_str()?.strip_prefix("#/$defs/")?)
}

/// Removes titles, which repeat names, and writes `true` as an object: some clients know no other schemas.
fn plain(schema: &mut Value) {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Object(object) => {
            object.remove("title");
            for_each_part(object, &mut |keyword, part| {
                if keyword != "additionalProperties" || part.is_object() {
                    plain(part);
                }
            });
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::Serialize;

    use super::*;

    #[derive(Serialize, JsonSchema)]
    struct Forecast {
        /// Degrees Celsius.
        celsius: f32,
        wind: Option<u8>,
        #[serde(skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        #[serde(rename = "extra")]
        any: Value,
    }

    #[derive(Serialize, JsonSchema)]
    struct Tree {
        children: Vec<Tree>,
    }

    #[test]
    fn the_schema_describes_what_is_written() {
        let value = serde_json::to_value(Forecast { celsius: 4.5, wind: None, note: None, any: json!(1) });
        let schema = of_output::<Forecast>();
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "properties": {
                    "celsius": { "type": "number", "description": "Degrees Celsius." },
                    "wind": { "type": ["integer", "null"], "minimum": 0, "maximum": 255 },
                    "note": { "type": ["string", "null"] },
                    "extra": {},
                },
                "required": ["celsius", "wind", "extra"],
            })
        );
        assert!(jsonschema::is_valid(&schema, &value.unwrap()));
    }

    #[test]
    fn the_root_of_a_recursive_type_has_its_type() {
        let schema = of_output::<Tree>();
        assert_eq!(schema["type"], "object");
        let tree = serde_json::to_value(Tree { children: vec![Tree { children: Vec::new() }] }).unwrap();
        assert!(jsonschema::is_valid(&schema, &tree));
        assert!(!jsonschema::is_valid(&schema, &json!({ "children": [{}] })));
    }
}
