//! The function of `needs_approval` judges the values that the call runs with.

use std::cell::RefCell;
use std::fmt::Debug;

use super::arguments::call_text;
use super::*;

thread_local! {
    /// The arguments that the function of `needs_approval` has read.
    static JUDGED: RefCell<Option<String>> = const { RefCell::new(None) };
}

fn judge<T: Debug>(arguments: &T) -> bool {
    JUDGED.set(Some(format!("{arguments:?}")));
    true
}

/// Takes what was judged, and runs the call.
async fn judged_and_run(tool: &Tool, arguments: &str) -> (Option<String>, String) {
    JUDGED.set(None);
    assert!(tool.needs_approval(&serde_json::from_str(arguments).unwrap()), "{arguments}");
    (JUDGED.take(), call_text(tool, arguments).await)
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct Filter {
    older_than_days: u32,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct Purge {
    bucket: String,
    #[serde(flatten)]
    filter: Option<Filter>,
}

/// Purge a bucket.
#[crate::tool(docs = allow, needs_approval = judge::<Purge>)]
async fn purge(purge: Purge) -> String {
    format!("{purge:?}")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Draft,
    #[serde(other)]
    Everything,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct Removal {
    scope: Scope,
}

/// Remove documents.
#[crate::tool(docs = allow, needs_approval = judge::<Removal>)]
async fn remove(removal: Removal) -> String {
    format!("{removal:?}")
}

/// Remove documents, some of them.
#[crate::tool(docs = allow, needs_approval = |scope| judge(&scope))]
async fn remove_some(scope: Scope, most: u8) -> String {
    let _ = most;
    format!("{scope:?}")
}

#[derive(Debug, Deserialize, JsonSchema)]
#[expect(dead_code, reason = "printed")]
struct Patch {
    n: u8,
    #[serde(default, deserialize_with = "present")]
    due: Option<Option<u8>>,
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Option<u8>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// Change a task.
#[crate::tool(docs = allow, needs_approval = judge::<Patch>)]
async fn patch(patch: Patch) -> String {
    format!("{patch:?}")
}

fn typed<T: Debug + serde::de::DeserializeOwned + JsonSchema + Send + 'static>() -> Tool {
    DynTool::new("typed", "Typed.")
        .needs_approval(judge::<T>)
        .typed(|arguments: T, _| async move { format!("{arguments:?}") })
}

#[tokio::test]
async fn the_function_and_the_tool_see_the_same_values() {
    for (tools, arguments, seen) in [
        (
            [purge::TOOL, typed::<Purge>()],
            r#"{"bucket":"b","older_than_days":"30"}"#,
            r#"Purge { bucket: "b", filter: Some(Filter { older_than_days: 30 }) }"#,
        ),
        (
            [purge::TOOL, typed::<Purge>()],
            r#"{"bucket":"b","older_than_days":30,"older_than_days":31}"#,
            r#"Purge { bucket: "b", filter: Some(Filter { older_than_days: 31 }) }"#,
        ),
        ([remove::TOOL, typed::<Removal>()], r#"{"scope":"Draft"}"#, "Removal { scope: Draft }"),
        ([patch::TOOL, typed::<Patch>()], r#"{"n":1,"due":null}"#, "Patch { n: 1, due: Some(None) }"),
        ([patch::TOOL, typed::<Patch>()], r#"{"n":"1","due":null}"#, "Patch { n: 1, due: Some(None) }"),
        ([patch::TOOL, typed::<Patch>()], r#"{"n":"1"}"#, "Patch { n: 1, due: None }"),
    ] {
        for tool in tools {
            let (judged, ran) = judged_and_run(&tool, arguments).await;
            assert_eq!(judged.as_deref(), Some(seen), "{} {arguments}", tool.name());
            assert_eq!(ran, format!("success: {seen}"), "{} {arguments}", tool.name());
        }
    }
    // A function of some arguments sees those of the call too, although others make the call correct them.
    for arguments in [r#"{"scope":"Draft","most":1}"#, r#"{"scope":"Draft","most":"1"}"#] {
        let (judged, ran) = judged_and_run(&remove_some::TOOL, arguments).await;
        assert_eq!((judged.as_deref(), &*ran), (Some("Draft"), "success: Draft"), "{arguments}");
    }
}
