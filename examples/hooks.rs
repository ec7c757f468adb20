//! Hooks intercept each step of the agent: the prompt, the tool calls and the results of tools.
//!
//! `cargo run --example hooks`, also with `-- --live`

use std::time::Instant;

use copilot::State;
use copilot::hooks::{Hooks, PostToolUse, PreToolUse, UserPromptSubmitted};
use copilot::testing::Script;
use copilot_examples::{Agent, print_turn};
use serde_json::json;

/// The start of the session.
struct Clock(Instant);

/// Read a customer's record.
#[copilot::tool(read_only)]
fn customer(
    /// The customer's number.
    id: u32,
) -> String {
    format!("customer {id}: Ada, card 4000-0000-0000-0002")
}

/// Refund a payment.
#[copilot::tool]
fn refund(
    /// The amount in cents.
    cents: u32,
) -> String {
    format!("{cents} cents refunded")
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let script = Script::new()
        .expect_prompt(|prompt| prompt.contains("customer 7"))
        .call("customer", json!({"id": 7}))
        .expect_tool_result("customer", |text| text.contains("card ****") && !text.contains("4000"))
        .call("refund", json!({"cents": 90_000}))
        .expect_tool_result("refund", |text| text.contains("500 cents refunded"))
        .say("Ada got 5.00 back.");
    let agent = Agent::new(script).await?;
    let hooks = Hooks::new()
        // Runs when the user submits a prompt.
        .on_user_prompt_submitted(|said, _| async move {
            UserPromptSubmitted::replace(said.prompt.replace("this customer", "customer 7"))
        })
        // Runs before a tool: allows or denies the call, or changes its arguments.
        .on_pre_tool_use(|step, _| async move {
            match (step.tool_name.as_str(), step.tool_args["cents"].as_u64()) {
                ("bash", _) => PreToolUse::deny("this program has no shell"),
                ("refund", Some(501..)) => PreToolUse::modify(json!({"cents": 500})),
                _ => PreToolUse::pass(),
            }
        })
        // Runs after a tool: receives the result, and has access to the session's state.
        .on_post_tool_use(|step, cx| async move {
            let clock: State<Clock> = cx.state().ok_or("the session has a clock")?;
            eprintln!("{:.1?} {} {}", clock.0.elapsed(), step.tool_name, step.tool_args);
            let text = step.tool_result.text_result_for_llm;
            // A hook that fails has no effect and emits `EventKind::HandlerFailed`.
            Ok::<_, &str>(match text.split_once("card ") {
                Some((before, _)) => PostToolUse::replace(format!("{before}card ****")),
                None => PostToolUse::pass(),
            })
        });
    let session = agent
        .session()
        .with_tools([customer::TOOL, refund::TOOL])
        .state(Clock(Instant::now()))
        .hooks(hooks)
        .start()
        .await?;
    print_turn(&session, "Refund 900.00 to this customer.").await?;
    session.close().await?;
    agent.finish();
    Ok(())
}
