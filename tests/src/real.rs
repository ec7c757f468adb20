//! The real Copilot CLI with a scripted model: no login, no network, and nothing left in the user's home.

use copilot::client::TransportKind;
use copilot::testing::{ScriptedModel, Scripts, hermetic_client};
use copilot::{Client, ClientBuilder, ErrorKind, SessionBuilder};
use tempfile::TempDir;

use crate::tested;

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
    /// Starts the pinned CLI, or the one that `COPILOT_CLI_PATH` names, over its pipes.
    pub async fn over_stdio(scripts: impl Into<Scripts>) -> Self {
        Self::start(TransportKind::Stdio, scripts).await
    }

    /// Starts the pinned CLI, or the one that `COPILOT_CLI_PATH` names.
    pub async fn start(transport: TransportKind, scripts: impl Into<Scripts>) -> Self {
        let model = ScriptedModel::start(scripts).await.expect("the script can be played");
        let state = tempfile::tempdir().expect("a temporary directory can be made");
        let client = client(&state).transport(transport).start().await.expect("the CLI starts");
        if let Some(expected) = tested::version() {
            let cli = client.cli_version().await.expect("a client that has started knows its CLI");
            assert_eq!(
                cli.version.as_deref(),
                Some(expected),
                "the CLI that runs is not the one to be tested"
            );
        }
        Self { client, model, state }
    }

    /// Returns whether this version is refused over TCP, as the versions are that serve every client.
    pub async fn is_refused_over_tcp() -> bool {
        if tested::since([1, 0, 57]) {
            return false;
        }
        let state = tempfile::tempdir().expect("a temporary directory can be made");
        let error =
            client(&state).transport(TransportKind::Tcp).start().await.expect_err("nothing protects it");
        let (version, reported) = (tested::version().expect("only old versions get here"), error.to_string());
        assert!(error.kind() == ErrorKind::Unsupported && reported.contains(version), "{error:?}");
        tested::not_supported("over TCP it serves every client, so the library refuses it");
        true
    }

    /// A session that the scripted model answers.
    pub fn session(&self) -> SessionBuilder {
        self.client.session().scripted_model(&self.model)
    }

    /// Stops the CLI, whatever has become of the script.
    pub async fn leave(self) {
        self.client.shutdown().await.expect("the CLI stops");
    }

    /// Checks that the conversation followed the script, and stops the CLI.
    pub async fn finish(self) {
        self.client.shutdown().await.expect("the CLI stops");
        self.model.finish().expect("the conversation followed the script");
    }
}

fn client(state: &TempDir) -> ClientBuilder {
    let client = hermetic_client(state.path());
    if tested::since([0, 0, 403]) {
        return client;
    }
    // 0.0.394 has no option to use no login. It finds none but in these variables.
    ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"]
        .into_iter()
        .fold(client, ClientBuilder::env_remove)
        .use_logged_in_user(true)
}
