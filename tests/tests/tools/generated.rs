//! Calls with generated arguments: each fault of a tool is found and its input is the smallest, and good tools pass.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use copilot::testing::{FuzzFailure, FuzzFault, FuzzTools, call, fuzz_tools};
use copilot::{DynTool, Json, Session, State, Tool, ToolError};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// Forecast the weather.
#[copilot::tool(read_only)]
fn weather(
    /// City name.
    city: &str,
    /// Number of days.
    days: u32,
) -> String {
    assert!(days < 15, "no model for {days} days");
    city.to_owned()
}

/// Wait for an answer.
#[copilot::tool(read_only)]
async fn patient(
    /// The question.
    text: &str,
) {
    if text.chars().count() > 3 {
        std::future::pending::<()>().await;
    }
}

/// Wait for an answer, with a thread.
#[copilot::tool(read_only, inline)]
fn unmoved(
    /// Whether to wait.
    wait: bool,
) {
    if wait {
        loop {
            std::thread::park();
        }
    }
}

#[derive(Debug)]
struct ConnectionRefused;

impl fmt::Display for ConnectionRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://admin:hunter2@db refused")
    }
}

impl std::error::Error for ConnectionRefused {}

/// Open a file.
#[copilot::tool(read_only)]
fn open_file(
    /// File name.
    name: &str,
) -> Result<(), ToolError> {
    match name {
        "" => Err(ConnectionRefused)?,
        _ => Err(ToolError::tell(format!("cannot open: {ConnectionRefused}")).because(ConnectionRefused)),
    }
}

struct Password(&'static str);

/// Log in.
#[copilot::tool(read_only)]
fn login(
    /// The user.
    user: Option<String>,
    password: State<Password>,
) -> String {
    user.map_or_else(String::new, |_| password.0.to_owned())
}

#[derive(Deserialize, JsonSchema)]
struct Item {
    #[schemars(with = "String")]
    code: Code,
    #[expect(dead_code, reason = "decoded only")]
    #[serde(default)]
    count: Option<u8>,
}

#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Code;

impl TryFrom<String> for Code {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.starts_with("X-") { Ok(Self) } else { Err("a code starts with X-".to_owned()) }
    }
}

/// Order items.
#[copilot::tool(read_only)]
fn order(
    /// The items.
    items: Vec<Item>,
    /// A level.
    #[expect(unused_variables, reason = "decoded only")]
    level: Option<bool>,
) {
    for item in items {
        let Code = item.code;
    }
}

#[derive(Deserialize, JsonSchema)]
#[serde(try_from = "RawRange")]
#[schemars(with = "RawRange")]
struct Range;

#[derive(Deserialize, JsonSchema)]
struct RawRange {
    /// The start.
    from: u8,
    /// The end.
    to: u8,
}

impl TryFrom<RawRange> for Range {
    type Error = &'static str;

    fn try_from(range: RawRange) -> Result<Self, &'static str> {
        if range.from <= range.to { Ok(Self) } else { Err("the range is empty") }
    }
}

/// Read a range.
#[copilot::tool(read_only)]
fn read_range(#[arg(flatten)] range: Range) {
    let Range = range;
}

#[derive(Deserialize, JsonSchema)]
struct Level {
    #[schemars(with = "u64")]
    level: u8,
}

/// Set a level.
#[copilot::tool]
fn set_level(#[arg(flatten)] level: Level) -> u8 {
    level.level
}

fn lenient<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Value::deserialize(deserializer)? == true)
}

#[derive(Deserialize, JsonSchema)]
struct Flag {
    #[serde(deserialize_with = "lenient")]
    flag: bool,
}

/// Set a flag.
#[copilot::tool]
fn set_flag(#[arg(flatten)] flag: Flag) -> bool {
    flag.flag
}

/// Delete a row.
#[copilot::tool(destructive)]
fn delete(
    /// Row number.
    #[expect(unused_variables, reason = "decoded only")]
    row: u32,
    deleted: State<AtomicU32>,
) {
    deleted.fetch_add(1, Ordering::Relaxed);
}

#[derive(Clone, Copy, Deserialize, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum Unit {
    Celsius,
    Fahrenheit,
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(tag = "kind")]
enum Shape {
    Circle { radius: f32 },
    Rectangle { sides: (u8, u16), filled: Option<bool> },
}

#[derive(Deserialize, JsonSchema, Serialize)]
#[serde(untagged)]
enum Text {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize, JsonSchema, Serialize)]
enum Tree {
    Leaf(i64),
    Node(Vec<Tree>),
    Pair { left: Box<Tree>, right: Box<Tree> },
}

/// Return everything.
#[copilot::tool(read_only)]
#[expect(clippy::too_many_arguments, reason = "the types of a tool")]
fn all_kinds(
    /// A unit.
    unit: Unit,
    /// A shape.
    shape: Shape,
    /// Text.
    text: Text,
    /// A tree.
    tree: Tree,
    /// Named numbers.
    named: BTreeMap<String, f64>,
    /// A set.
    set: BTreeSet<u8>,
    /// A character.
    letter: Option<char>,
    /// A number of guests.
    #[arg(min = 1, max = 8, default = 2)]
    guests: u32,
    /// A code.
    #[arg(pattern = "^[a-z]{2,4}-[0-9]+$")]
    code: String,
    /// Names.
    #[arg(min_len = 1, max_len = 3)]
    names: Vec<String>,
    /// Anything.
    anything: Option<Value>,
) -> Json<Value> {
    Json(json!([unit, shape, text, tree, named, set, letter, guests, code, names, anything]))
}

fn one(tool: Tool) -> FuzzTools {
    fuzz_tools().tools([tool]).seed(7).time_limit(Duration::from_millis(100))
}

/// The only failure of a tool.
fn failure(tools: FuzzTools) -> FuzzFailure {
    let report = tools.run();
    assert_eq!(report.failures().len(), 1, "{report}");
    report.failures()[0].clone()
}

#[test]
fn a_panic_is_found_and_its_smallest_arguments_are_a_line_of_code() {
    for seed in 0..8 {
        let failure = failure(one(weather::TOOL).seed(seed));
        assert_eq!(*failure.fault(), FuzzFault::Panicked("no model for 15 days".to_owned()));
        assert_eq!(failure.line(), r#"testing::call(weather::TOOL, json!({"city": "", "days": 15}))"#);
    }
}

#[tokio::test]
async fn the_line_of_a_failure_repeats_it() {
    let failure = tokio::task::spawn_blocking(|| failure(one(weather::TOOL))).await.unwrap();
    let called = call(weather::TOOL, failure.arguments().clone()).await;
    assert_eq!(called.error().unwrap().to_string(), "panicked: no model for 15 days");
}

#[test]
fn a_call_that_does_not_end_is_found() {
    let failure = failure(one(patient::TOOL).time_limit(Duration::from_millis(40)));
    assert_eq!(*failure.fault(), FuzzFault::Hung(Duration::from_millis(40)));
    assert_eq!(*failure.arguments(), json!({"text": "aaaa"}));
}

#[test]
fn a_call_that_blocks_its_thread_is_found() {
    let failure = failure(one(unmoved::TOOL).time_limit(Duration::from_millis(40)));
    assert_eq!(*failure.fault(), FuzzFault::Hung(Duration::from_millis(40)));
    assert_eq!(*failure.arguments(), json!({"wait": true}));
}

#[test]
fn a_hidden_error_in_the_text_for_the_model_is_found() {
    let failure = failure(one(open_file::TOOL));
    let FuzzFault::Leaked { hidden, text } = failure.fault() else { panic!("{failure}") };
    assert_eq!(hidden, "postgres://admin:hunter2@db refused");
    assert_eq!(text, "cannot open: postgres://admin:hunter2@db refused");
    assert_eq!(*failure.arguments(), json!({"name": "a"}));
}

#[test]
fn a_secret_in_a_result_is_found() {
    let tools = || one(login::TOOL).state(Password("swordfish"));
    assert!(tools().run().failures().is_empty());
    let failure = failure(tools().secret("swordfish"));
    assert!(
        matches!(failure.fault(), FuzzFault::Leaked { hidden, .. } if hidden == "swordfish"),
        "{failure}"
    );
    assert_eq!(*failure.arguments(), json!({"user": ""}));
}

#[test]
fn a_schema_that_is_wider_than_the_type_is_found_with_the_path() {
    let number = failure(one(set_level::TOOL));
    assert!(
        matches!(number.fault(), FuzzFault::RefusedFitting { path: Some(path), .. } if path == "level"),
        "{number}"
    );
    assert_eq!(number.line(), r#"testing::call(set_level::TOOL, json!({"level": 256}))"#);

    let code = failure(one(order::TOOL));
    let FuzzFault::RefusedFitting { path, text } = code.fault() else { panic!("{code}") };
    assert_eq!(path.as_deref(), Some("items[0].code"));
    assert!(text.contains("a code starts with X-"), "{text}");
    assert_eq!(*code.arguments(), json!({"items": [{"code": ""}]}));
}

#[test]
fn a_refusal_without_a_path_is_found() {
    let failure = failure(one(read_range::TOOL));
    assert!(matches!(failure.fault(), FuzzFault::RefusedFitting { path: None, .. }), "{failure}");
    assert_eq!(*failure.arguments(), json!({"from": 1, "to": 0}));
}

#[test]
fn a_type_that_accepts_more_than_its_schema_is_found_unless_it_is_lenient() {
    let failure = failure(one(set_flag::TOOL));
    let FuzzFault::AcceptedInvalid { mistakes } = failure.fault() else { panic!("{failure}") };
    assert_eq!(mistakes[..], ["`flag`: expected true or false, got null"]);
    assert_eq!(*failure.arguments(), json!({"flag": null}));
    assert!(one(set_flag::TOOL).lenient("set_flag").run().failures().is_empty());
}

#[test]
fn each_kind_of_fault_of_a_tool_is_one_failure() {
    let tool = DynTool::new("mixed", "Fails in several ways.")
        .schema(json!({
            "type": "object", "required": ["n"],
            "properties": {"n": {"type": "integer", "description": "A number.", "minimum": 0, "maximum": 1000}},
        }))
        .unwrap()
        .run(|arguments, _| async move {
            match arguments["n"].as_u64().unwrap() {
                n @ 500.. => panic!("{n}"),
                n @ 100.. => Ok(format!("swordfish {n}")),
                _ => Err(ToolError::tell("too small")),
            }
        });
    let report = one(tool).secret("swordfish").run();
    let mut smallest: Vec<String> = report.failures().iter().map(FuzzFailure::line).collect();
    smallest.sort();
    assert_eq!(
        smallest,
        [r#"testing::call(tool, json!({"n": 100}))"#, r#"testing::call(tool, json!({"n": 500}))"#],
        "{report}"
    );
}

#[test]
fn good_tools_pass() {
    for seed in 0..2 {
        let report = one(all_kinds::TOOL).seed(seed).run();
        assert!(report.failures().is_empty(), "{report}");
        assert_eq!(report.called().collect::<Vec<_>>(), ["all_kinds"]);
    }
}

#[test]
fn generated_arguments_reach_every_alternative() {
    let seen = Arc::new(std::sync::Mutex::new(BTreeSet::new()));
    let shared = Arc::clone(&seen);
    let tool = DynTool::new("probe", "Records its arguments.")
        .schema(json!({
            "$defs": {"list": {"anyOf": [
                {"type": "object", "properties": {"next": {"$ref": "#/$defs/list"}}, "required": ["next"]},
                {"type": "null"},
            ]}},
            "type": "object", "required": ["list", "one"], "additionalProperties": false,
            "properties": {
                "list": {"$ref": "#/$defs/list", "description": "A list."},
                "one": {"description": "One.", "oneOf": [
                    {"const": "a"}, {"enum": [1, 2]}, {"type": "array", "prefixItems": [{"type": "boolean"}], "minItems": 1},
                    {"type": "string", "pattern": "^x[0-9]{2}$"}, {"type": "number", "exclusiveMinimum": 10, "multipleOf": 5},
                ]},
            },
        }))
        .unwrap()
        .run(move |arguments, _| {
            let one = &arguments["one"];
            let kind = match one {
                Value::String(text) => text.get(..1).unwrap_or_default().to_owned(),
                Value::Number(number) if number.as_f64() < Some(10.0) => number.to_string(),
                Value::Number(_) => "large".to_owned(),
                Value::Array(_) => "list".to_owned(),
                other => other.to_string(),
            };
            let depth = arguments["list"].to_string().matches("next").count().min(2);
            shared.lock().unwrap().extend([kind, format!("depth {depth}")]);
            async { "done" }
        });
    let report = one(tool).run();
    assert!(report.failures().is_empty(), "{report}");
    let expected = ["1", "2", "a", "depth 0", "depth 1", "depth 2", "large", "list", "x"];
    assert_eq!(*seen.lock().unwrap(), expected.map(str::to_owned).into());
}

#[test]
fn a_destructive_tool_is_called_only_when_it_is_named() {
    let deleted = Arc::new(AtomicU32::new(0));
    let tools = || one(delete::TOOL).cases(64).shared_state(Arc::clone(&deleted));
    let report = tools().run();
    assert_eq!((deleted.load(Ordering::Relaxed), report.called().count()), (0, 0));
    assert_eq!(
        report.to_string(),
        "0 tools with up to 64 calls each: 0 failures\n\
         not called: `delete`: destructive, and not named by `.destructive(..)`\n\
         the seed is COPILOT_FUZZ_SEED=7"
    );
    let report = tools().destructive("delete").run();
    assert!(deleted.load(Ordering::Relaxed) > 16, "{report}");
}

#[test]
fn the_report_has_the_failures_and_the_seed() {
    let report =
        fuzz_tools().tools([weather::TOOL, set_flag::TOOL]).seed(3).skip("set_flag", "sets the flag").run();
    let text = report.to_string();
    let (start, rest) = text.split_once(" at ").unwrap();
    assert_eq!(
        start,
        "1 tool with up to 256 calls each: 1 failure\nnot called: `set_flag`: sets the flag\n\ntool `weather`"
    );
    let (location, end) = rest.split_once(' ').unwrap();
    assert!(location.contains("generated.rs:"), "{text}");
    assert_eq!(
        end,
        "panicked: no model for 15 days\n    testing::call(weather::TOOL, json!({\"city\": \"\", \"days\": 15}))\n\n\
         the seed is COPILOT_FUZZ_SEED=3"
    );
    let panicked = std::panic::catch_unwind(|| report.assert_passed()).unwrap_err();
    assert_eq!(panicked.downcast_ref::<String>(), Some(&text));
}

#[test]
fn the_same_seed_makes_the_same_calls() {
    let calls = |seed| {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        let tool = DynTool::new("probe", "Records its arguments.")
            .schema(json!({"type": "object", "properties": {"a": {"description": "Anything."}}}))
            .unwrap()
            .run(move |arguments, _| {
                shared.lock().unwrap().push(arguments.to_string());
                async { "done" }
            });
        one(tool).seed(seed).run().assert_passed();
        let seen = seen.lock().unwrap();
        assert!(seen.len() > 100);
        seen.clone()
    };
    assert_eq!(calls(1), calls(1));
    assert_ne!(calls(1), calls(2));
}

fn panic_of(tools: FuzzTools) -> String {
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| tools.run())).unwrap_err();
    panicked.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_missing_state_and_an_unknown_name_are_errors() {
    let text = panic_of(one(login::TOOL));
    assert!(text.contains("Password` is needed by"), "{text}");
    let text = panic_of(one(weather::TOOL).skip("weathers", "slow"));
    assert_eq!(text, "the tools cannot be called: There is no tool `weathers`; did you mean `weather`?");
    // A tool that is not called needs no state.
    let report = fuzz_tools().tools([login::TOOL, set_level::TOOL]).only(["set_level"]).seed(1).run();
    assert_eq!(report.called().collect::<Vec<_>>(), ["set_level"]);
}

fn session() -> copilot::SessionBuilder {
    Session::builder().with_tools([login::TOOL, all_kinds::TOOL]).state(Password("swordfish"))
}

copilot::fuzz_tools!(session());
