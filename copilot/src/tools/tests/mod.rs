//! Tests of tools from the attribute to the result, without a session.

mod approval;
mod arguments;
mod corrections;
mod dynamic;
mod from_call;
mod kinds;
mod names;
mod output_schema;
mod placement;
mod renaming;
mod reports;
mod retries;
mod serial;
mod threads;
mod trait_objects;
mod waiting;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::future::BoxFuture;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::*;
use crate::Json;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::ToolCallId;
use crate::tools::def::ToolDef;
use crate::tools::output::ticket::TicketRecord;

/// A session that records the progress and the log of a tool.
#[derive(Default)]
struct Host(Mutex<Vec<String>>);

impl ToolHost for Host {
    fn progress(&self, call: &ToolCallId, tool: &str, fraction: Option<f64>, message: &str) {
        self.0.lock().unwrap().push(format!("{call} {tool} {fraction:?} {message}"));
    }

    fn log(&self, level: &str, message: &str) {
        self.0.lock().unwrap().push(format!("{level} {message}"));
    }

    fn call(&self, method: String, params: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>> {
        Box::pin(
            async move { RawValue::from_string(format!("[{method:?},{params}]")).map_err(|_| no_handler()) },
        )
    }

    fn reserve(&self, _: Arc<TicketRecord>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn timeout(&self, _: Option<&str>) -> Duration {
        Timeouts::DEFAULT
    }

    fn ask_user(&self, _: String, _: Vec<String>) -> BoxFuture<'_, Result<String>> {
        Box::pin(async { Err(no_handler()) })
    }
}

fn no_handler() -> Error {
    Error::new(ErrorKind::Session, "no handler")
}

fn states() -> StateMap {
    let mut states = StateMap::default();
    states.insert(Prices { base: 10 });
    states.insert(kinds::Shop { name: "State".into() });
    states.insert(retries::Tries::default());
    states.insert(Mutex::new(Vec::<String>::new()));
    states.insert(from_call::Users::default());
    states.insert(trait_objects::Desk);
    states.insert(waiting::Started::default());
    states.insert(waiting::Late);
    states.insert_shared::<dyn trait_objects::Greeter>(Arc::new(trait_objects::Polite));
    states
}

fn invocation(arguments: &Value) -> Invocation {
    Invocation {
        session_id: "s1".into(),
        call_id: "c1".into(),
        request_id: Some("r1".into()),
        agent_id: None,
        working_directory: Some("/tmp".into()),
        traceparent: None,
        tracestate: None,
        arguments: Some(serde_json::value::to_raw_value(arguments).unwrap()),
        states: Arc::new(states()),
        host: Arc::new(Host::default()),
        cancel: CancellationToken::default(),
        errors_visible: false,
        on_thread: AtomicBool::new(false),
    }
}

async fn call(tool: &Tool, arguments: Value) -> String {
    let result = tool.invoke(invocation(&arguments), None).await;
    format!("{}: {}", result.result_type(), result.text())
}

fn schema(tool: &Tool) -> Value {
    tool.schema().unwrap().map_or(Value::Null, |schema| serde_json::from_str(schema.get()).unwrap())
}

struct Prices {
    base: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Size {
    /// Fits a hand.
    Small,
    /// Fits a table.
    Large,
}

/// Price of a pizza.
///
/// - in cents
#[crate::tool(read_only, timeout = "10s")]
async fn price(
    /// Name on the menu.
    name: &str,
    /// How large.
    #[arg(default = Size::Small)]
    size: Size,
    /// How many.
    count: Option<u8>,
    /// The toppings.
    #[arg(default)]
    toppings: &[String],
    prices: State<Prices>,
    cx: &ToolContext,
) -> Result<Json<Value>, ToolError> {
    cx.progress(0.5, "looking it up");
    tokio::task::yield_now().await;
    if name == "none" {
        return Err(ToolError::tell("there is no such pizza"));
    }
    let size = match size {
        Size::Small => 1,
        Size::Large => 2,
    };
    let each = prices.base * size + u32::try_from(toppings.len())?;
    Ok(Json(json!({ "name": name, "cents": each * u32::from(count.unwrap_or(1)) })))
}

#[derive(Deserialize, JsonSchema)]
struct Order {
    /// The guest's name.
    guest: String,
    items: Vec<Item>,
    note: Option<String>,
}

#[derive(Deserialize, JsonSchema)]
struct Item {
    name: String,
    count: u8,
}

/// Place an order.
#[crate::tool]
async fn place_order(order: Order) -> String {
    let count: u32 = order.items.iter().map(|item| u32::from(item.count)).sum();
    format!("{} gets {count} {}{}", order.guest, order.items[0].name, order.note.unwrap_or_default())
}

/// A parameter of each kind.
#[crate::tool(inline, docs = allow)]
#[allow(
    clippy::too_many_arguments,
    clippy::ptr_arg,
    clippy::trivially_copy_pass_by_ref,
    clippy::needless_pass_by_value
)]
fn passing<'a>(
    path: &Path,
    owned: PathBuf,
    text: &'a String,
    list: &[u8],
    maybe: Option<&'a str>,
    size: &Size,
    prices: &State<Prices>,
    cx: ToolContext,
    mut number: i64,
    r#type: bool,
    pair: (u8, char),
) -> &'a str {
    number += 1;
    assert_eq!((number, r#type, pair, list, prices.base), (8, true, (1, 'x'), &[1, 2][..], 10));
    assert_eq!((path, &*owned, cx.working_dir()), (Path::new("/a"), Path::new("/b"), Some("/tmp")));
    assert!(matches!(size, Size::Large));
    maybe.unwrap_or(text)
}

/// Does nothing.
#[crate::tool]
async fn nothing() {}

/// Fails in the given way.
#[crate::tool(timeout = "50ms", docs = allow)]
async fn fail(how: &str, cx: &ToolContext) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match how {
        "panic" => panic!("at the disco"),
        "late" => std::future::pending().await,
        "heeds" => {
            cx.cancelled().await;
            Ok(())
        }
        other => Err(other.into()),
    }
}

/// Blocks.
#[crate::tool(docs = allow)]
fn blocks(panics: bool) -> Result<u8, std::num::ParseIntError> {
    assert!(!panics, "at the disco");
    std::thread::sleep(Duration::from_millis(1));
    "7".parse()
}

/// Is not `Send`.
#[crate::tool(local, docs = allow)]
async fn stays(n: u8) -> u8 {
    let shared = std::rc::Rc::new(n);
    tokio::task::yield_now().await;
    *shared + 1
}

#[tokio::test]
async fn arguments_are_passed_as_the_function_asks() {
    assert_eq!(
        call(&price::TOOL, json!({ "name": "Funghi" })).await,
        r#"success: {"cents":10,"name":"Funghi"}"#
    );
    let full = json!({ "name": "Funghi", "size": "large", "count": 2, "toppings": ["egg"] });
    assert_eq!(call(&price::TOOL, full).await, r#"success: {"cents":42,"name":"Funghi"}"#);
    let all = json!({
        "path": "/a", "owned": "/b", "text": "hello", "list": [1, 2], "size": "large", "number": 7, "type": true,
        "pair": [1, "x"],
    });
    assert_eq!(call(&passing::TOOL, all).await, "success: hello");
}

#[tokio::test]
async fn one_struct_is_the_arguments_object_itself() {
    let order = json!({ "guest": "Ada", "items": [{ "name": "Funghi", "count": 2 }] });
    assert_eq!(call(&place_order::TOOL, order).await, "success: Ada gets 2 Funghi");
    let wrong = json!({ "guest": "Ada", "items": [{ "name": "Funghi", "count": 256 }], "notes": "" });
    assert_eq!(
        call(&place_order::TOOL, wrong).await,
        "failure: The arguments of `place_order` do not fit. Nothing was done; correct them and call again:\n\
         - `items[0].count`: expected an integer from 0 to 255, got 256\n\
         - `notes` is not known; did you mean `note`?"
    );
}

#[tokio::test]
async fn all_invalid_arguments_are_reported_and_safe_mistakes_corrected() {
    assert_eq!(
        call(&price::TOOL, json!({ "nam": "Funghi", "size": "huge", "count": "many" })).await,
        "failure: The arguments of `price` do not fit. Nothing was done; correct them and call again:\n\
         - `count`: expected an integer from 0 to 255, got \"many\"\n\
         - `size`: expected \"small\" or \"large\", got \"huge\"\n\
         - `nam` is not known; did you mean `name`?\n\
         - `name` is missing: expected a string. Name on the menu."
    );
    for (arguments, got) in [(json!(null), "null"), (json!([]), "[]")] {
        let refused = call(&price::TOOL, arguments).await;
        assert_eq!(
            refused,
            format!(
                "failure: The arguments of `price` do not fit. Nothing was done; correct them and call again:\n\
                 - the arguments: expected an object with `name`, got {got}"
            )
        );
    }
    let lenient = json!({ "name": "Funghi", "size": "LARGE", "count": "2", "toppings": "egg" });
    assert_eq!(call(&price::TOOL, lenient).await, r#"success: {"cents":42,"name":"Funghi"}"#);
    let null = json!({ "name": "Funghi", "size": null, "count": null });
    assert_eq!(call(&price::TOOL, null).await, r#"success: {"cents":10,"name":"Funghi"}"#);
}

#[tokio::test]
async fn failures_are_results() {
    assert_eq!(call(&nothing::TOOL, json!({})).await, "success: Done.");
    assert_eq!(call(&price::TOOL, json!({ "name": "none" })).await, "failure: there is no such pizza");
    for how in ["panic", "disk full"] {
        let hidden = call(&fail::TOOL, json!({ "how": how })).await;
        assert!(hidden.starts_with("failure: `fail` failed for an internal reason"), "{hidden}");
        assert!(!hidden.contains("disco") && !hidden.contains("disk"), "{hidden}");
    }
    assert_eq!(call(&blocks::TOOL, json!({ "panics": false })).await, "success: 7");
    let hidden = call(&blocks::TOOL, json!({ "panics": true })).await;
    assert!(hidden.starts_with("failure: `blocks` failed for an internal reason"), "{hidden}");
    assert_eq!(call(&stays::TOOL, json!({ "n": 1 })).await, "success: 2");
}

#[tokio::test(start_paused = true)]
async fn timed_out_and_cancelled_calls_have_results() {
    let late = call(&fail::TOOL, json!({ "how": "late" })).await;
    assert_eq!(late, "timeout: `fail` did not finish within 0.05 s and was stopped.");
    assert_eq!(call(&fail::TOOL, json!({ "how": "heeds" })).await, "success: Done.");
    // A timeout does not cancel the token of the session.
    let cancel = CancellationToken::default();
    assert!(!fail::TOOL.invoke(invocation_with(&cancel), None).await.is_success() && !cancel.is_cancelled());

    let mut invocation = invocation(&json!({ "how": "late" }));
    let cancel = CancellationToken::default();
    invocation.cancel = cancel.clone();
    let mut running = crate::task::spawn(fail::TOOL.invoke(invocation, None));
    tokio::task::yield_now().await;
    cancel.cancel();
    assert_eq!(running.join().await.unwrap().text(), "`fail` was cancelled.");

    let abandoned = invocation_with(&cancel);
    drop(fail::TOOL.invoke(abandoned, None));
}

fn invocation_with(cancel: &CancellationToken) -> Invocation {
    Invocation { cancel: cancel.clone(), ..invocation(&json!({ "how": "late" })) }
}

#[tokio::test]
async fn a_dropped_call_cancels_the_context() {
    static KEPT: Mutex<Option<ToolContext>> = Mutex::new(None);

    /// Keeps its context.
    #[crate::tool]
    async fn keeps(cx: &ToolContext) {
        *KEPT.lock().unwrap() = Some(cx.clone());
        std::future::pending::<()>().await;
    }

    let mut running = keeps::TOOL.invoke(invocation(&json!({})), None);
    std::future::poll_fn(|cx| {
        assert!(running.as_mut().poll(cx).is_pending());
        std::task::Poll::Ready(())
    })
    .await;
    let kept = KEPT.lock().unwrap().take().unwrap();
    assert!(!kept.is_cancelled());
    drop(running);
    assert!(kept.is_cancelled());
    kept.cancelled().await;
}

#[test]
fn the_schema_comes_from_types_and_docs() {
    assert_eq!(
        schema(&price::TOOL),
        json!({
            "type": "object",
            "properties": {
                "name": { "type": "string", "description": "Name on the menu." },
                "size": {
                    "type": "string", "enum": ["small", "large"], "default": "small",
                    "description": "How large.\n- `small`: Fits a hand.\n- `large`: Fits a table.",
                },
                "count": { "type": "integer", "minimum": 0, "maximum": 255, "description": "How many." },
                "toppings": {
                    "type": "array", "items": { "type": "string" }, "default": [],
                    "description": "The toppings.",
                },
            },
            "required": ["name"],
            "additionalProperties": false,
        })
    );
    let order = schema(&place_order::TOOL);
    assert_eq!(order["properties"]["note"], json!({ "type": "string" }));
    assert_eq!(order["required"], json!(["guest", "items"]));
    assert_eq!(order["additionalProperties"], json!(false));
    assert_eq!(schema(&nothing::TOOL), Value::Null);
    assert_eq!(price::TOOL.description(), "Price of a pizza.\n\n- in cents");
    assert!(price::TOOL.is_read_only() && price::TOOL.location().file.ends_with("mod.rs"));
}

#[test]
fn properties_are_written_in_the_order_of_the_parameters() {
    let text = price::TOOL.schema().unwrap().unwrap().get().to_owned();
    let at = |name: &str| text.find(name).unwrap();
    assert!(at("\"name\"") < at("\"size\"") && at("\"size\"") < at("\"count\""), "{text}");
}

#[test]
fn a_selection_is_sorted_and_serialized_for_the_wire() {
    let mut selection = ToolSelection::default();
    selection.add([price::TOOL, nothing::TOOL, nothing::TOOL]);
    let set = selection.resolve(&SelectionContext::of_test(&states())).unwrap();
    assert_eq!(set.iter().map(Tool::name).collect::<Vec<_>>(), ["nothing", "price"]);
    assert!(set.get("price").is_some() && set.get("prices").is_none());
    let wire = serde_json::to_value(&set).unwrap();
    assert_eq!(wire[0], json!({ "name": "nothing", "description": "Does nothing." }));
    assert_eq!(wire[1]["parameters"], schema(&price::TOOL));
    assert_eq!(unknown_tool("prise", &set).text(), "There is no tool `prise`; did you mean `price`?");
}

#[test]
fn linked_tools_are_collected() {
    let mut selection = ToolSelection::default();
    selection.all();
    let set = selection.resolve(&SelectionContext::of_test(&states())).unwrap();
    assert!(set.get("price").is_some() && set.get("place_order").is_some());
}

#[test]
fn missing_states_are_reported_with_every_tool_that_needs_them() {
    let mut selection = ToolSelection::default();
    selection.add([price::TOOL, passing::TOOL]);
    let message =
        selection.resolve(&SelectionContext::of_test(&StateMap::default())).unwrap_err().to_string();
    assert!(message.contains("tests::Prices` is needed by\n    `passing` at "), "{message}");
    assert!(message.contains("\n    `price` at "), "{message}");
}

#[test]
fn two_tools_of_one_name_are_rejected() {
    let mut selection = ToolSelection::default();
    // Without the attribute, which would register the tools for all tests of this binary.
    static TWINS: [ToolDef; 2] = [
        ToolDef { name: "twin", location: Location::new("a", "a.rs", 1), ..ToolDef::BASE },
        ToolDef { name: "twin", location: Location::new("b", "b.rs", 2), ..ToolDef::BASE },
    ];
    selection.add(TWINS.iter().map(Tool::new));
    let message =
        selection.resolve(&SelectionContext::of_test(&StateMap::default())).unwrap_err().to_string();
    assert!(message.ends_with("\n  `twin`: at a.rs:1 (in `a`) and at b.rs:2 (in `b`)"), "{message}");
}

#[tokio::test]
async fn the_function_can_be_called_directly() {
    nothing().await;
    assert_eq!(stays(1).await, 2);
    assert_eq!(
        place_order(Order {
            guest: "Ada".into(),
            items: vec![Item { name: "x".into(), count: 1 }],
            note: None
        })
        .await,
        "Ada gets 1 x"
    );
}

#[tokio::test]
async fn the_context_reaches_the_session() {
    let host = Arc::new(Host::default());
    let context = ToolContext::new(
        nothing::TOOL,
        Invocation { host: Arc::clone(&host) as _, ..invocation(&json!({})) },
    );
    context.progress(0.25, "a quarter");
    context.log("hello");
    assert_eq!(*host.0.lock().unwrap(), ["c1 nothing Some(0.25) a quarter", "info hello"]);
    let answer: (String, Value) = context.call("session.name.get", json!({})).await.unwrap();
    assert_eq!(answer, ("session.name.get".into(), json!({})));
    assert!(context.ask_user("sure?", ["yes", "no"]).await.is_err());
    assert_eq!(context.state::<Prices>().map(|prices| prices.base), Some(10));
}

/// Rules.
#[crate::tool(
    group = "trips", tags("a", "b"), title = "Trip", terminal, defer = never, meta("x.y:z" = 1), skip_permission,
    docs = allow
)]
#[allow(clippy::too_many_arguments)]
async fn trip(
    #[arg(min = 1, max = 14, default = 3)] days: u8,
    #[arg(min_len = 2, max_len = 5, example = "Oslo")] city: &str,
    #[arg(pattern = "^[A-Z]{2}-[0-9]+$", name = "ref")] reference: Option<&str>,
    #[arg(one_of = ["a", "b"])] class: Option<String>,
    #[arg(max_len = 2, default)] stops: Vec<String>,
    #[arg(flatten)] guest: Guest,
    #[arg(nest)] item: Option<Item>,
) -> String {
    let item = item.map(|item| (item.name, item.count));
    format!("{days} {city} {reference:?} {class:?} {stops:?} {} {item:?}", guest.guest)
}

#[derive(Deserialize, JsonSchema)]
struct Guest {
    /// The traveller.
    guest: String,
}

/// Strict.
#[crate::tool(coerce = off, docs = allow)]
async fn strict(n: u8) -> u8 {
    n
}

#[tokio::test]
async fn rules_are_in_the_schema_and_checked_before_the_call() {
    let schema = schema(&trip::TOOL);
    assert_eq!(
        schema["properties"]["days"],
        json!({ "type": "integer", "minimum": 1, "maximum": 14, "default": 3 })
    );
    assert_eq!(
        schema["properties"]["city"],
        json!({ "type": "string", "minLength": 2, "maxLength": 5, "examples": ["Oslo"] })
    );
    assert_eq!(schema["properties"]["class"], json!({ "type": "string", "enum": ["a", "b"] }));
    assert_eq!(schema["properties"]["guest"], json!({ "type": "string", "description": "The traveller." }));
    assert_eq!(schema["required"], json!(["city", "guest"]));
    assert_eq!(
        call(&trip::TOOL, json!({ "city": "Oslo", "guest": "Ada", "ref": "NO-1", "days": "5" })).await,
        r#"success: 5 Oslo Some("NO-1") None [] Ada None"#
    );
    let wrong = json!({
        "days": 15, "city": "Trondheim", "ref": "x", "class": "c", "stops": [true, [], 3], "item": { "name": "x" },
    });
    assert_eq!(
        call(&trip::TOOL, wrong).await,
        "failure: The arguments of `trip` do not fit. Nothing was done; correct them and call again:\n\
         - `city`: expected a string of 2 to 5 characters, got \"Trondheim\"\n\
         - `class`: expected \"a\" or \"b\", got \"c\"\n\
         - `days`: expected an integer from 1 to 14, got 15\n\
         - `item.count` is missing: expected an integer from 0 to 255\n\
         - `ref`: expected a string that matches `^[A-Z]{2}-[0-9]+$`, got \"x\"\n\
         - `stops`: expected an array of at most 2 items, got 3 items\n\
         - `stops[0]`: expected a string, got true\n\
         - `stops[1]`: expected a string, got []\n\
         - `guest` is missing: expected a string. The traveller."
    );
    assert_eq!(call(&strict::TOOL, json!({ "n": 3 })).await, "success: 3");
    assert!(call(&strict::TOOL, json!({ "n": "3" })).await.ends_with("got \"3\""));
}

#[test]
fn options_reach_the_wire() {
    let mut selection = ToolSelection::default();
    selection.add([trip::TOOL]);
    let mut wire =
        serde_json::to_value(selection.resolve(&SelectionContext::of_test(&states())).unwrap()).unwrap();
    wire[0].as_object_mut().unwrap().remove("parameters");
    assert_eq!(
        wire,
        json!([{
            "name": "trip", "description": "Rules.", "skipPermission": true, "isTerminal": true, "defer": "never",
            "metadata": { "x.y:z": 1 }, "namespace": { "name": "trips" },
        }])
    );
    assert_eq!((trip::TOOL.title(), trip::TOOL.tags().collect::<Vec<_>>()), (Some("Trip"), vec!["a", "b"]));
}

#[test]
fn rules_that_do_not_apply_to_the_type_are_rejected() {
    fn never(_: &SelectionContext<'_>) -> bool {
        false
    }

    // The compiler checks the types of `std` only.
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    struct Name(String);

    /// Wrong.
    #[crate::tool(enabled = never, docs = allow)]
    async fn wrong(#[arg(min = 1)] name: Name) {
        drop(name.0);
    }

    let message = wrong::TOOL.schema().unwrap_err().to_string();
    assert!(
        message.ends_with("`min` of argument `name` applies to numbers, but the argument is text"),
        "{message}"
    );
}

#[tokio::test]
async fn errors_are_visible_if_the_tool_enables_it() {
    /// Fails.
    #[crate::tool(errors = visible)]
    async fn open() -> Result<u8, std::num::ParseIntError> {
        "x".parse()
    }

    assert_eq!(call(&open::TOOL, json!({})).await, "failure: invalid digit found in string");
}
