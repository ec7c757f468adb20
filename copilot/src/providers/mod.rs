//! What a program does for the whole of a CLI: it keeps the files of its sessions.
//!
//! It is offered after each handshake, before any session is opened, and asked for by requests that belong to no
//! open session. Knows neither sessions nor the client; everything here is called on the reader's task, so it only
//! reads, queues and spawns.

pub mod session_fs;

use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::CliVersion;
use crate::protocol::session_fs::SetProviderResponse;
use crate::rpc::{Peer, Responder};
use session_fs::serve::FsService;

/// What the program of one client provides.
#[derive(Default)]
pub(crate) struct Providers {
    pub(crate) session_fs: Option<FsService>,
}

impl Providers {
    /// Tells the CLI what is provided. It takes that before the first session only.
    pub(crate) async fn offer(&self, peer: &Peer, cli: &CliVersion) -> Result<()> {
        if let Some(files) = &self.session_fs {
            let method = "sessionFs.setProvider";
            let answer = peer.call(method, &files.params()).await;
            accepted(method, answer, "`session_fs` needs CLI 1.0.32", cli)?;
        }
        Ok(())
    }

    /// Takes a request that is for a provider; gives any other back.
    pub(crate) fn request(&self, method: &str, params: &RawValue, responder: Responder) -> Option<Responder> {
        if let (Some(files), Some(operation)) = (&self.session_fs, method.strip_prefix("sessionFs.")) {
            files.request(operation, params, responder);
        } else {
            return Some(responder);
        }
        None
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
