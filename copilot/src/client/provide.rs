//! Services that the program provides to the CLI: session files and inference.

#[cfg(feature = "cassette")]
use std::ffi::OsStr;

use super::ClientBuilder;
use crate::host::inference::Inference;
use crate::host::inference::exchange::Exchanges;
use crate::host::session_fs::SessionFs;
use crate::host::session_fs::serve::FsService;

/// Observes the credentials that a CLI is started with.
#[cfg(feature = "cassette")]
pub(super) struct LaunchObserver {
    without_login: bool,
    /// Called with the name of a variable, if it is one, and the value.
    observe: Box<Observe>,
}

#[cfg(feature = "cassette")]
type Observe = dyn Fn(Option<&str>, &str) + Send + Sync;

#[cfg(feature = "cassette")]
impl ClientBuilder {
    /// Calls `observe` with each variable and each credential that the CLI is started with. With `without_login`, the
    /// CLI uses no login.
    pub(crate) fn on_launch(
        mut self,
        without_login: bool,
        observe: impl Fn(Option<&str>, &str) + Send + Sync + 'static,
    ) -> Self {
        self.launch_observer = Some(LaunchObserver { without_login, observe: Box::new(observe) });
        self
    }

    pub(super) fn observe_launch(&mut self) {
        let Some(LaunchObserver { without_login, observe }) = self.launch_observer.take() else { return };
        let text = |value: &OsStr| value.to_string_lossy().into_owned();
        for (name, value) in &self.launch.env {
            observe(Some(&text(name)), &text(value));
        }
        if let Some(token) = &self.launch.github_token {
            observe(None, token);
        }
        if without_login && self.starts_cli() {
            self.launch.github_token = None;
            self.launch.use_logged_in_user = Some(false);
        }
    }
}

impl ClientBuilder {
    /// Sets a file system of the program for the files of the client's sessions: see [`session_fs`](crate::host::session_fs).
    ///
    /// After a restart it is registered before the sessions are resumed. CLIs before 1.0.32 do not support it, and starting
    /// one returns an error.
    ///
    /// One client of a CLI that runs already (`cli_url`) can register it, before any session is open, and then serves the
    /// sessions of all clients. CLI 1.0.102 refuses a second registration, so such a lost connection cannot be restored.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Client;
    /// use copilot::host::session_fs::MemoryFs;
    ///
    /// let builder = Client::builder().session_fs(MemoryFs::new());
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `sessionFs.setProvider`, to the CLI.
    pub fn session_fs(mut self, files: impl SessionFs) -> Self {
        self.providers.session_fs = Some(FsService::new(files));
        self
    }

    /// Sets a handler of the program for the CLI's requests to models, in place of the network: see
    /// [`inference`](crate::host::inference).
    ///
    /// After a restart it is registered before the sessions are resumed. CLIs before 1.0.82 do not support it, and starting
    /// one returns an error. The limits of `cli_url` are those of [`session_fs`](Self::session_fs).
    ///
    /// Wire: `llmInference.setProvider`, to the CLI.
    pub fn inference(mut self, models: impl Inference) -> Self {
        self.providers.inference = Some(Exchanges::new(models));
        self
    }
}
