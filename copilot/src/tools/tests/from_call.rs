//! Tests of parameters whose values futures make from the context of the call.

use std::sync::atomic::{AtomicU32, Ordering};

use tokio::time::sleep;

use super::*;
use crate::tools::FromCallAsync;

/// The users of a test, and a count of the rows that were loaded.
#[derive(Default)]
pub(super) struct Users {
    names: Vec<&'static str>,
    loads: AtomicU32,
    dropped: AtomicU32,
    running: AtomicU32,
}

/// The row of a user.
struct Row(&'static str);

struct CountDrop(State<Users>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

impl FromCallAsync for Row {
    async fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
        let users = cx.state::<Users>().ok_or_else(|| ToolError::tell("no users"))?;
        let _dropped = CountDrop(users.clone());
        let load = users.loads.fetch_add(1, Ordering::Relaxed);
        assert_eq!(users.running.fetch_add(1, Ordering::Relaxed), 0, "one load at a time");
        sleep(Duration::from_millis(10)).await;
        users.running.fetch_sub(1, Ordering::Relaxed);
        match cx.agent_id() {
            Some("refused") => Err(ToolError::refused("agents may not")),
            Some("hidden") => Err("x".parse::<u8>().unwrap_err().into()),
            Some("late") => std::future::pending().await,
            Some("panics") => panic!("no row"),
            Some("busy") if load < 2 => Err(ToolError::retry("busy")),
            _ => Ok(Self(users.names[load as usize % users.names.len()])),
        }
    }

    fn needs(needs: &mut Needs) {
        needs.state::<Users>();
    }
}

/// A number that may be called `n`.
#[derive(Deserialize, JsonSchema)]
struct Numbered {
    #[serde(alias = "n")]
    number: u8,
}

/// Take all kinds of parameters.
#[crate::tool(docs = allow)]
async fn all(
    count: u8,
    row: Row,
    name: &str,
    by_ref: &Row,
    prices: State<Prices>,
    cx: &ToolContext,
) -> String {
    format!("{count} {} {name} {} {} {}", row.0, by_ref.0, prices.base, cx.tool())
}

/// Run on the pool.
#[crate::tool(docs = allow)]
fn blocking(row: Row, number: Numbered) -> String {
    format!("{} {}", row.0, number.number)
}

/// Run on the pool, one call at a time. Only one test calls it, because the permit is one for all tests, and the paused
/// clock of a test that waits for it would pass its timeout.
#[crate::tool(docs = allow, concurrency = 1)]
fn blocking_one(row: Row, number: Numbered) -> String {
    format!("{} {}", row.0, number.number)
}

/// Run inline.
#[crate::tool(inline)]
fn inline(row: &Row) -> String {
    row.0.to_owned()
}

/// Run on one thread.
#[crate::tool(local)]
async fn local(row: Row) -> String {
    tokio::task::spawn_local(async move { row.0.to_owned() }).await.unwrap()
}

/// Be repeated.
#[crate::tool(retries = 2, read_only, timeout = "1s")]
async fn repeated(row: Row) -> &'static str {
    row.0
}

fn users() -> Arc<Users> {
    Arc::new(Users { names: vec!["Ada", "Bob"], ..Users::default() })
}

fn call_of(users: &Arc<Users>, agent: Option<&str>, arguments: &Value) -> Invocation {
    let mut states = states();
    states.insert_shared(Arc::clone(users));
    Invocation { states: Arc::new(states), agent_id: agent.map(Into::into), ..invocation(arguments) }
}

async fn text(tool: &Tool, users: &Arc<Users>, arguments: Value) -> String {
    tool.invoke(call_of(users, None, &arguments), None).await.text().to_owned()
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_function_takes_values_that_futures_make() {
    let users = users();
    let arguments = json!({ "count": 3, "name": "x" });
    assert_eq!(text(&all::TOOL, &users, arguments).await, "3 Ada x Bob 10 all");
    assert_eq!(text(&blocking::TOOL, &users, json!({ "number": 7 })).await, "Ada 7");
    assert_eq!(text(&inline::TOOL, &users, json!({})).await, "Bob");
    assert_eq!(text(&local::TOOL, &users, json!({})).await, "Ada");
    assert_eq!(schema(&all::TOOL)["properties"].as_object().unwrap().len(), 2);
    assert_eq!(schema(&inline::TOOL), Value::Null);
}

#[tokio::test(start_paused = true)]
async fn arguments_are_checked_first_and_corrected_once() {
    let users = users();
    let wrong = text(&all::TOOL, &users, json!({ "count": "many", "name": "x" })).await;
    assert!(wrong.contains("`count`"), "{wrong}");
    assert_eq!(users.loads.load(Ordering::Relaxed), 0);
    let corrected = text(&all::TOOL, &users, json!({ "count": "3", "name": 5 })).await;
    assert_eq!(corrected, "3 Ada 5 Bob 10 all");
    assert_eq!(
        text(&blocking::TOOL, &users, json!({ "n": 8 })).await,
        "Ada 8",
        "a name that only the type accepts"
    );
    assert_eq!(users.loads.load(Ordering::Relaxed), 3);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_result_and_the_function_does_not_run() {
    let users = users();
    let result = async |agent| inline::TOOL.invoke(call_of(&users, Some(agent), &json!({})), None).await;
    assert_eq!(result("refused").await, ToolResult::denied("agents may not"));
    for agent in ["hidden", "panics"] {
        let hidden = result(agent).await;
        assert!(hidden.text().starts_with("`inline` failed for an internal reason"), "{}", hidden.text());
        users.running.store(0, Ordering::Relaxed);
    }
    let (_, error) = inline::TOOL.invoke_explained(call_of(&users, Some("panics"), &json!({}))).await;
    assert_eq!(error.unwrap().to_string(), "panicked: no row");
}

#[tokio::test(start_paused = true)]
async fn a_transient_failure_repeats_the_extraction() {
    let users = users();
    let result = repeated::TOOL.invoke(call_of(&users, Some("busy"), &json!({})), None).await;
    assert_eq!((result.text(), users.loads.load(Ordering::Relaxed)), ("Ada", 3));
}

#[tokio::test(start_paused = true)]
async fn a_timeout_a_cancellation_and_a_drop_end_the_extraction() {
    let users = users();
    let late = || repeated::TOOL.invoke(call_of(&users, Some("late"), &json!({})), None);
    let dropped = || users.dropped.load(Ordering::Relaxed);
    assert_eq!(late().await.text(), "`repeated` did not finish within 1 s and was stopped.");
    assert_eq!(dropped(), 1);

    let call = call_of(&users, Some("late"), &json!({}));
    let cancel = call.cancel.clone();
    let mut running = crate::task::spawn(repeated::TOOL.invoke(call, None));
    sleep(Duration::from_millis(50)).await;
    assert_eq!((users.loads.load(Ordering::Relaxed), dropped()), (2, 1));
    cancel.cancel();
    assert_eq!(running.join().await.unwrap().text(), "`repeated` was cancelled.");
    assert_eq!(dropped(), 2);

    assert!(tokio::time::timeout(Duration::from_millis(50), late()).await.is_err());
    assert_eq!(dropped(), 3);
}

#[tokio::test(start_paused = true)]
async fn values_are_made_with_the_permit_of_the_call() {
    let users = users();
    // `from_call` panics where two run.
    let calls = [1, 2, 3].map(|n| {
        crate::task::spawn(blocking_one::TOOL.invoke(call_of(&users, None, &json!({ "n": n })), None))
    });
    let mut texts = Vec::new();
    for mut call in calls {
        texts.push(call.join().await.unwrap().text().to_owned());
    }
    assert_eq!(texts, ["Ada 1", "Bob 2", "Ada 3"]);
}

#[tokio::test(start_paused = true)]
async fn needed_states_are_checked_and_built() {
    let mut selection = ToolSelection::default();
    selection.add([inline::TOOL]);
    let missing =
        selection.resolve(&SelectionContext::of_test(&StateMap::default())).unwrap_err().to_string();
    assert!(missing.contains("Users` is needed by"), "{missing}");

    let mut states = StateMap::default();
    states.insert_lazy(|| Users { names: vec!["Eve"], ..Users::default() });
    let call = Invocation { states: Arc::new(states), ..invocation(&json!({})) };
    assert_eq!(inline::TOOL.invoke(call, None).await.text(), "Eve");
}
