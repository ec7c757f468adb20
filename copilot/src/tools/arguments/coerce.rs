//! The types of JSON values, and the correction of common type mistakes. Pure.

use serde_json::Value;

/// Returns whether a value has one of the allowed types.
pub(super) fn fits(allowed: &dyn Fn(&str) -> bool, value: &Value) -> bool {
    match value {
        Value::Null => allowed("null"),
        Value::Bool(_) => allowed("boolean"),
        Value::String(_) => allowed("string"),
        Value::Array(_) => allowed("array"),
        Value::Object(_) => allowed("object"),
        Value::Number(number) => {
            allowed("number")
                || allowed("integer") && (!number.is_f64() || number.as_f64().is_some_and(is_whole))
        }
    }
}

/// Corrects common type mistakes of models that are unambiguous. Returns whether the value was corrected.
pub(super) fn coerce(allowed: &dyn Fn(&str) -> bool, value: &mut Value) -> bool {
    let corrected = match value {
        Value::String(text) => {
            let parsed: Option<Value> = serde_json::from_str(text.trim()).ok();
            parsed.filter(|parsed| !parsed.is_null() && !parsed.is_string() && fits(allowed, parsed))
        }
        _ => None,
    };
    let corrected = match corrected {
        None if allowed("array") && !value.is_array() && !value.is_null() && !value.is_object() => {
            Some(Value::Array(vec![value.clone()]))
        }
        other => other,
    };
    let done = corrected.is_some();
    if let Some(corrected) = corrected {
        *value = corrected;
    }
    done
}

fn is_whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < 9.0e15
}

pub(super) fn is_multiple(number: f64, step: f64) -> bool {
    let quotient = number / step;
    (quotient - quotient.round()).abs() < 1e-9
}
