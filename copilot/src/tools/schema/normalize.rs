//! Normalizes the output of schemars to a form that every provider supports. Pure.
//!
//! No rule removes information that a model or the validation of arguments needs. Schemas that no rule applies to
//! stay unchanged.

use serde_json::{Map, Value, json};

use crate::tools::arguments::validate::TAKES_NULL;
use crate::tools::schema::wire::for_each_part;

/// Normalizes a schema in place. Sets `strict` if the schema rejects values that its type accepts.
pub(crate) fn normalize(schema: &mut Value, strict: &mut bool) {
    normalize_part(schema, strict, false);
}

/// As [`normalize`]; `open` is set for alternatives of an object that has properties itself, which belong together.
fn normalize_part(schema: &mut Value, strict: &mut bool, open: bool) {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        Value::Object(object) => {
            object.remove("$schema");
            object.remove("title");
            bounds(object, strict);
            children(object, strict, open);
            tuple(object);
            optional_properties(object);
            *strict |= may_lose_a_value(object);
            unit_enum(object);
            if !open {
                close(object);
            }
        }
        _ => {}
    }
}

/// Removes `null` from the schema of an optional value, which models would otherwise send, and notes that the type
/// accepts it.
pub(crate) fn drop_null(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    let mut dropped = false;
    if let Some(Value::Array(types)) = object.get_mut("type") {
        let count = types.len();
        types.retain(|name| name != "null");
        dropped |= types.len() < count;
        if let [only] = &types[..] {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = object.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
        let count = branches.len();
        branches.retain(|branch| branch["type"] != "null");
        dropped |= branches.len() < count;
        if branches.len() == 1
            && let Some(Value::Object(mut only)) = branches.pop()
        {
            object.remove("anyOf");
            // The members of the `Option` take precedence over those of its value.
            only.append(object);
            *object = only;
        }
    }
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if dropped {
        object.insert(TAKES_NULL.to_owned(), json!(true));
    }
}

/// Sorts the values of an enum in the order of declaration. schemars lists undocumented variants first.
pub(crate) fn order_variants(schema: &mut Value, variants: &[&str]) {
    let Some(object) = schema.as_object_mut() else { return };
    for (keyword, value) in object {
        match (keyword.as_str(), value) {
            ("enum", Value::Array(values)) => {
                // `null` is not a variant and stays last.
                let place = |value: &Value| variants.iter().position(|name| value == name);
                values.sort_by_key(|value| place(value).unwrap_or(variants.len()));
            }
            ("items", items) => order_variants(items, variants),
            ("anyOf", Value::Array(branches)) => {
                branches.iter_mut().for_each(|branch| order_variants(branch, variants));
            }
            _ => {}
        }
    }
}

/// Normalizes the nested schemas.
fn children(object: &mut Map<String, Value>, strict: &mut bool, open: bool) {
    let shared = open || object.contains_key("properties");
    for_each_part(object, &mut |keyword, schema| match keyword {
        // The value `false` is known to every provider.
        "additionalProperties" if *schema == json!(false) => {}
        "anyOf" | "oneOf" => normalize_part(schema, strict, shared),
        "allOf" => normalize_part(schema, strict, true),
        _ => normalize(schema, strict),
    });
}

/// Closes an object with named properties. Types ignore other names, which would be lost without a report.
fn close(object: &mut Map<String, Value>) {
    let open = ["additionalProperties", "unevaluatedProperties", "patternProperties", "$ref", "if", "not"];
    let has_properties =
        object.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty());
    if !has_properties || open.iter().any(|keyword| object.contains_key(*keyword)) {
        return;
    }
    // Only the library knows this keyword, which counts the properties of the alternatives too.
    let combined = ["anyOf", "oneOf", "allOf"].iter().any(|keyword| object.contains_key(*keyword));
    let keyword = if combined { "unevaluatedProperties" } else { "additionalProperties" };
    object.insert(keyword.to_owned(), json!(false));
}

/// Adds the type of the items to a tuple. Several providers reject an array without one.
fn tuple(object: &mut Map<String, Value>) {
    let Some(Value::Array(first)) = object.get("prefixItems") else { return };
    let never = json!({ "not": {} });
    if object.get("items").is_some_and(|items| *items != never) {
        return;
    }
    if object.get("items") == Some(&never) && object.get("maxItems").is_none() {
        object.insert("maxItems".to_owned(), first.len().into());
    }
    let Some(Value::Array(first)) = object.get("prefixItems") else { return };
    let mut distinct: Vec<&Value> = Vec::new();
    for item in first {
        if !distinct.contains(&item) {
            distinct.push(item);
        }
    }
    let items = match distinct[..] {
        [] => return,
        [only] => only.clone(),
        _ => json!({ "anyOf": distinct }),
    };
    object.insert("items".to_owned(), items);
}

/// Adds the bounds of Rust's number types. Their formats are removed when the schema is sent.
fn bounds(object: &mut Map<String, Value>, strict: &mut bool) {
    let natural = match object.get("format").and_then(Value::as_str) {
        Some("int8") => Some((Some(json!(i8::MIN)), Some(json!(i8::MAX)))),
        Some("int16") => Some((Some(json!(i16::MIN)), Some(json!(i16::MAX)))),
        Some("int32") => Some((Some(json!(i32::MIN)), Some(json!(i32::MAX)))),
        Some("uint8") => Some((Some(json!(0)), Some(json!(u8::MAX)))),
        Some("uint16") => Some((Some(json!(0)), Some(json!(u16::MAX)))),
        Some("uint32") => Some((Some(json!(0)), Some(json!(u32::MAX)))),
        Some("uint" | "uint64" | "uint128") => Some((Some(json!(0)), None)),
        Some("int" | "int64" | "int128" | "float" | "double") => Some((None, None)),
        _ => None,
    };
    if let Some((low, high)) = natural {
        for (keyword, natural) in [("minimum", low), ("maximum", high)] {
            match (object.get(keyword), natural) {
                (Some(given), Some(natural)) if given == &natural => {}
                (Some(_), _) => *strict = true,
                (None, Some(natural)) => drop(object.insert(keyword.to_owned(), natural)),
                (None, None) => {}
            }
        }
    } else if object.contains_key("minimum") || object.contains_key("maximum") {
        *strict = true;
    }
    const ENFORCED_BY_VALIDATION: [&str; 7] = [
        "minLength",
        "maxLength",
        "pattern",
        "multipleOf",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "maxProperties",
    ];
    let counted = !object.contains_key("prefixItems")
        && object.get("minItems") != object.get("maxItems")
        && (object.contains_key("minItems") || object.contains_key("maxItems"));
    *strict |= counted
        || object.get("uniqueItems") == Some(&Value::Bool(true))
        || ENFORCED_BY_VALIDATION.iter().any(|keyword| object.contains_key(*keyword));
}

/// Removes `null` from the properties that are not required.
fn optional_properties(object: &mut Map<String, Value>) {
    let required = object.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|n| n == name));
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        properties
            .iter_mut()
            .filter(|(name, _)| !is_required(name))
            .for_each(|(_, schema)| drop_null(schema));
    }
}

/// Returns whether a type may take an object and ignore one of its values: that of an optional flattened type is absent
/// where its values do not fit. Its fields are optional in the schema, without a default, and do not take `null`.
fn may_lose_a_value(object: &Map<String, Value>) -> bool {
    let Some(properties) = object.get("properties").and_then(Value::as_object) else { return false };
    let required = object.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|each| each == name));
    let takes_absence = |property: &Value| {
        let Some(property) = property.as_object() else { return true };
        const RULES: [&str; 8] = ["type", "enum", "const", "$ref", "anyOf", "oneOf", "allOf", "not"];
        let takes_null = property.contains_key(TAKES_NULL)
            || property.get("type").is_some_and(|of| of == "null")
            || RULES.iter().all(|keyword| !property.contains_key(*keyword));
        takes_null || property.contains_key("default")
    };
    let is_typed_map =
        || object.get("additionalProperties").and_then(Value::as_object).is_some_and(|of| !of.is_empty());
    let is_enum = || ["anyOf", "oneOf"].iter().any(|keyword| object.contains_key(*keyword));
    properties.iter().any(|(name, property)| !is_required(name) && !takes_absence(property))
        || !properties.is_empty() && (is_typed_map() || is_enum())
}

/// Rewrites an enum of documented unit variants as one `enum`, with the docs as a list in the description.
fn unit_enum(object: &mut Map<String, Value>) {
    let Some(Value::Array(variants)) = object.get("oneOf") else { return };
    let mut values = Vec::new();
    let mut docs = Vec::new();
    for variant in variants {
        let Some(variant) = variant.as_object() else { return };
        let known = |key: &String| matches!(key.as_str(), "type" | "const" | "enum" | "description");
        if !variant.keys().all(known) || variant.get("type") != Some(&json!("string")) {
            return;
        }
        let names = match (variant.get("const"), variant.get("enum")) {
            (Some(name), None) => std::slice::from_ref(name),
            (None, Some(Value::Array(names))) => names,
            _ => return,
        };
        if let (Some(doc), [Value::String(name)]) =
            (variant.get("description").and_then(Value::as_str), names)
        {
            docs.push(format!("- `{name}`: {doc}"));
        }
        values.extend_from_slice(names);
    }
    object.remove("oneOf");
    object.insert("type".to_owned(), json!("string"));
    object.insert("enum".to_owned(), values.into());
    if !docs.is_empty() {
        let head = object.get("description").and_then(Value::as_str);
        let text = head.map(str::to_owned).into_iter().chain(docs).collect::<Vec<_>>().join("\n");
        object.insert("description".to_owned(), text.into());
    }
}
