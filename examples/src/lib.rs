//! What the examples share: a place for the CLI's files, and a turn that is printed.

use std::path::{Path, PathBuf};

use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::{EventKind, SessionBuilder};

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

/// Opens the session on the real CLI with a model that plays `script`, says `prompt`, and prints what happens.
///
/// # Errors
///
/// What the session or the agent reports.
///
/// # Panics
///
/// When the conversation left the script.
pub async fn play(session: SessionBuilder, script: Script, prompt: &str) -> copilot::Result<()> {
    let model = ScriptedModel::start(script).await?;
    let scratch = ScratchDir::new("example");
    let session = session.own_client(hermetic_client(scratch.path())).scripted_model(&model).start().await?;
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
    session.close().await?;
    model.finish().expect("the conversation followed the script");
    Ok(())
}
