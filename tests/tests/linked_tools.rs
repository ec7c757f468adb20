//! Tools as a user of the crate tests them: called without a process, checked together, kept in a snapshot.
//!
//! A separate binary: the checks and the snapshot read all tools that are linked into the program.

#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::time::Duration;

use copilot::testing::{assert_tools_snapshot, call, context};
use copilot::{Json, State, ToolContext, ToolError, toolset};
use serde_json::json;

struct Kitchen {
    portions: u32,
}

/// Cook a dish.
///
/// # Arguments
///
/// * `dish` - Name of the dish.
#[copilot::tool(timeout = "1m")]
async fn cook(
    dish: &str,
    /// For how many.
    #[arg(min = 1, max = 8, default = 2)]
    guests: u32,
    kitchen: State<Kitchen>,
    cx: &ToolContext,
) -> Result<Json<Vec<String>>, ToolError> {
    if kitchen.portions < guests {
        let answer =
            cx.ask_user(format!("only {} portions, continue?", kitchen.portions), ["yes", "no"]).await;
        if answer.as_deref().unwrap_or("no") != "yes" {
            return Err(ToolError::tell("there is not enough"));
        }
    }
    cx.progress(0.5, "it simmers");
    cx.log("salt added");
    if dish == "stew" {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }
    Ok(Json(vec![dish.to_owned(); guests as usize]))
}

/// Wash up.
#[copilot::tool(inline)]
fn wash(cx: &ToolContext) -> String {
    format!("{} by {}", cx.tool(), cx.agent_id().unwrap_or("unknown"))
}

copilot::test_tools!();

#[tokio::test]
async fn a_tool_is_called_with_state_and_answers() {
    let called = call(cook::TOOL, json!({ "dish": "soup" })).state(Kitchen { portions: 4 }).await;
    assert_eq!(called.text(), r#"["soup","soup"]"#);
    assert_eq!(called.progress, [(Some(0.5), "it simmers".to_owned())]);
    assert_eq!(called.log, ["salt added"]);

    let short = || call(cook::TOOL, json!({ "dish": "soup", "guests": "3" })).state(Kitchen { portions: 1 });
    assert_eq!(short().await.text(), "there is not enough");
    assert!(short().answer("yes").await.is_success());
    assert_eq!(call(wash::TOOL, json!({})).agent_id("a1").await.text(), "wash by a1");
    assert_eq!(wash(&context()), "test by unknown");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_needs_no_real_time() {
    let late = call(cook::TOOL, json!({ "dish": "stew" })).state(Kitchen { portions: 4 }).await;
    assert_eq!(late.text(), "`cook` did not finish within 60 s and was stopped.");
}

#[tokio::test]
async fn a_test_sees_the_error_that_the_model_does_not() {
    let fridge = || copilot::DynTool::new("fridge", "Open the fridge.");
    let dark = fridge().run(|_, _| async { Err::<String, _>(std::io::Error::other("the light is broken")) });
    let called = call(dark, json!({})).await;
    assert!(!called.is_success() && !called.text().contains("light"), "{}", called.text());
    assert_eq!(called.error().unwrap().to_string(), "the light is broken");
    let broken = fridge().run(|_, _| async { panic!("the door fell off") as String });
    let panicked = call(broken, json!({})).await;
    assert!(panicked.error().unwrap().to_string().contains("the door fell off"));
    assert!(call(wash::TOOL, json!({})).await.error().is_none());
}

#[tokio::test]
async fn a_missing_state_panics_with_the_error_of_a_session_start() {
    let refused = copilot::Session::builder().with_tools([cook::TOOL]).start().await.unwrap_err();
    let called = tokio::task::spawn(async { call(cook::TOOL, json!({"dish": "soup"})).await });
    let panic = called.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), &refused.to_string());
    assert!(refused.to_string().contains("Kitchen"), "{refused}");
}

#[test]
fn the_surface_is_kept_in_review() {
    assert_tools_snapshot("tests/tools.snapshot.json");
}

#[test]
fn a_toolset_is_written_by_function() {
    assert_eq!(toolset![cook, wash].map(|tool| tool.name().to_owned()), ["cook", "wash"]);
}

#[tokio::test]
async fn a_crate_that_no_line_names_is_missed() {
    let builder = copilot::Session::builder().with_all_tools().expect_tools_from(["copilot-unlinked"]);
    let error = builder.start().await.unwrap_err().to_string();
    assert!(error.ends_with("`copilot::link!(copilot_unlinked);`"), "{error}");
}

copilot::fuzz_tools!(copilot::testing::fuzz_tools().state(Kitchen { portions: 4 }));
