//! Changes of values: random ones, which make most values invalid, and ones that make a failing value smaller. Pure.

use std::cmp::Ordering;

use fastrand::Rng;
use serde_json::{Number, Value, json};

use super::generate::{Generator, integer_value, nested};
use super::text;

/// The limit of values in an input whose parts are changed one by one.
const MAX_PARTS: usize = 2_000;

/// Returns the JSON pointers of a value and of its parts, the value itself first.
fn pointers(value: &Value) -> Vec<String> {
    fn collect(value: &Value, pointer: &str, all: &mut Vec<String>) {
        if all.len() == MAX_PARTS {
            return;
        }
        all.push(pointer.to_owned());
        match value {
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    collect(item, &format!("{pointer}/{index}"), all);
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let name = name.replace('~', "~0").replace('/', "~1");
                    collect(member, &format!("{pointer}/{name}"), all);
                }
            }
            _ => {}
        }
    }
    let mut all = Vec::new();
    collect(value, "", &mut all);
    all
}

/// Returns the value with another part at a pointer.
fn with(value: &Value, pointer: &str, part: Value) -> Value {
    let mut changed = value.clone();
    if let Some(old) = changed.pointer_mut(pointer) {
        *old = part;
    }
    changed
}

/// Returns the numbers of a schema, which are the limits of its values, and their neighbours.
pub(super) fn limits(schema: &Value) -> Vec<Value> {
    let mut all = Vec::new();
    for pointer in pointers(schema) {
        let Some(Value::Number(number)) = schema.pointer(&pointer) else { continue };
        if let Some(number) = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
            all.extend([number - 1, number + 1].map(integer_value));
        } else if let Some(number) = number.as_f64() {
            all.extend([json!(number - 1.0), json!(number + 1.0)]);
        }
    }
    all
}

/// Replaces a random part by text, for fragments that are not a `Value`.
pub(super) fn marked(rng: &mut Rng, value: &Value, mark: &str) -> Value {
    let pointers = pointers(value);
    // The root stays an object.
    let Some(last) = pointers.len().checked_sub(1).filter(|last| *last > 0) else {
        return json!({ "a": mark });
    };
    with(value, &pointers[rng.usize(1..=last)], mark.into())
}

/// Makes a random change. `limits` are numbers that the schema names.
pub(super) fn changed(generator: &mut Generator<'_>, value: &Value, limits: &[Value]) -> Value {
    let pointers = pointers(value);
    let pointer = &pointers[generator.rng.usize(..pointers.len())];
    let part = value.pointer(pointer).unwrap_or(&Value::Null);
    let replaced = match (part, generator.rng.u8(..3)) {
        (Value::Object(members), 0..=1) => {
            let mut members = members.clone();
            let names: Vec<String> = members.keys().cloned().collect();
            match (generator.rng.u8(..3), names.get(generator.rng.usize(..names.len().max(1)))) {
                (0, Some(name)) => drop(members.remove(name)),
                (1, Some(name)) => {
                    let value = members.remove(name).unwrap_or_default();
                    members.insert(format!("{name}_{}", generator.rng.alphabetic()), value);
                }
                _ => drop(members.insert(format!("unknown_{}", generator.rng.u8(..)), generator.any(3))),
            }
            members.into()
        }
        (Value::Array(items), 0..=1) => {
            let mut items = items.clone();
            match generator.rng.u8(..3) {
                0 => drop(items.pop()),
                1 => items.extend(items.clone().into_iter().cycle().take(items.len().min(100) * 3)),
                _ => items.push(generator.any(3)),
            }
            items.into()
        }
        (Value::String(text), 0) => format!("{text}\0").into(),
        (Value::String(_), 1) => text::any(&mut generator.rng, 0, None).into(),
        (Value::Number(_), 0..=1) if !limits.is_empty() => {
            limits[generator.rng.usize(..limits.len())].clone()
        }
        _ => of_another_type(generator),
    };
    // A missing arguments object is an empty one.
    if pointer.is_empty() && replaced.is_null() { json!([]) } else { with(value, pointer, replaced) }
}

fn of_another_type(generator: &mut Generator<'_>) -> Value {
    match generator.rng.u8(..12) {
        0 => Value::Null,
        1 => true.into(),
        2 => json!(-1),
        3 => json!(1.5),
        4 => json!("x"),
        5 => json!([]),
        6 => json!({}),
        7 => json!([[1]]),
        8 => json!(i64::MIN),
        9 => json!(u64::MAX),
        10 => json!(1e300),
        _ => nested(50),
    }
}

/// The result of a search for a smaller value.
pub(super) struct Smallest {
    pub(super) value: Value,
    /// The number of values that were tried.
    pub(super) tried: usize,
}

/// Makes a failing value smaller as long as it fails, by at most `limit` trials. `fails` must accept `value`.
pub(super) fn smallest(value: Value, limit: usize, fails: &mut dyn FnMut(&Value) -> bool) -> Smallest {
    let mut found = Smallest { value, tried: 0 };
    loop {
        let mut improved = false;
        let mut index = 0;
        while let Some(pointer) = pointers(&found.value).get(index) {
            match smaller_at(&found, pointer, limit, fails) {
                (Some(value), tried) => {
                    found = Smallest { value, tried };
                    improved = true;
                }
                (None, tried) => {
                    found.tried = tried;
                    index += 1;
                }
            }
            if found.tried >= limit {
                return found;
            }
        }
        if !improved {
            return found;
        }
    }
}

/// Returns the first failing value whose part at a pointer is smaller, and the number of trials until now.
fn smaller_at(
    found: &Smallest,
    pointer: &str,
    limit: usize,
    fails: &mut dyn FnMut(&Value) -> bool,
) -> (Option<Value>, usize) {
    let mut tried = found.tried;
    let part = found.value.pointer(pointer).unwrap_or(&Value::Null);
    for candidate in candidates(part) {
        if tried >= limit {
            break;
        }
        tried += 1;
        let value = with(&found.value, pointer, candidate);
        if fails(&value) {
            return (Some(value), tried);
        }
    }
    (None, tried)
}

/// Returns smaller values than this one, the smallest first. A chain of such values ends.
fn candidates(value: &Value) -> Vec<Value> {
    let simplest = [Value::Null, false.into(), 0.into(), "".into(), json!([]), json!({})];
    let mut all: Vec<Value> = simplest
        .into_iter()
        .filter(|simple| rank(simple) < rank(value) || is_emptied(value, simple))
        .collect();
    match value {
        Value::Null | Value::Bool(_) => {}
        Value::Number(number) => all.extend(smaller_numbers(number)),
        Value::String(text) => all.extend(smaller_texts(text).into_iter().map(Value::String)),
        Value::Array(items) => {
            let indices: Vec<usize> = (0..items.len()).collect();
            all.extend(
                without_chunks(&indices)
                    .into_iter()
                    .map(|kept| kept.into_iter().map(|index| items[index].clone()).collect()),
            );
            nearest(value, Value::is_array, &mut all);
        }
        Value::Object(members) => {
            let names: Vec<&String> = members.keys().collect();
            all.extend(without_chunks(&names).into_iter().map(|kept| {
                let kept = kept.into_iter().map(|name| (name.clone(), members[name].clone()));
                Value::Object(kept.collect())
            }));
            nearest(value, Value::is_object, &mut all);
        }
    }
    all
}

/// Adds the parts of this type, those inside of others excepted.
fn nearest(value: &Value, is_of_type: fn(&Value) -> bool, found: &mut Vec<Value>) {
    let mut add = |part: &Value| {
        if is_of_type(part) { found.push(part.clone()) } else { nearest(part, is_of_type, found) }
    };
    match value {
        Value::Array(items) => items.iter().for_each(&mut add),
        Value::Object(members) => members.values().for_each(&mut add),
        _ => {}
    }
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}

/// Returns whether a value of the same type is the simplest one, and the other is not.
fn is_emptied(value: &Value, simple: &Value) -> bool {
    rank(value) == rank(simple)
        && value != simple
        && match value {
            Value::Number(number) => {
                number.as_f64().is_some_and(|number| number != 0.0 || number.is_sign_negative())
            }
            _ => true,
        }
}

fn smaller_numbers(number: &Number) -> Vec<Value> {
    if let Some(integer) = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)) {
        let positive = Some(-integer).filter(|positive| *positive > 0).map(integer_value);
        let steps = (0..64)
            .map(|power| integer / (1_i128 << power))
            .take_while(|step| *step != 0)
            .map(|step| integer - step);
        return positive
            .into_iter()
            .chain(steps.map(integer_value))
            .filter(|value| !value.is_null())
            .collect();
    }
    let Some(float) = number.as_f64() else { return Vec::new() };
    let mut all = Vec::new();
    let truncated = float.trunc();
    if truncated.abs() < 1e15 {
        #[expect(clippy::cast_possible_truncation, reason = "the number is below 10^15")]
        all.push(Value::from(truncated as i64));
    }
    if float < 0.0 {
        all.push((-float).into());
    }
    let steps = (1..12).map(|power| float - float / f64::from(1 << power));
    all.extend(
        steps
            .filter(|step| step.abs().partial_cmp(&float.abs()) == Some(Ordering::Less))
            .map(f64::trunc)
            .map(Value::from),
    );
    all.retain(|value| value.as_f64() != Some(float) || !value.is_f64());
    all
}

fn smaller_texts(text: &str) -> Vec<String> {
    if let Some(samples) = text::simpler_samples(text) {
        return samples.iter().map(|sample| (*sample).to_owned()).collect();
    }
    let characters: Vec<char> = text.chars().collect();
    let mut all: Vec<String> =
        without_chunks(&characters).into_iter().map(|kept| kept.into_iter().collect()).collect();
    if characters.iter().any(|character| *character != 'a') {
        all.push("a".repeat(characters.len()));
        for (index, character) in
            characters.iter().enumerate().take(100).filter(|(_, character)| **character != 'a')
        {
            // Digits stay digits, so that text that matches a pattern still does.
            let simple = if character.is_ascii_digit() { '0' } else { 'a' };
            if *character != simple {
                let mut changed = characters.clone();
                changed[index] = simple;
                all.push(changed.into_iter().collect());
            }
        }
    }
    all
}

/// Returns the list without parts of it, the largest parts first.
fn without_chunks<T: Clone>(items: &[T]) -> Vec<Vec<T>> {
    let mut all = Vec::new();
    let mut length = items.len() / 2;
    while length > 0 {
        for start in (0..items.len()).step_by(length).take(200) {
            let end = (start + length).min(items.len());
            all.push([&items[..start], &items[end..]].concat());
        }
        length /= 2;
    }
    if items.len() == 1 {
        all.push(Vec::new());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "shorter calls")]
    fn check(value: Value, fails: impl Fn(&Value) -> bool, expected: Value) {
        assert!(fails(&value));
        let found = smallest(value, 10_000, &mut |value| fails(value));
        assert_eq!(found.value, expected);
        assert!(found.tried < 10_000);
    }

    #[test]
    fn the_smallest_failing_value_is_found() {
        let days = |value: &Value| value["days"].as_u64();
        check(
            json!({ "days": u64::MAX, "x": "y" }),
            |value| days(value) >= Some(1_000),
            json!({ "days": 1_000 }),
        );
        check(
            json!({ "n": i64::MIN }),
            |value| value["n"].as_i64().is_some_and(|n| n < -7),
            json!({ "n": -8 }),
        );
        check(json!([1.5e300, 2]), |value| value[0].as_f64() > Some(2.0), json!([3]));
        check(json!(-2.75), |value| value.as_f64().is_some_and(|number| number.fract() != 0.0), json!(2.75));
        let text = format!("{}é{}", "xyz".repeat(500), "12".repeat(500));
        check(
            json!({ "t": text }),
            |value| value["t"].as_str().is_some_and(|text| text.contains('é')),
            json!({ "t": "é" }),
        );
        check(json!("2000-02-29"), Value::is_string, json!(""));
        let deep = json!({ "a": { "b": { "c": [{ "d": 1 }, 2] } } });
        check(deep, |value| value.to_string().contains("\"d\""), json!({ "d": null }));
        check(json!(-0.0), Value::is_number, json!(0));
        check(json!([[1, 2, 3], [4]]), |value| value.to_string().contains('3'), json!([3]));
    }

    #[test]
    fn a_search_ends_at_its_limit() {
        let found = smallest(json!("x".repeat(1_000)), 5, &mut |_| false);
        assert_eq!((found.value, found.tried), (json!("x".repeat(1_000)), 5));
    }

    #[test]
    fn changes_make_most_values_invalid() {
        let schema = json!({
            "type": "object", "additionalProperties": false, "required": ["n"],
            "properties": { "n": { "type": "integer", "minimum": 1, "maximum": 9 } },
        });
        let mut generator = Generator::new(&schema, Rng::with_seed(3));
        let limits = limits(&schema);
        assert!(limits.contains(&json!(0)) && limits.contains(&json!(10)), "{limits:?}");
        let fits = |value: &Value| {
            value.as_object().is_some_and(|members| {
                members.len() == 1
                    && value["n"].as_f64().is_some_and(|n| n.fract() == 0.0 && (1.0..=9.0).contains(&n))
            })
        };
        let mut invalid = 0;
        for _ in 0..200 {
            let value = generator.fitting();
            assert!(fits(&value), "{value}");
            invalid += usize::from(!fits(&changed(&mut generator, &value, &limits)));
        }
        assert!(invalid > 150, "{invalid}");
    }
}
