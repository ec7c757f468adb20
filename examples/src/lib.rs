//! Helpers of the examples: the agent, a directory for its files, and printing of a turn.

use std::path::{Path, PathBuf};

use copilot::testing::{Script, ScriptedModel, Scripts, hermetic_client};
use copilot::{Client, ClientBuilder, EventKind, Session, SessionBuilder};

/// Returns whether the example uses your Copilot login: it was started with `-- --live`.
pub fn live() -> bool {
    std::env::args().any(|argument| argument == "--live")
}

/// The real agent with a scripted model, or with your Copilot login if the example is [`live`].
///
/// A scripted agent stores its files outside your Copilot settings.
#[derive(Debug)]
pub struct Agent(Option<Scripted>);

#[derive(Debug)]
struct Scripted {
    model: ScriptedModel,
    files: PathBuf,
    /// Removes the files on drop; `None` for files that stay.
    _scratch: Option<ScratchDir>,
}

impl Agent {
    /// Creates an agent whose model follows `script`, unless the example is [`live`].
    ///
    /// # Errors
    ///
    /// Returns an error if the script is invalid.
    pub async fn new(script: impl Into<Scripts>) -> copilot::Result<Self> {
        if live() {
            return Ok(Self(None));
        }
        let scratch = ScratchDir::new("example");
        let (model, files) = (ScriptedModel::start(script).await?, scratch.path().to_owned());
        Ok(Self(Some(Scripted { model, files, _scratch: Some(scratch) })))
    }

    /// As [`new`](Self::new), with files that stay in `directory`.
    ///
    /// # Errors
    ///
    /// Returns an error if the script is invalid.
    pub async fn with_files(directory: &Path, script: impl Into<Scripts>) -> copilot::Result<Self> {
        if live() {
            return Ok(Self(None));
        }
        let (model, files) = (ScriptedModel::start(script).await?, directory.to_owned());
        Ok(Self(Some(Scripted { model, files, _scratch: None })))
    }

    /// Returns a builder for a client of this agent. Other programs use `Client::builder()`.
    pub fn client(&self) -> ClientBuilder {
        self.0.as_ref().map_or_else(Client::builder, |scripted| hermetic_client(&scripted.files))
    }

    /// Returns a builder for a session with this agent. Other programs use `Session::builder()`.
    pub fn session(&self) -> SessionBuilder {
        self.with_client(Session::builder())
    }

    /// Sets the scripted model of the session, if the agent has one. Other programs do not need it.
    pub fn with_model(&self, session: SessionBuilder) -> SessionBuilder {
        match &self.0 {
            Some(scripted) => session.scripted_model(&scripted.model),
            None => session,
        }
    }

    fn with_client(&self, session: SessionBuilder) -> SessionBuilder {
        self.with_model(session.client(self.client()))
    }

    /// Checks that the conversation followed the script.
    ///
    /// # Panics
    ///
    /// Panics if it did not.
    pub fn finish(self) {
        if let Some(scripted) = self.0 {
            scripted.model.finish().expect("the conversation followed the script");
        }
    }
}

/// A directory for the files of the CLI, removed on drop.
#[derive(Debug)]
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Creates a directory below the system's temporary directory.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("copilot-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the temporary directory is writable");
        Self(path)
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for ScratchDir {
    fn drop(&mut self) {
        match std::fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                eprintln!("cannot remove {}: {error}", self.0.display());
            }
            _ => {}
        }
    }
}

/// Starts the session with a model that follows `script`, sends `prompt`, and prints the turn.
///
/// # Errors
///
/// Returns the errors of the session and the agent.
///
/// # Panics
///
/// Panics if the conversation left the script.
pub async fn run_script(session: SessionBuilder, script: Script, prompt: &str) -> copilot::Result<()> {
    let agent = Agent::new(script).await?;
    let session = agent.with_client(session).start().await?;
    print_turn(&session, prompt).await?;
    session.close().await?;
    agent.finish();
    Ok(())
}

/// Sends `prompt` and prints the turn with the answer of the agent.
///
/// # Errors
///
/// Returns the errors of the session and the agent.
pub async fn print_turn(session: &Session, prompt: &str) -> copilot::Result<()> {
    println!("> {prompt}");
    let mut turn = session.stream(prompt).await?;
    while let Some(event) = turn.next().await {
        match event?.kind() {
            EventKind::ToolExecutionStart(call) => println!("[{}] {}", call.tool_name, call.arguments),
            EventKind::ToolProgress(progress) => println!("  ... {}", progress.message),
            EventKind::ToolExecutionComplete(call) => match (&call.result, &call.error) {
                (_, Some(error)) => println!("  failed: {}", error.message.replace('\n', "\n  ")),
                (Some(result), None) => println!("  gave: {}", result.content),
                (None, None) => println!("  gave nothing"),
            },
            _ => {}
        }
    }
    println!("{}", turn.reply().await?);
    Ok(())
}
