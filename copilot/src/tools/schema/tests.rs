//! A corpus of types: each schema is compared with a snapshot and with the values that serde accepts and rejects.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::num::NonZeroU8;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Checks that schema and serde agree on the given values and on mutations of them.
fn check<T: DeserializeOwned + JsonSchema>(name: &str, accepted: &[Value], rejected: &[Value]) {
    let schema = super::of_type::<T>();
    insta::assert_json_snapshot!(name, schema);
    let validator = jsonschema::draft202012::options()
        .should_validate_formats(true)
        .build(&schema)
        .expect("the schema is valid");
    // serde accepts an array for a struct, `null` for an optional field and names without a field. The schemas reject
    // all three, which does not restrict a model.
    let agree = |value: &Value, tolerant: bool| {
        let serde = T::deserialize(value.clone());
        let by_schema = validator.is_valid(value);
        let tolerant = tolerant || super::known::has_unknown_name(&schema, &value.to_string());
        assert!(
            serde.is_ok() == by_schema || serde.is_ok() && tolerant,
            "{name}: {value}: serde says {:?}, schema: {schema}",
            serde.err()
        );
        by_schema
    };
    for value in accepted {
        assert!(agree(value, true) || T::deserialize(value).is_ok(), "{name} should accept {value}");
    }
    for value in rejected {
        assert!(!agree(value, false), "{name} should reject {value}");
    }
    let seeds: Vec<Value> = accepted.iter().chain(rejected).cloned().collect();
    let mut runner = TestRunner::new(Config { cases: 256, failure_persistence: None, ..Config::default() });
    runner
        .run(&(0..seeds.len(), any::<u32>(), leaf()), |(seed, place, new)| {
            let mut value = seeds[seed].clone();
            mutate(&mut value, &mut (place as usize), &new);
            agree(&value, new.is_array() || new.is_null() || seeds[seed].to_string().contains("null"));
            Ok(())
        })
        .expect("schema and serde agree");
}

/// A small value of any type, except integral floats: JSON Schema and the validator accept `1.0` as an integer.
fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        prop_oneof![-3..300_i64, any::<i32>().prop_map(i64::from)].prop_map(Value::from),
        (-1000..1000_i32).prop_map(|n| Value::from(f64::from(n) + 0.5)),
        "[a-z]{0,3}".prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([1])),
        Just(json!({ "x": 1 })),
    ]
}

/// Replaces, removes or adds a part of `value`.
fn mutate(value: &mut Value, place: &mut usize, new: &Value) {
    let choice = *place % 4;
    *place /= 4;
    match value {
        Value::Object(object) if choice > 0 && !object.is_empty() => {
            let name = object.keys().nth(*place % object.len()).cloned().unwrap();
            *place /= object.len();
            match choice {
                1 => drop(object.remove(&name)),
                _ => mutate(&mut object[&name], place, new),
            }
        }
        Value::Array(items) if choice > 0 && !items.is_empty() => {
            let index = *place % items.len();
            *place /= items.len();
            match choice {
                1 => drop(items.remove(index)),
                2 => items.push(new.clone()),
                _ => mutate(&mut items[index], place, new),
            }
        }
        value => *value = new.clone(),
    }
}

macro_rules! corpus {
    ($($name:ident: $type:ty, [$($yes:tt),* $(,)?], [$($no:tt),* $(,)?];)*) => {$(
        #[test]
        fn $name() {
            check::<$type>(stringify!($name), &[$(json!($yes)),*], &[$(json!($no)),*]);
        }
    )*};
}

corpus! {
    boolean: bool, [true], [1, "true"];
    small_int: i8, [(-128), 127], [128, "1", 1.5];
    wide_int: i64, [(-5), 5], [1.5, null];
    unsigned: u32, [0, 4294967295_u32], [(-1), 4294967296_u64];
    size: usize, [0, 7], [(-1)];
    non_zero: NonZeroU8, [1, 255], [0, 256];
    float: f64, [1.5, 2], ["x", null];
    character: char, ["x", "é"], ["", "xy", 1];
    text: String, [""], [1, null];
    boxed: Box<str>, ["a"], [1];
    path: std::path::PathBuf, ["/a"], [1];
    optional: Option<u8>, [null, 1], ["a"];
    optional_optional: Option<Option<u8>>, [null, 1], ["a"];
    list: Vec<u8>, [[], [1, 2]], [1, ["a"]];
    nested_list: Vec<Vec<Option<bool>>>, [[[true, null]]], [[true]];
    array: [u8; 2], [[1, 2]], [[1], [1, 2, 3]];
    tuple: (u8, String), [[1, "a"]], [[1], ["a", 1], [1, "a", 2]];
    map: HashMap<String, u8>, [{}, {"a": 1}], [{"a": "b"}, []];
    int_map: BTreeMap<String, Vec<bool>>, [{"a": [true]}], [{"a": true}];
    unit: (), [null], [1];
    any_value: Value, [1, null, {"a": 1}], [];
    object: serde_json::Map<String, Value>, [{}, {"a": 1}], [1, []];
    record: Record, [{"name": "a", "count": 1}, {"name": "a", "count": 1, "note": null, "x": 2}], [{"name": "a"}];
    closed: Closed, [{"a": 1}], [{"a": 1, "b": 2}, {}];
    renamed: Renamed, [{"aFirst": 1}, {"aFirst": 1, "second": "x"}], [{"a_first": 1}];
    defaulted: Defaulted, [{}, {"a": 1, "b": ["x"]}], [{"a": "x"}];
    flattened: Flattened, [{"id": 1, "name": "a", "count": 2}], [{"id": 1}, {"name": "a", "count": 2}];
    flattened_map: FlattenedMap, [{"id": 1}, {"id": 1, "x": true}], [{"id": 1, "x": 2}];
    wrapper: Wrapper, [1], ["a"];
    tuple_struct: Pair, [[1, true]], [[1]];
    unit_enum: Level, ["low", "very_high"], ["Low", 1];
    documented_enum: Documented, ["fast", "slow", "plain"], ["other"];
    external: External, ["unit", {"new": 1}, {"tuple": [1, "a"]}, {"record": {"a": 1}}], [{"unit": 1}, {"new": "a"}, {}];
    internal: Internal, [{"kind": "unit"}, {"kind": "record", "a": 1}], [{"a": 1}, {"kind": "other"}, {"kind": "record"}];
    adjacent: Adjacent, [{"t": "unit"}, {"t": "new", "c": 1}], [{"t": "new"}, {"c": 1}];
    untagged: Untagged, [1, "a", {"a": 1}], [true, {"b": 1}];
    nested_enums: Nested, [{"level": "low", "shape": {"kind": "unit"}, "either": [1, "a"]}], [{"level": "low"}];
    recursive: Tree, [{"value": 1}, {"value": 1, "children": [{"value": 2, "children": []}]}], [{"children": []}, {"value": 1, "children": [1]}];
    mutual: Left, [{}, {"right": {"left": {"right": null}}}], [{"right": 1}];
    duration: Duration, [{"secs": 1, "nanos": 0}], [1, {"secs": 1}];
    result: Result<u8, String>, [{"Ok": 1}, {"Err": "a"}], [1, {"Ok": "a"}];
    date: chrono::NaiveDate, ["2026-01-31"], ["2026-13-01", "x", 1];
    moment: chrono::DateTime<chrono::Utc>, ["2026-01-31T10:00:00Z"], ["x", 1];
    id: uuid::Uuid, ["67e55044-10b1-426f-9247-bb680e5fe0c8"], ["x", 1];
    link: url::Url, ["https://example.com/a"], ["x", 1];
    lists_of_enums: Vec<Level>, [["low"]], ["low", ["x"]];
    optional_enum: Option<Documented>, [null, "fast"], ["x"];
    optional_fields: OptionalFields, [{}, {"level": "low", "tree": {"value": 1}, "list": [1]}], [{"level": "x"}];
    bounded: BTreeMap<String, Internal>, [{"a": {"kind": "unit"}}], [{"a": {}}];
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Record {
    /// Its name.
    name: String,
    count: u16,
    note: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Closed {
    a: u8,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "described and deserialized only")]
struct Renamed {
    a_first: u8,
    second: Option<String>,
    #[serde(skip)]
    third: u8,
}

#[derive(Deserialize, JsonSchema)]
#[serde(default)]
#[derive(Default)]
struct Defaulted {
    a: u8,
    b: Vec<String>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Flattened {
    id: u8,
    #[serde(flatten)]
    record: Record,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct FlattenedMap {
    id: u8,
    #[serde(flatten)]
    rest: HashMap<String, bool>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Wrapper(u8);

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Pair(u8, bool);

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Level {
    Low,
    VeryHigh,
}

/// How to go.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Documented {
    /// By train.
    Fast,
    /// On foot.
    Slow,
    Plain,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "described and deserialized only")]
enum External {
    Unit,
    /// One number.
    New(u8),
    Tuple(u8, String),
    Record {
        a: u8,
    },
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[expect(dead_code, reason = "described and deserialized only")]
enum Internal {
    Unit,
    Record { a: u8 },
}

#[derive(Deserialize, JsonSchema)]
#[serde(tag = "t", content = "c", rename_all = "lowercase")]
#[expect(dead_code, reason = "described and deserialized only")]
enum Adjacent {
    Unit,
    New(u8),
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "described and deserialized only")]
enum Untagged {
    Number(i64),
    Text(String),
    Record { a: u8 },
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Nested {
    level: Level,
    shape: Internal,
    either: Vec<Untagged>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Tree {
    value: u8,
    #[serde(default)]
    children: Vec<Tree>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Left {
    right: Option<Box<Right>>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct Right {
    left: Option<Left>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "described and deserialized only")]
struct OptionalFields {
    level: Option<Level>,
    tree: Option<Tree>,
    list: Option<BTreeSet<u8>>,
}
