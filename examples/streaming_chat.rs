//! A chat in the terminal with streamed answers. Ctrl-C stops an answer.
//!
//! `cargo run --example streaming_chat` uses a scripted model, and with `-- --live` Copilot. Each line is a message. The
//! end of the input (Ctrl-D) ends the chat, and so does Ctrl-C while no answer is streamed.

use std::io::{self, Write as _};

use copilot::testing::Script;
use copilot::{Event, EventKind, Permissions, Session};
use copilot_examples::Agent;
use tokio::sync::mpsc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let agent = Agent::new(script()).await?;
    let session = agent.session().streaming(true).permissions(Permissions::read_only()).start().await?;
    let ended = chat(&session).await;
    // Stops the CLI, also after an error.
    session.close().await?;
    ended
}

async fn chat(session: &Session) -> Result<(), Box<dyn std::error::Error>> {
    let (mut lines, mut interrupts) = (lines(), interrupts()?);
    loop {
        show("\n> ")?;
        let line = tokio::select! {
            line = lines.recv() => line.transpose()?,
            _ = interrupts.recv() => None,
        };
        let Some(line) = line else { return Ok(()) };
        if line.trim().is_empty() {
            continue;
        }

        let mut turn = session.stream(line).await?;
        let mut stopped = false;
        loop {
            tokio::select! {
                event = turn.next() => match event {
                    Some(event) => show(&text(&event?))?,
                    None => break,
                },
                _ = interrupts.recv() => {
                    if stopped {
                        return Ok(());
                    }
                    stopped = true;
                    session.abort().await?;
                }
            }
        }
    }
}

/// Returns the text to print for an event.
fn text(event: &Event) -> String {
    match event.kind() {
        EventKind::AssistantMessageDelta(delta) => delta.delta_content.clone(),
        EventKind::ToolExecutionStart(call) => format!("\n[{}] {}\n", call.tool_name, call.arguments),
        EventKind::SessionError(error) => format!("\n(failed: {})", error.message),
        EventKind::Abort(_) => "\n(stopped)".to_owned(),
        EventKind::SessionIdle(_) => "\n".to_owned(),
        _ => String::new(),
    }
}

fn show(text: &str) -> io::Result<()> {
    print!("{text}");
    io::stdout().flush()
}

/// Returns the lines of the input. A separate thread reads them, because Tokio's stdin would block the end of the
/// program until the next line.
fn lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || io::stdin().lines().try_for_each(|line| sender.blocking_send(line)));
    receiver
}

/// Returns a stream of the Ctrl-C signals from now on.
#[cfg(unix)]
fn interrupts() -> io::Result<tokio::signal::unix::Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::interrupt())
}

/// Returns a stream of the Ctrl-C signals from now on.
#[cfg(windows)]
fn interrupts() -> io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}

/// The answers of the model without `--live`: alternately a greeting and a long count.
fn script() -> Script {
    use std::time::Duration;

    let count = (1..=2000).map(|number| format!("{number} "));
    (0..20).fold(Script::new(), |script, _| {
        let script = script.pace(Duration::from_millis(20));
        let script = script.stream(["I only ", "say what ", "is written ", "down for me. ", "Say more!"]);
        script.pace(Duration::from_millis(50)).stream(count.clone())
    })
}
