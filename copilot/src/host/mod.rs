//! Services that a program provides to a whole CLI: the files of its sessions, and the answers of its models.
//!
//! Both are offered after each handshake, before any session is opened, and asked for by requests that belong to no
//! open session. Knows neither sessions nor the client; everything here is called on the reader's task, so it only
//! reads, queues and spawns.

pub mod inference;
#[cfg(feature = "object-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
pub mod object_store;
pub mod session_fs;

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::CliVersion;
use crate::protocol::session_fs::SetProviderResponse;
use crate::rpc::{NoParams, Peer, Responder};
use inference::exchange::Exchanges;
use session_fs::serve::FsService;

/// The services that the program of one client provides.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) session_fs: Option<FsService>,
    pub(crate) inference: Option<Exchanges>,
}

impl Providers {
    /// Announces the services to the CLI, which accepts them before the first session only.
    pub(crate) async fn offer(&self, peer: &Peer, cli: &CliVersion) -> Result<()> {
        if let Some(files) = &self.session_fs {
            let method = "sessionFs.setProvider";
            let answer = peer.request(method, &files.params()).decoded().await;
            accepted(method, answer, "`session_fs` needs CLI 1.0.32", cli)?;
        }
        if self.inference.is_some() {
            let method = "llmInference.setProvider";
            let answer = peer.request(method, &NoParams {}).decoded().await;
            accepted(method, answer, "`inference` needs CLI 1.0.82", cli)?;
        }
        Ok(())
    }

    /// Handles a request for one of the services; returns the responder of any other.
    pub(crate) fn request(&self, method: &str, params: &RawValue, responder: Responder) -> Option<Responder> {
        if let (Some(files), Some(operation)) = (&self.session_fs, method.strip_prefix("sessionFs.")) {
            files.request(operation, params, responder);
        } else if let (Some(models), Some(part)) = (&self.inference, method.strip_prefix("llmInference.")) {
            models.request(part, params, responder);
        } else {
            return Some(responder);
        }
        None
    }

    /// Cancels the answers of models when the connection is lost. Operations on files continue: the next CLI relies on
    /// them.
    pub(crate) fn interrupt(&self) {
        if let Some(models) = &self.inference {
            models.cancel_all();
        }
    }

    /// Whether the sessions' files are the program's.
    pub(crate) fn keeps_files(&self) -> bool {
        self.session_fs.is_some()
    }
}

fn accepted(method: &str, answer: Result<SetProviderResponse>, needs: &str, cli: &CliVersion) -> Result<()> {
    match answer {
        Ok(answer) if answer.success => Ok(()),
        Ok(_) => {
            Err(Error::new(ErrorKind::Cli, format!("{method}: the CLI {cli} did not take the provider")))
        }
        Err(error) if error.is_unsupported() => {
            let message = format!("{needs} or newer, and this is {cli}");
            Err(Error::with_source(ErrorKind::Unsupported, message, error))
        }
        Err(error) => Err(error),
    }
}
