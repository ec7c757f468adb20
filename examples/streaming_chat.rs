//! A chat in the terminal: answers appear as they are written, and Ctrl-C stops one.
//!
//! `cargo run --example streaming_chat` talks to a scripted model, with `-- --live` to Copilot. Each line is a
//! message, and the end of the input (Ctrl-D) ends the chat. So does Ctrl-C, unless there is an answer that it stops.

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
    // However the chat ended: this stops the CLI.
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

/// What the person at the terminal sees of an event.
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

/// The lines of the input, read on a thread of their own: Tokio's would have the end of the program wait for a line.
fn lines() -> mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || io::stdin().lines().try_for_each(|line| sender.blocking_send(line)));
    receiver
}

/// Each Ctrl-C from here on.
#[cfg(unix)]
fn interrupts() -> io::Result<tokio::signal::unix::Signal> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::interrupt())
}

/// Each Ctrl-C from here on.
#[cfg(windows)]
fn interrupts() -> io::Result<tokio::signal::windows::CtrlC> {
    tokio::signal::windows::ctrl_c()
}

/// What the model says without `--live`: a greeting, a long count, and so on.
fn script() -> Script {
    use std::time::Duration;

    let count = (1..=2000).map(|number| format!("{number} "));
    (0..20).fold(Script::new(), |script, _| {
        let script = script.pace(Duration::from_millis(20));
        let script = script.stream(["I only ", "say what ", "is written ", "down for me. ", "Say more!"]);
        script.pace(Duration::from_millis(50)).stream(count.clone())
    })
}
