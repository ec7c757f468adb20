//! Calls of methods of the CLI for one session.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::session::Success;
use crate::session::handle::Session;

impl Session {
    /// Calls a method that takes nothing but the session.
    pub(crate) async fn ask_for<R: DeserializeOwned>(&self, method: &'static str) -> Result<R> {
        self.peer().await?.request(method, &self.params()).decoded().await
    }

    /// Calls a method whose answer says nothing.
    pub(crate) async fn order<P: Serialize>(&self, method: &'static str, params: &P) -> Result<()> {
        self.peer().await?.request(method, params).raw().await.map(drop)
    }

    /// Calls a method that old CLIs know by another name.
    pub(crate) async fn with_fallback<P, R>(
        &self,
        now: &'static str,
        once: &'static str,
        params: &P,
    ) -> Result<R>
    where
        P: Serialize,
        R: DeserializeOwned,
    {
        let peer = self.peer().await?;
        match peer.request(now, params).decoded().await {
            // A CLI that knows neither is better told by the name that counts today.
            Err(error) if error.is_unsupported() => match peer.request(once, params).decoded().await {
                Err(second) if second.is_unsupported() => Err(error),
                other => other,
            },
            other => other,
        }
    }
}

/// Turns a failure that came in-band into an error.
pub(crate) fn done(method: &str, answer: Success) -> Result<()> {
    if answer.success {
        return Ok(());
    }
    let why = answer.error.unwrap_or_else(|| "the CLI gives no reason".to_owned());
    Err(Error::new(ErrorKind::Session, format!("{method}: {why}")))
}
