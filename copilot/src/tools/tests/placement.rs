//! Tests of the place of an argument in the arguments object, and of the schema that is sent.

use std::collections::{BTreeMap, HashMap};

use super::*;

/// A struct of the program with the name and the fields of one of std.
mod lookalike {
    use schemars::JsonSchema;
    use serde::Deserialize;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    pub(super) struct Duration {
        pub(super) secs: u64,
        pub(super) nanos: u32,
    }
}

#[test]
fn a_single_argument_of_a_foreign_type_is_a_property() {
    use std::ops::{Range, RangeInclusive};
    use std::time::SystemTime;

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Wait(Duration);
    #[derive(Deserialize, JsonSchema)]
    #[serde(transparent)]
    #[expect(dead_code, reason = "described only")]
    struct Transparent {
        wait: Duration,
    }
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Twice(Wait);
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Prices(HashMap<String, f64>);
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct ByLevel(BTreeMap<Key, u8>);
    #[derive(Deserialize, JsonSchema, PartialEq, Eq, PartialOrd, Ord)]
    enum Key {
        Low,
        High,
    }
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Own {
        secs: u64,
    }
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct OwnWrapper(Own);
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Flattened {
        start: u8,
        #[serde(flatten)]
        own: Own,
    }
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Window {
        start: u8,
        end: u8,
    }

    macro_rules! properties {
        ($($name:ident: $ty:ty),* $(,)?) => {{
            let mut found = Vec::new();
            $({
                /// Use it.
                #[crate::tool(docs = allow)]
                async fn $name(value: $ty) {
                    let _ = value;
                }
                let schema = schema(&$name::TOOL);
                let names: Vec<String> = schema["properties"].as_object().unwrap().keys().cloned().collect();
                found.push((stringify!($name), names, $name::TOOL));
            })*
            found
        }};
    }

    for (name, names, tool) in properties! {
        a6_duration: Duration, a6_time: SystemTime, a6_range: Range<u8>, a6_inclusive: RangeInclusive<i64>,
        a6_dates: Range<chrono::NaiveDate>, a6_boxed: Box<Duration>, a6_shared: std::borrow::Cow<'static, Duration>,
        a6_wait: Wait, a6_transparent: Transparent, a6_twice: Twice, a6_map: HashMap<String, u8>, a6_tree: BTreeMap<u8, u8>,
        a6_prices: Prices, a6_by_level: ByLevel, a6_levels: BTreeMap<Key, u8>, a6_object: serde_json::Map<String, Value>,
        a6_date: chrono::NaiveDate, a6_url: url::Url, a6_uuid: uuid::Uuid, a6_any: Value, a6_maybe: Option<Duration>,
    } {
        assert_eq!(names, ["value"], "{name}");
        assert!(!report_of(&tool).contains("are the arguments"), "{name}");
    }
    for (name, names, tool) in properties! {
        a6_own: Own, a6_wrapper: OwnWrapper, a6_boxed_own: Box<Own>, a6_flattened: Flattened, a6_window: Window,
        a6_lookalike: lookalike::Duration,
    } {
        assert!(!names.contains(&"value".to_owned()), "{name} {names:?}");
        assert!(
            report_of(&tool).contains(
                "the fields of `value` are the arguments; a second argument would move them below `value`, which \
                 `#[arg(nest)]` does already"
            ),
            "{name}"
        );
    }
}

/// The part of the tool report on a tool.
fn report_of(tool: &Tool) -> String {
    selection::report(std::slice::from_ref(tool), &[])
}

#[tokio::test]
async fn a_second_argument_does_not_move_one_of_a_foreign_type() {
    /// Wait.
    #[crate::tool]
    async fn wait_once(
        /// For how long.
        time: Duration,
    ) -> String {
        format!("{time:?}")
    }

    /// Wait.
    #[crate::tool]
    async fn wait_often(
        /// For how long.
        time: Duration,
        /// How often.
        count: Option<u8>,
    ) -> String {
        format!("{time:?} {count:?}")
    }

    let (once, often) = (schema(&wait_once::TOOL), schema(&wait_often::TOOL));
    assert_eq!(once["properties"]["time"], often["properties"]["time"]);
    assert_eq!(once["properties"]["time"]["description"], "For how long.");
    assert_eq!((&once["required"], &often["required"]), (&json!(["time"]), &json!(["time"])));
    let arguments = json!({ "time": { "secs": 1, "nanos": 0 } });
    assert_eq!(call(&wait_once::TOOL, arguments.clone()).await, "success: 1s");
    assert_eq!(call(&wait_often::TOOL, arguments).await, "success: 1s None");
}

#[tokio::test]
async fn every_boolean_schema_is_an_object() {
    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "described only")]
    struct Anything {
        list: Vec<Value>,
        lists: Vec<Vec<Value>>,
        map: HashMap<String, Value>,
        pair: (Value, u8),
        maybe: Option<Vec<Value>>,
        set: BTreeMap<u8, Value>,
        either: Either,
        #[serde(flatten)]
        rest: HashMap<String, Value>,
    }

    #[derive(Deserialize, JsonSchema)]
    #[serde(untagged)]
    #[expect(dead_code, reason = "described only")]
    enum Either {
        One { any: Value },
        Many(Vec<Value>),
    }

    /// Take anything.
    #[crate::tool(docs = allow)]
    async fn anything(all: Anything, values: Vec<Value>) {
        drop((all, values));
    }

    fn booleans(schema: &Value, path: &str, found: &mut Vec<String>) {
        match schema {
            Value::Bool(_) => found.push(path.to_owned()),
            Value::Array(items) => items.iter().for_each(|item| booleans(item, &format!("{path}[]"), found)),
            Value::Object(members) => {
                for (name, member) in members {
                    if name != "additionalProperties" || *member != json!(false) {
                        booleans(member, &format!("{path}.{name}"), found);
                    }
                }
            }
            _ => {}
        }
    }

    let schema = schema(&anything::TOOL);
    assert_eq!(schema["properties"]["values"], json!({ "type": "array", "items": {} }));
    let mut found = Vec::new();
    booleans(&schema, "", &mut found);
    assert!(found.is_empty(), "{found:?} {schema}");
    let typed = DynTool::new("anything", "Take anything.").typed(|_: Anything, _| async {});
    let typed = self::schema(&typed);
    booleans(&typed, "", &mut found);
    assert!(found.is_empty(), "{found:?} {typed}");
}
