//! What the examples share: the agent they talk to, a place for its files, and a turn that is printed.

use std::path::{Path, PathBuf};

use copilot::testing::{Script, ScriptedModel, Scripts, hermetic_client};
use copilot::{Client, ClientBuilder, EventKind, Session, SessionBuilder};

/// Whether the example is to use your own Copilot login: it was started with `-- --live`.
pub fn live() -> bool {
    std::env::args().any(|argument| argument == "--live")
}

/// The real agent, with a model that plays a script, or with your own Copilot login.
///
/// A scripted agent keeps its files apart from your own Copilot settings.
#[derive(Debug)]
pub struct Agent(Option<Scripted>);

#[derive(Debug)]
struct Scripted {
    model: ScriptedModel,
    files: PathBuf,
    /// Removes the files with the agent, unless somebody else does.
    _scratch: Option<ScratchDir>,
}

impl Agent {
    /// An agent whose model plays `script`, unless the example is [`live`].
    ///
    /// # Errors
    ///
    /// When the script cannot be played.
    pub async fn new(script: impl Into<Scripts>) -> copilot::Result<Self> {
        if live() {
            return Ok(Self(None));
        }
        let scratch = ScratchDir::new("example");
        let (model, files) = (ScriptedModel::start(script).await?, scratch.path().to_owned());
        Ok(Self(Some(Scripted { model, files, _scratch: Some(scratch) })))
    }

    /// The same, with files that stay.
    ///
    /// # Errors
    ///
    /// When the script cannot be played.
    pub async fn with_files(directory: &Path, script: impl Into<Scripts>) -> copilot::Result<Self> {
        if live() {
            return Ok(Self(None));
        }
        let (model, files) = (ScriptedModel::start(script).await?, directory.to_owned());
        Ok(Self(Some(Scripted { model, files, _scratch: None })))
    }

    /// Configures a client for this agent; `Client::builder()` in a program of your own.
    pub fn client(&self) -> ClientBuilder {
        self.0.as_ref().map_or_else(Client::builder, |scripted| hermetic_client(&scripted.files))
    }

    /// Configures a session with this agent; `Session::builder()` in a program of your own.
    pub fn session(&self) -> SessionBuilder {
        self.host(Session::builder())
    }

    /// Has this agent's model answer in the session; nothing that a program of your own needs.
    pub fn cast(&self, session: SessionBuilder) -> SessionBuilder {
        match &self.0 {
            Some(scripted) => session.scripted_model(&scripted.model),
            None => session,
        }
    }

    fn host(&self, session: SessionBuilder) -> SessionBuilder {
        self.cast(session.own_client(self.client()))
    }

    /// Checks that the conversation followed the script.
    ///
    /// # Panics
    ///
    /// When it did not.
    pub fn finish(self) {
        if let Some(scripted) = self.0 {
            scripted.model.finish().expect("the conversation followed the script");
        }
    }
}

/// A directory for the CLI's own files, removed when dropped, so that an example leaves nothing behind.
#[derive(Debug)]
pub struct ScratchDir(PathBuf);

impl ScratchDir {
    /// Makes a new directory below the system's temporary one.
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("copilot-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory can be made");
        Self(path)
    }

    /// Where it is.
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

/// Opens the session with an agent that plays `script`, says `prompt`, and prints what happens.
///
/// # Errors
///
/// What the session or the agent reports.
///
/// # Panics
///
/// When the conversation left the script.
pub async fn play(session: SessionBuilder, script: Script, prompt: &str) -> copilot::Result<()> {
    let agent = Agent::new(script).await?;
    let session = agent.host(session).start().await?;
    tell(&session, prompt).await?;
    session.close().await?;
    agent.finish();
    Ok(())
}

/// Says `prompt` and prints what happens until the agent has answered.
///
/// # Errors
///
/// What the session or the agent reports.
pub async fn tell(session: &Session, prompt: &str) -> copilot::Result<()> {
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
