//! The fake CLI plays every generation of the real one: a session, a tool call with its permission, a reply.

use copilot::testing::FakeCli;
use serde_json::{Value, json};

/// Adds two numbers.
#[copilot::tool]
fn add(
    /// The first.
    a: i64,
    /// The second.
    b: i64,
) -> i64 {
    a + b
}

#[tokio::test(start_paused = true)]
async fn a_turn_with_a_tool_works_on_every_generation() -> copilot::Result<()> {
    for (version, protocol) in
        [("0.0.394", 2), ("0.0.403", 2), ("0.0.423", 3), ("1.0.32", 3), ("1.0.57", 3), ("1.0.102", 3)]
    {
        let cli = FakeCli::of_version(version);
        cli.on_turn(|turn| async move {
            let sum = turn.call_tool("add", json!({"a": 2, "b": 3})).await;
            turn.say(format!("It is {}.", sum["textResultForLlm"].as_str().unwrap()));
        });
        let client = cli.client_builder().start().await?;
        assert_eq!(client.cli_version().await?.protocol, protocol, "{version}");
        let session = client.session().with_tools([add::TOOL]).start().await?;
        let reply = session.ask("What is 2 + 3?").await?;
        assert_eq!(reply.text(), "It is 5.", "{version}");
        assert_eq!(reply.tool_calls().map(|call| call.name.as_str()).collect::<Vec<_>>(), ["add"]);
        client.shutdown().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn texts_are_said_in_order_and_then_the_default() -> copilot::Result<()> {
    let cli = FakeCli::new();
    cli.says(["one", "two"]);
    let client = cli.client_builder().start().await?;
    let session = client.session().streaming(true).start().await?;
    let mut texts = Vec::new();
    for _ in 0..3 {
        texts.push(session.ask("?").await?.to_string());
    }
    assert_eq!(texts, ["one", "two", "OK."]);
    let kept: Vec<_> =
        session.history().events().await?.iter().map(|event| event.name().to_owned()).collect();
    let turn = ["user.message", "assistant.turn_start", "assistant.message", "assistant.turn_end"];
    assert_eq!(kept, [&["session.start"][..], &turn, &turn, &turn].concat());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_session_that_was_let_go_is_resumed_by_the_next_client() -> copilot::Result<()> {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await?;
    let session = client.session().id("kept").start().await?;
    session.ask("?").await?;
    client.shutdown().await?;
    cli.disconnected().await;

    let client = cli.client_builder().start().await?;
    let session = client.resume("kept").start().await?;
    assert_eq!(session.history().events().await?.len(), 6);
    let error = client.resume("gone").start().await.unwrap_err();
    assert!(error.to_string().contains("Session not found: gone"), "{error}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_a_lost_cli_was_in_is_over_when_its_session_is_resumed() -> copilot::Result<()> {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        if turn.prompt() == "Die." {
            turn.cli().hang_up();
            std::future::pending::<()>().await;
        }
        turn.say("Here.");
    });
    let client = cli.client_builder().auto_restart(true).start().await?;
    let session = client.session().start().await?;
    assert!(session.ask("Die.").await.unwrap_err().is_retryable());
    assert_eq!(session.ask("Still there?").await?.text(), "Here.");
    client.shutdown().await
}

#[tokio::test(start_paused = true)]
async fn dropping_the_cli_ends_its_connection() -> copilot::Result<()> {
    let cli = FakeCli::new();
    // Neither a turn that never ends nor an answer keep it alive.
    cli.on_turn(|turn| async move {
        turn.cli().request("never", Value::Null).await.unwrap_err();
        std::future::pending::<()>().await;
    });
    let client = cli.client_builder().start().await?;
    let session = client.session().start().await?;
    session.send("?").await?;
    cli.hold("ping");
    let ping = client.ping("?");
    drop(cli);
    assert!(ping.await.unwrap_err().is_disconnected());
    Ok(())
}
