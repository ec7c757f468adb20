//! What a program provides for the whole of a CLI.

use super::ClientBuilder;
use crate::host::inference::Inference;
use crate::host::inference::exchange::Exchanges;
use crate::host::session_fs::SessionFs;
use crate::host::session_fs::serve::FsService;

impl ClientBuilder {
    /// Has the program keep the files of the client's sessions: see [`session_fs`](crate::host::session_fs).
    ///
    /// A CLI that is started again gets it before its sessions are resumed. CLIs before 1.0.32 do not know it, and
    /// starting one is an error.
    ///
    /// Of the clients of a CLI that runs already (`cli_url`) one can do this, before any session is open, and it does
    /// it for the sessions of all. CLI 1.0.102 does not take it a second time, so such a connection that is lost is
    /// lost for good.
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

    /// Has the program answer the CLI's requests to models, in place of the network: see
    /// [`inference`](crate::host::inference).
    ///
    /// A CLI that is started again gets it before its sessions are resumed. CLIs before 1.0.82 do not know it, and
    /// starting one is an error. With `cli_url` what [`session_fs`](Self::session_fs) says holds here too.
    ///
    /// Wire: `llmInference.setProvider`, to the CLI.
    pub fn inference(mut self, models: impl Inference) -> Self {
        self.providers.inference = Some(Exchanges::new(models));
        self
    }
}
