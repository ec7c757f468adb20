//! The real Copilot CLI with a scripted model: no login, no network, and nothing left in the user's home.

use copilot::testing::{ScriptedModel, Scripts, hermetic_client};
use copilot::{Client, SessionBuilder, TransportKind};
use tempfile::TempDir;

/// A CLI, a model that plays a script, and the directory that both leave with.
#[derive(Debug)]
pub struct Real {
    /// The CLI.
    pub client: Client,
    /// The model that answers.
    pub model: ScriptedModel,
    /// The CLI's own files.
    pub state: TempDir,
}

impl Real {
    /// Starts the pinned CLI, or the one that `COPILOT_CLI_PATH` names.
    pub async fn start(transport: TransportKind, scripts: impl Into<Scripts>) -> Self {
        let model = ScriptedModel::start(scripts).await.expect("the script can be played");
        let state = tempfile::tempdir().expect("a temporary directory can be made");
        let client =
            hermetic_client(state.path()).transport(transport).start().await.expect("the CLI starts");
        Self { client, model, state }
    }

    /// A session that the scripted model answers.
    pub fn session(&self) -> SessionBuilder {
        self.client.session().scripted_model(&self.model)
    }

    /// Checks that the conversation followed the script, and stops the CLI.
    pub async fn finish(self) {
        self.client.shutdown().await.expect("the CLI stops");
        self.model.finish().expect("the conversation followed the script");
    }
}
