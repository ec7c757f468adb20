//! Handlers that panic or fail: each question gets its safe answer, once.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::time::Duration;

use copilot::canvas::{Canvas, CanvasView};
use copilot::elicitation::ElicitationResponse;
use copilot::hooks::{Hooks, PreToolUse};
use copilot::limits::{Limits, LimitsResponse};
use copilot::mcp::{Mcp, McpHeadersResponse, McpLoginResponse, SamplingResponse};
use copilot::models::ModelOptions;
use copilot::modes::{AutoModeSwitchResponse, ExitPlanModeResponse, PlanAction};
use copilot::skills::Skill;
use copilot::system_message::SystemMessage;
use copilot::tokens::GithubTokenResponse;
use copilot::user_input::UserInputResponse;
use copilot::{Decision, SessionBuilder, ToolContext};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::user_code::{Bomb, Fails, explode};

/// The word for a permission that is denied because there is no decision.
const DENIED: &str = "denied-no-approval-rule-and-could-not-request-from-user";

/// The behaviour of a handler.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Payload,
    ErrorDrop,
    ErrorDisplay,
    LocalDrop,
}

impl Fault {
    async fn answer<T>(self, answer: T) -> Result<T, Fails> {
        let _local = (self == Self::LocalDrop).then(|| Bomb);
        tokio::task::yield_now().await;
        let fails =
            |display, dropped: bool| Fails { debug: display, display, _dropped: dropped.then(|| Bomb) };
        match self {
            Self::Payload => {
                explode();
                Ok(answer)
            }
            Self::ErrorDrop => Err(fails(false, true)),
            Self::ErrorDisplay => Err(fails(true, false)),
            Self::LocalDrop => Ok(answer),
        }
    }
}

/// Every handler that there is, each with this fault.
fn with_handlers(session: SessionBuilder, fault: Fault) -> SessionBuilder {
    let canvas = Canvas::new("board", "Board", "A board.")
        .on_open(move |_| fault.answer(CanvasView::new()))
        .on_close(move |_| fault.answer(()))
        .action("draw", "Draws.", move |_| fault.answer(json!({})));
    session
        .on_permission(move |_| fault.answer(Decision::Approve))
        .hooks(Hooks::new().on_pre_tool_use(move |_, _| fault.answer(PreToolUse::pass())))
        .on_user_input(move |_| fault.answer(UserInputResponse::new("yes")))
        .on_elicitation(move |_| fault.answer(ElicitationResponse::decline()))
        .on_exit_plan_mode(move |_| fault.answer(ExitPlanModeResponse::approve(PlanAction::Interactive)))
        .model_options(
            ModelOptions::new().on_auto_mode_switch(move |_| fault.answer(AutoModeSwitchResponse::Yes)),
        )
        .system_message(SystemMessage::customize().transform("tone", move |text| fault.answer(text + "!")))
        .command("deploy", "Deploys.", move |_| fault.answer(()))
        .skill(Skill::read_by("release", "How to release.", move || fault.answer("text".to_owned())))
        .canvas(canvas)
        .on_github_token(move |_| fault.answer(GithubTokenResponse::new("t", Duration::from_secs(1))))
        .mcp(Mcp::new().on_login(move |_| fault.answer(McpLoginResponse::token("t"))))
        .mcp(Mcp::new().on_headers(move |_| fault.answer(McpHeadersResponse::new("a", "b"))))
        .mcp(Mcp::new().on_sampling(move |_| fault.answer(SamplingResponse::text("m", "t"))))
        .limits(Limits::new().on_exhausted(move |_| fault.answer(LimitsResponse::Cancel)))
}

/// The requests that handlers answer, with what is answered where they fail; an error where there is nothing.
fn requests(registration: &Value) -> Vec<(&'static str, Value, Option<Value>)> {
    let denied =
        r#"{"permissionDecision":"deny","permissionDecisionReason":"the hook that guards this tool failed"}"#;
    let denied: Value = serde_json::from_str(denied).unwrap();
    let canvas = json!({"extensionId": "e", "canvasId": "board", "instanceId": "i", "actionName": "draw"});
    vec![
        (
            "hooks.invoke",
            json!({"hookType": "preToolUse", "input": {"toolName": "t"}}),
            Some(json!({"output": denied})),
        ),
        ("userInput.request", json!({"question": "?"}), None),
        (
            "exitPlanMode.request",
            json!({"summary": "s", "actions": []}),
            Some(json!({"approved": false, "feedback": "the plan could not be reviewed"})),
        ),
        ("autoModeSwitch.request", json!({}), Some(json!({"response": "no"}))),
        (
            "systemMessage.transform",
            json!({"sections": {"tone": {"content": "x"}}}),
            Some(json!({"sections": {"tone": {"content": "x"}}})),
        ),
        (
            "gitHubToken.getToken",
            json!({"registrationId": registration, "host": "h", "reason": "initial"}),
            None,
        ),
        ("skillProvider.read", json!({"name": "release"}), None),
        ("canvas.open", canvas.clone(), None),
        ("canvas.action.invoke", canvas.clone(), None),
    ]
}

/// The events that handlers answer, and the method that answers.
fn events() -> Vec<(&'static str, &'static str, Value)> {
    vec![
        (
            "permission.requested",
            "session.permissions.handlePendingPermissionRequest",
            json!({"permissionRequest": {"kind": "shell", "fullCommandText": "ls"}}),
        ),
        ("elicitation.requested", "session.ui.handlePendingElicitation", json!({"message": "m"})),
        (
            "command.execute",
            "session.commands.handlePendingCommand",
            json!({"commandName": "deploy", "command": "/deploy x", "args": "x"}),
        ),
        (
            "mcp.oauth_required",
            "session.mcp.oauth.handlePendingRequest",
            json!({"serverName": "s", "serverUrl": "u", "reason": "initial"}),
        ),
        (
            "mcp.headers_refresh_required",
            "session.mcp.headers.handlePendingHeadersRefreshRequest",
            json!({"serverName": "s", "serverUrl": "u", "reason": "ttl-expired"}),
        ),
        (
            "sampling.requested",
            "session.ui.handlePendingSampling",
            json!({"serverName": "s", "mcpRequestId": 1, "request": {"messages": []}}),
        ),
        (
            "session_limits_exhausted.requested",
            "session.ui.handlePendingSessionLimitsExhausted",
            json!({"usedAiCredits": 31, "maxAiCredits": 30}),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn each_question_gets_its_safe_answer_once_wherever_its_handler_panics() {
    for fault in [Fault::Payload, Fault::ErrorDrop, Fault::ErrorDisplay, Fault::LocalDrop] {
        let fake = Fake::start().await;
        fake.cli.on("session.eventLog.registerInterest", |_, _| json!({}));
        let session = with_handlers(fake.session(), fault).start().await.unwrap();
        let created = fake.cli.requests("session.create");
        let registration = &created[0]["gitHubTokenProviderRegistrationId"];
        // Twice, as the second question finds what the first has left behind.
        for round in 0..2 {
            for (method, mut params, safe) in requests(registration) {
                params["sessionId"] = json!(session.id());
                let answer = timeout(Duration::from_secs(60), fake.cli.request(method, params)).await;
                let answer = answer.unwrap_or_else(|_| panic!("{fault:?}: {method} is not answered"));
                assert_eq!(answer.ok(), safe, "{fault:?}: {method}");
            }
            for (event, method, mut data) in events() {
                let id = format!("{event} {round}");
                data["requestId"] = json!(id);
                fake.cli.event(session.id(), event, data);
                settle().await;
                let answers = fake.cli.requests(method);
                let count = answers.iter().filter(|answer| answer["requestId"] == *id).count();
                assert_eq!(count, 1, "{fault:?}: {event} in {answers:?}");
            }
        }
        let decisions = fake.cli.requests("session.permissions.handlePendingPermissionRequest");
        assert!(decisions.iter().all(|decision| decision["result"]["kind"] == DENIED), "{decisions:?}");
        let asked =
            json!({"sessionId": session.id(), "canvasId": "board", "instanceId": "i", "extensionId": "e"});
        fake.cli.request("canvas.close", asked).await.unwrap();

        let fake = Fake::of_version("0.0.403").await;
        let session =
            fake.session().on_permission(move |_| fault.answer(Decision::Approve)).start().await.unwrap();
        for _ in 0..2 {
            let decision = fake.cli.ask_permission(session.id(), json!({"kind": "shell"})).await;
            assert_eq!(
                decision["kind"], "denied-no-approval-rule-and-could-not-request-from-user",
                "{fault:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_asks_the_user_gets_an_error_where_the_handler_panics() {
    /// Asks.
    #[copilot::tool]
    async fn asks(cx: &ToolContext) -> String {
        cx.ask_user("?", ["yes"]).await.unwrap_or_else(|error| error.to_string())
    }

    for fault in [Fault::Payload, Fault::ErrorDrop, Fault::ErrorDisplay, Fault::LocalDrop] {
        let fake = Fake::start().await;
        let session = fake
            .session()
            .with_tools([asks::TOOL])
            .on_user_input(move |_| fault.answer(UserInputResponse::new("yes")));
        let session = session.start().await.unwrap();
        let result = fake.cli.call_tool(session.id(), "asks", json!({})).await;
        assert_eq!(result["textResultForLlm"], "the handler `on_user_input` failed", "{fault:?}");
    }
}
