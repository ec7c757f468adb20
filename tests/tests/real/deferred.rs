//! Deferred calls and permissions that are decided later, on the real CLI and across clients.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::deferred::{Deferred, Ticket};
use copilot::resume::Resume;
use copilot::testing::{Script, ToolUse, hermetic_client};
use copilot::{Client, Decision, DynTool, EventKind, ToolError};
use copilot_tests::events::{next_event, within};
use copilot_tests::real::Real;
use copilot_tests::tested;
use serde_json::json;

/// Order a part.
#[copilot::tool]
async fn order_part(ticket: Ticket<String>) -> Deferred<String> {
    ticket.defer()
}

/// Scrap parts.
#[copilot::tool(destructive)]
async fn scrap_parts(
    /// The number of parts.
    number: u32,
) -> String {
    format!("scrapped {number}")
}

/// Whether this CLI cannot keep calls open.
fn is_too_old() -> bool {
    let is_too_old = !tested::since([1, 0, 102]);
    if is_too_old {
        tested::not_supported("calls cannot be deferred");
    }
    is_too_old
}

/// Another CLI on the same files.
async fn another(real: &Real) -> Client {
    hermetic_client(real.state.path()).start().await.unwrap()
}

#[tokio::test]
async fn calls_are_settled_by_other_programs_and_the_agent_continues() {
    if is_too_old() {
        return;
    }
    let orders = [ToolUse::new("order_part", json!({})), ToolUse::new("order_part", json!({}))];
    let script = Script::new()
        .calls(orders)
        .expect_tool_result("order_part", |text| text == "R-1" || text.contains("declined"))
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([order_part::TOOL]).start().await.unwrap();
    let reply = within(session.ask("Order two.").return_deferred()).await.unwrap();
    assert!(reply.is_waiting());
    let stored: Vec<String> =
        reply.deferred().iter().map(|ticket| serde_json::to_string(ticket).unwrap()).collect();
    assert_eq!(stored.len(), 2);
    let tickets: Vec<Ticket<String>> =
        stored.iter().map(|text| serde_json::from_str(text).unwrap()).collect();
    session.close().await.unwrap();
    real.client.shutdown().await.unwrap();

    // The agent waits for the other call.
    let second = another(&real).await;
    let settle =
        second.settle(&tickets[0], "R-1".to_owned()).session(|session| session.scripted_model(&real.model));
    let reply = within(settle).await.unwrap();
    assert!(reply.is_waiting() && reply.deferred() == [tickets[1].untyped()], "{reply:?}");
    second.shutdown().await.unwrap();

    let third = another(&real).await;
    let declined: Result<String, _> = Err(ToolError::refused("declined by Ada"));
    let settle = third.settle(&tickets[1], declined).session(|session| session.scripted_model(&real.model));
    assert_eq!(within(settle).await.unwrap().text(), "Done.");
    let again =
        third.settle(&tickets[0], "R-2".to_owned()).session(|session| session.scripted_model(&real.model));
    let error = within(again).await.unwrap_err();
    assert!(error.to_string().contains("it has a result already"), "{error}");
    third.shutdown().await.unwrap();
    real.model.finish().unwrap();
}

#[tokio::test]
async fn an_approval_of_another_program_lets_the_call_run_in_a_third_one() {
    if is_too_old() {
        return;
    }
    let script = Script::new()
        .call("scrap_parts", json!({"number": 3}))
        .expect_tool_result("scrap_parts", |text| text == "scrapped 3")
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([scrap_parts::TOOL]).on_permission(async |_| Decision::Later);
    let session = session.start().await.unwrap();
    let reply = within(session.ask("Scrap three.").return_deferred()).await.unwrap();
    assert!(reply.is_waiting() && reply.deferred().is_empty());
    let id = session.id().clone();
    session.close().await.unwrap();
    real.client.shutdown().await.unwrap();

    let resume = |client: &Client| {
        client
            .resume(id.clone())
            .scripted_model(&real.model)
            .resume_options(Resume::new().continue_pending_work(true))
            .on_permission(async |_| Decision::Later)
    };
    let inbox = another(&real).await;
    // The CLI would give up a call whose tool no client has.
    let without = resume(&inbox).start().await.unwrap();
    let refused = without.pending().await.unwrap().permissions()[0].approve().await.unwrap_err();
    assert!(refused.to_string().contains("does not have the tool `scrap_parts`"), "{refused}");
    without.close().await.unwrap();
    let schema = json!({"type": "object", "properties": {"number": {"type": "integer"}}});
    let declared = DynTool::new("scrap_parts", "Scrap parts.").schema(schema).unwrap().declare();
    let session = resume(&inbox).with_tools([declared]).start().await.unwrap();
    let mut events = session.events();
    let pending = session.pending().await.unwrap();
    let [asked] = pending.permissions() else { panic!("{pending:?}") };
    assert_eq!(
        (asked.request().tool_name(), asked.request().arguments()),
        (Some("scrap_parts"), json!({"number": 3}))
    );
    asked.approve().await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::ExternalToolRequested(_))).await;
    session.close().await.unwrap();
    inbox.shutdown().await.unwrap();

    let third = another(&real).await;
    let session = resume(&third).with_tools([scrap_parts::TOOL]).start().await.unwrap();
    assert_eq!(within(session.current_turn().reply()).await.unwrap().text(), "Done.");
    third.shutdown().await.unwrap();
    real.model.finish().unwrap();
}

#[tokio::test]
async fn a_call_runs_with_the_arguments_that_a_person_has_edited() {
    if is_too_old() {
        return;
    }
    let script = Script::new()
        .call("scrap_parts", json!({"number": 3}))
        .expect_tool_result("scrap_parts", |text| text == "scrapped 1")
        .say("Done.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([scrap_parts::TOOL]).on_permission(async |_| Decision::Later);
    let session = session.start().await.unwrap();
    within(session.ask("Scrap three.").return_deferred()).await.unwrap();
    let turn = session.current_turn();
    session.pending().await.unwrap().permissions()[0].approve_with(json!({"number": 1})).await.unwrap();
    assert_eq!(within(turn.reply()).await.unwrap().text(), "Done.");
    real.finish().await;
}
