//! What the CLI would tell GitHub about itself, told to the program as well.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::value::RawValue;

use super::Client;
use super::watchers::{Watch, Watchers};
use crate::protocol::decode;
use crate::protocol::github_telemetry::GithubTelemetry;

/// What the CLI tells GitHub about itself, as a [`Stream`]. Made by
/// [`Client::github_telemetry`](crate::Client::github_telemetry).
///
/// It ends with its client.
#[derive(Debug)]
#[must_use]
pub struct GithubTelemetryEvents(Watch<GithubTelemetry>);

impl GithubTelemetryEvents {
    /// The next one, or `None` when the client is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<GithubTelemetry> {
        self.0.next().await
    }

    /// How many were dropped because nobody read them: more than a thousand waited.
    pub fn missed(&self) -> u64 {
        self.0.missed()
    }
}

impl Stream for GithubTelemetryEvents {
    type Item = GithubTelemetry;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<GithubTelemetry>> {
        self.get_mut().0.poll_next(cx)
    }
}

impl Client {
    /// What the CLI tells GitHub about itself from now on, if the client was configured with
    /// [`forward_github_telemetry`](crate::ClientBuilder::forward_github_telemetry); nothing otherwise.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> copilot::Result<()> {
    /// let client = copilot::Client::builder().forward_github_telemetry(true).lazy()?;
    /// let mut telemetry = client.github_telemetry();
    /// let session = client.session().start().await?;
    /// while let Some(told) = telemetry.next().await {
    ///     println!("{} {:?}", told.event.kind, told.event.metrics);
    /// }
    /// # session.close().await
    /// # }
    /// ```
    ///
    /// Wire: `gitHubTelemetry.event`, from the CLI.
    pub fn github_telemetry(&self) -> GithubTelemetryEvents {
        GithubTelemetryEvents(self.0.router.telemetry.watch())
    }
}

/// Called on the reader's task.
pub(super) fn tell(watchers: &Watchers<GithubTelemetry>, params: &RawValue) {
    watchers.tell(|| match decode::question(params.get()) {
        Ok(telemetry) => Some(telemetry),
        Err(error) => {
            tracing::warn!(%error, "telemetry of the CLI cannot be read");
            None
        }
    });
}
