//! What a program provides for the whole of a CLI.

use super::ClientBuilder;
use crate::providers::inference::Inference;
use crate::providers::inference::exchange::Exchanges;
use crate::providers::session_fs::SessionFs;
use crate::providers::session_fs::serve::FsService;

impl ClientBuilder {
    /// Has the program keep the files of the client's sessions: see [`session_fs`](crate::session_fs).
    ///
    /// A CLI that is started again gets it before its sessions are resumed. CLIs before 1.0.32 do not know it, and
    /// starting one is an error. On a CLI that other clients use as well it holds for their sessions too.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Client;
    /// use copilot::session_fs::MemoryFs;
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
    /// [`inference`](crate::inference).
    ///
    /// A CLI that is started again gets it before its sessions are resumed. CLIs before 1.0.82 do not know it, and
    /// starting one is an error.
    ///
    /// Wire: `llmInference.setProvider`, to the CLI.
    pub fn inference(mut self, models: impl Inference) -> Self {
        self.providers.inference = Some(Exchanges::new(models));
        self
    }
}
