//! A real CLI that touches nothing of the user's.

use std::path::Path;

use crate::{Client, ClientBuilder};

/// Configures a client whose CLI keeps its files below `directory`, uses no login, and reaches this machine without
/// a proxy: what a test with a [`ScriptedModel`](super::ScriptedModel) wants.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> copilot::Result<()> {
/// use copilot::testing::{Script, ScriptedModel, hermetic_client};
///
/// let directory = tempfile::tempdir().expect("a directory can be made");
/// let model = ScriptedModel::start(Script::new().say("Hello.")).await?;
/// let client = hermetic_client(directory.path()).start().await?;
/// let session = client.session().scripted_model(&model).start().await?;
/// assert_eq!(session.ask("Say hello.").await?.text(), "Hello.");
/// client.shutdown().await
/// # }
/// ```
pub fn hermetic_client(directory: impl AsRef<Path>) -> ClientBuilder {
    const LOOPBACK: &str = "127.0.0.1,localhost";
    let directory = directory.as_ref();
    Client::builder()
        .state_dir(directory.join("copilot"))
        // For CLIs before 1.0.10, which have no directory of their own.
        .env("XDG_STATE_HOME", directory.join("copilot"))
        .env("XDG_CONFIG_HOME", directory.join("copilot"))
        .cwd(directory)
        .use_logged_in_user(false)
        // The CLI would send requests to the loopback interface through a proxy that the user has set.
        .env("NO_PROXY", LOOPBACK)
        .env("no_proxy", LOOPBACK)
}
