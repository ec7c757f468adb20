//! A client whose CLI is isolated from the user's files and login.

use std::path::Path;

use crate::{Client, ClientBuilder};

/// Returns a builder for a client whose CLI stores its files below `directory`, uses no login, and connects to the
/// loopback interface without a proxy. Use it in tests with a [`ScriptedModel`](super::ScriptedModel).
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
        // For CLIs before 1.0.10, which have no option for the directory.
        .env("XDG_STATE_HOME", directory.join("copilot"))
        .env("XDG_CONFIG_HOME", directory.join("copilot"))
        .cwd(directory)
        .use_logged_in_user(false)
        // Otherwise the CLI sends requests to the loopback interface through the user's proxy.
        .env("NO_PROXY", LOOPBACK)
        .env("no_proxy", LOOPBACK)
}
