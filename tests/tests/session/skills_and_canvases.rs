//! Skills and canvases of the program.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::{Arc, Mutex};

use copilot::canvas::{Canvas, CanvasError, CanvasView};
use copilot::permissions::PermissionKind;
use copilot::skills::Skill;
use copilot::testing::{FakeCli, Script};
use copilot::unstable::Unstable;
use copilot::{Event, EventKind, EventStream, Permissions};
use copilot_tests::events::failed_handlers;
use copilot_tests::real::Real;
use serde_json::{Value, json};

#[tokio::test]
async fn the_agent_learns_a_skill_that_the_program_offers() {
    let script = Script::new()
        .expect("the skills in the prompt", |request| {
            request.raw().to_string().contains("How to greet people.")
        })
        .call("skill", json!({"skill": "greet"}))
        .expect("the skill's text", |request| {
            request.raw().to_string().contains("Say SALUTATIONS to everybody.")
        })
        .call("skill", json!({"skill": "broken"}))
        .expect("no text", |request| !request.raw().to_string().contains("never shown"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let broken = || async { Err::<String, _>("never shown: the disk is gone") };
    let session = real
        .session()
        .skill(Skill::new("greet", "How to greet people.", "Say SALUTATIONS to everybody."))
        .skill(Skill::read_by("broken", "How to break things.", broken))
        .start()
        .await
        .unwrap();
    let mut events = session.events();
    assert_eq!(session.ask("Greet me.").await.unwrap().text(), "Done.");
    let skills = session.skills().list().await.unwrap();
    assert!(skills.iter().any(|skill| skill.name == "greet" && skill.description == "How to greet people."));
    session.close().await.unwrap();
    assert_eq!(failed_handlers(&mut events).await, ["skill"]);
    real.finish().await;
}

fn board(closed: Arc<Mutex<Vec<String>>>) -> Canvas {
    Canvas::new("board", "Board", "A board to draw on.")
        .input_schema(json!({"type": "object"}))
        .on_open(|board| async move {
            match board.input_as::<Value>()?["size"].as_i64() {
                Some(..0) => Err("there is no such board".into()),
                _ => Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                    CanvasView::new().url("http://127.0.0.1:1/x").title(board.instance_id).status("ready"),
                ),
            }
        })
        .on_close(move |instance| {
            closed.lock().unwrap().push(instance);
            async {}
        })
        .action("draw", "Draws a shape.", |call| async move {
            match call.input["shape"].as_str() {
                Some(shape) => Ok(json!({"drawn": shape})),
                None => Err(CanvasError::new("no_shape", "a shape is missing")),
            }
        })
        .action_schema(json!({"type": "object"}))
        .action("tear", "Tears it.", |_| async { Err::<Value, _>("a secret of the program") })
}

#[tokio::test]
async fn the_agent_opens_a_canvas_and_acts_on_it() {
    let act = |action: &str, input: Value| json!({"instanceId": "one", "actionName": action, "input": input});
    let script = Script::new()
        .call("open_canvas", json!({"canvasId": "board", "instanceId": "one", "input": {"size": 3}}))
        .expect_tool_result("open_canvas", |text| text.contains("http://127.0.0.1:1/x"))
        .call("invoke_canvas_action", act("draw", json!({"shape": "circle"})))
        .expect_tool_result("invoke_canvas_action", |text| text.contains("circle"))
        .call("invoke_canvas_action", act("draw", json!({})))
        .expect_tool_result("invoke_canvas_action", |text| text.contains("a shape is missing"))
        .call("invoke_canvas_action", act("tear", json!({})))
        .expect_tool_result("invoke_canvas_action", |text| !text.contains("secret"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let closed = Arc::default();
    let session = real
        .session()
        .permissions(Permissions::default().allow(PermissionKind::CustomTool))
        .canvas(board(Arc::clone(&closed)))
        .unstable(Unstable::new().canvas_provider("my-app", "My App"))
        .start()
        .await
        .unwrap();
    let events = session.events();
    assert_eq!(session.ask("Draw a circle.").await.unwrap().text(), "Done.");
    let canvases = session.canvases();
    let offered = canvases.list().await.unwrap();
    assert_eq!((offered[0].canvas_id.as_str(), offered[0].actions.len()), ("board", 2));
    let two = canvases.open("board", "two", json!({})).await.unwrap();
    assert_eq!((two.title.as_deref(), two.extension_id.as_str()), (Some("two"), "my-app"));
    assert_eq!(
        canvases.invoke("two", "draw", json!({"shape": "dot"})).await.unwrap(),
        json!({"drawn": "dot"})
    );
    let refused = canvases.invoke("two", "draw", json!({})).await.unwrap_err();
    assert!(refused.to_string().contains("a shape is missing"), "{refused}");
    canvases.open("board", "three", json!({"size": -1})).await.unwrap_err();
    canvases.close("one").await.unwrap();
    let open: Vec<_> = canvases.list_open().await.unwrap().into_iter().map(|open| open.instance_id).collect();
    assert_eq!(open, ["two"]);
    assert_eq!(*closed.lock().unwrap(), ["one"]);
    session.close().await.unwrap();
    let kinds = events_until_the_end(events).await;
    let opened = kinds.iter().filter(|event| matches!(event.kind(), EventKind::CanvasOpened(_))).count();
    let gone = kinds.iter().filter(|event| matches!(event.kind(), EventKind::CanvasClosed(_))).count();
    assert_eq!((opened, gone), (2, 1));
    real.finish().await;
}

async fn events_until_the_end(mut events: EventStream) -> Vec<Event> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event);
    }
    all
}

#[tokio::test]
async fn canvases_that_are_unknown_and_handlers_that_fail_have_codes() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().canvas(board(Arc::default())).start().await.unwrap();
    let created = &cli.requests("session.create")[0];
    assert_eq!(created["requestCanvasRenderer"], true);
    assert_eq!(created["canvases"][0]["actions"][0]["inputSchema"], json!({"type": "object"}));
    let mut events = session.events();
    for (id, method, canvas, action, code) in [
        (500, "canvas.open", "easel", "", "canvas_handler_unset"),
        (501, "canvas.close", "easel", "", "canvas_handler_unset"),
        (502, "canvas.action.invoke", "easel", "draw", "canvas_handler_unset"),
        (503, "canvas.action.invoke", "board", "paint", "canvas_action_no_handler"),
        (504, "canvas.action.invoke", "board", "tear", "canvas_handler_error"),
        (505, "canvas.action.invoke", "board", "draw", "no_shape"),
    ] {
        let params = json!({"sessionId": session.id(), "extensionId": "e", "canvasId": canvas, "instanceId": "i",
                            "actionName": action});
        cli.frame(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string());
        let error = loop {
            if let Some(answer) = cli.received().into_iter().find(|message| message["id"] == id) {
                break answer["error"].clone();
            }
            client.ping("").await.unwrap();
        };
        assert_eq!((&error["code"], &error["data"]["code"]), (&json!(-32603), &json!(code)), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
    session.close().await.unwrap();
    assert_eq!(failed_handlers(&mut events).await, ["action"]);
}

#[tokio::test]
async fn an_offer_without_a_handler_is_not_sent() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let created = &cli.requests("session.create")[0];
    for offer in ["hasSkillProvider", "canvases", "canvasProvider", "requestCanvasRenderer"] {
        assert!(created.get(offer).is_none(), "{offer} is offered: {created}");
    }
    let id = json!({"sessionId": session.id()});
    assert_eq!(cli.request("skillProvider.list", id.clone()).await.unwrap(), json!({"skills": []}));
    let read = json!({"sessionId": session.id(), "name": "any"});
    assert_eq!(cli.request("skillProvider.read", read).await.unwrap(), json!({"markdown": null}));
}

#[tokio::test]
async fn offers_that_do_not_fit_are_refused_before_anything_is_started() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let skill = client.session().skill(Skill::new("no good", "x", "x")).start().await.unwrap_err();
    assert!(skill.to_string().contains("\"no good\""), "{skill}");
    let canvas = || Canvas::new("board", "Board", "A board.");
    let twice = client.session().canvas(canvas()).canvas(canvas()).start().await.unwrap_err();
    assert!(twice.to_string().contains("`board` is offered twice"), "{twice}");
    assert!(cli.requests("session.create").is_empty());
}
