//! The model of the real CLI receives each form and type of a tool's result; the names that the CLI has
//! built-in tools for.

use copilot::models::ModelOptions;
use copilot::providers::{ModelLimits, ModelOverrides, ModelSupports, VisionLimits};
use copilot::testing::Script;
use copilot::tools::{Audio, Resource};
use copilot::{Content, DynTool, Image, Json, Tool, ToolError, ToolResult, toolset};
use copilot_tests::real::Real;
use serde_json::{Value, json};

/// A PNG of one pixel.
const PIXEL: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, 0x49, 0x48, 0x44, 0x52, 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, 0x49, 0x44, 0x41, 0x54, 0x78, 0xda, 0x63,
    0x64, 0xf8, 0xcf, 0x50, 0x0f, 0, 3, 0x86, 1, 0x80, 0x5a, 0x34, 0x7d, 0x6b, 0, 0, 0, 0, 0x49, 0x45, 0x4e,
    0x44, 0xae, 0x42, 0x60, 0x82,
];

/// Return nothing.
#[copilot::tool]
async fn unit() {}

/// Return text.
#[copilot::tool]
async fn text() -> &'static str {
    "plain text"
}

/// Return a number.
#[copilot::tool]
async fn number() -> f64 {
    1.5
}

/// Return JSON.
#[copilot::tool]
async fn structured() -> Json<Value> {
    Json(json!({ "a": [1, null] }))
}

/// Return nothing found.
#[copilot::tool]
async fn absent() -> Option<u8> {
    None
}

/// Return a picture.
#[copilot::tool]
async fn picture() -> Image {
    Image::png(PIXEL).description("a pixel")
}

/// Return a mixture.
#[copilot::tool]
async fn mixture() -> Vec<Content> {
    vec![
        "before".into(),
        Image::png(PIXEL).into(),
        Resource::text("note:///1", "a note").into(),
        Audio::wav(b"RIFF").into(),
        "after".into(),
    ]
}

/// Be denied.
#[copilot::tool]
async fn denied() -> Result<(), ToolError> {
    Err(ToolError::refused("not on Mondays"))
}

/// Take too long.
#[copilot::tool(timeout = "20ms")]
async fn late() {
    std::future::pending::<()>().await;
}

/// Return much.
#[copilot::tool(max_output = 60)]
async fn long() -> String {
    "x".repeat(1000)
}

/// Return the result of an MCP tool.
#[copilot::tool]
async fn from_mcp() -> copilot::Result<ToolResult> {
    ToolResult::from_mcp(json!({
        "content": [
            { "type": "text", "text": "first" },
            { "type": "image", "data": "", "mimeType": "image/png" },
            { "type": "resource_link", "uri": "file:///r", "name": "report" },
            { "type": "resource", "resource": { "uri": "note:///1", "text": "a note" } },
        ],
        "structuredContent": { "n": 1 },
        "isError": true,
    }))
}

/// End the turn.
#[copilot::tool(terminal)]
async fn goodbye() -> &'static str {
    "bye"
}

/// Reject.
#[copilot::tool]
async fn reject() -> ToolResult {
    ToolResult::rejected("stop here")
}

async fn run_with(tools: impl IntoIterator<Item = Tool>, script: Script) -> Real {
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools(tools).start().await.expect("the session starts");
    session.ask("Go.").await.expect("the turn ends");
    session.close().await.expect("the session closes");
    real
}

#[tokio::test(flavor = "multi_thread")]
async fn each_form_reaches_the_model_as_text() {
    let mut script = Script::new();
    let expected = [
        ("unit", "Done."),
        ("text", "plain text"),
        ("number", "1.5"),
        ("structured", r#"{"a":[1,null]}"#),
        ("absent", "Nothing was found."),
        ("denied", "not on Mondays"),
        ("late", "`late` did not finish within 0.02 s and was stopped."),
        ("long", "bytes left out here"),
        ("from_mcp", "first\nreport: file:///r\nnote:///1\na note"),
        ("echo", "3"),
    ];
    for (name, text) in expected {
        let arguments = if name == "echo" { json!({ "n": 3 }) } else { json!({}) };
        script =
            script.call(name, arguments).expect_tool_result(name, move |reported| reported.contains(text));
    }
    let echo = DynTool::new("echo", "Say it again.")
        .schema(json!({ "type": "object", "properties": { "n": { "type": "integer" } }, "required": ["n"] }))
        .unwrap()
        .run(|arguments, _cx| async move { arguments["n"].to_string() });
    let mut tools = Vec::from(toolset![unit, text, number, structured, absent, denied, late, long, from_mcp]);
    tools.push(echo);
    run_with(tools, script.say("Done.")).await.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_cannot_see_reads_what_there_was() {
    // The CLI keeps pictures from a model that it does not know to see; such a model reads what they are.
    let script = Script::new()
        .call("picture", json!({}))
        .expect_tool_result("picture", |text| text == "[image/png: a pixel]")
        .call("mixture", json!({}))
        .expect_tool_result("mixture", |text| text == "before\nnote:///1\na note\nafter")
        .say("Seen.");
    let real = run_with(toolset![picture, mixture], script).await;
    real.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_tool_and_a_rejection_end_the_turn() {
    for (tool, name) in [(goodbye::TOOL, "goodbye"), (reject::TOOL, "reject")] {
        let real = run_with([tool], Script::new().call(name, json!({}))).await;
        assert_eq!(real.model.requests().len(), 1, "{name}");
        real.finish().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_macro_knows_the_names_of_the_own_tools_of_the_cli() {
    let known: Vec<&str> = copilot::__private::builtin_tools!().to_vec();
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let answer: Value = session.call("session.tools.getBuiltinDescriptors", json!({})).await.unwrap();
    let names: Vec<&str> =
        answer["tools"].as_array().unwrap().iter().filter_map(|tool| tool["name"].as_str()).collect();
    let unknown: Vec<&&str> = names.iter().filter(|name| !known.contains(name)).collect();
    assert!(!names.is_empty() && unknown.is_empty(), "the macro does not know {unknown:?}");
    session.close().await.unwrap();
    real.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_can_see_is_sent_the_pictures() {
    let script = Script::new().call("picture", json!({})).call("mixture", json!({})).say("Seen.");
    let real = Real::over_stdio(script).await;
    let images = VisionLimits::new()
        .supported_media_types(vec!["image/png".to_owned()])
        .max_prompt_images(5)
        .max_prompt_image_size(1_000_000);
    let vision = ModelOverrides::new()
        .supports(ModelSupports::new().vision(true))
        .limits(ModelLimits::new().vision(images));
    let session = real
        .session()
        .with_tools(toolset![picture, mixture])
        .model_options(ModelOptions::new().capabilities(vision))
        .start()
        .await
        .unwrap();
    session.ask("Look.").await.unwrap();
    session.close().await.unwrap();
    let requests = real.model.requests();
    let sent = requests.last().unwrap().raw()["messages"].to_string();
    assert_eq!(
        sent.matches("data:image/png;base64,iVBORw0KGgo").count(),
        2,
        "{}",
        &sent[sent.len() - 3000..]
    );
    real.finish().await;
}
