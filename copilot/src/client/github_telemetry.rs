//! The telemetry that the CLI sends to GitHub, forwarded to the program.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use serde_json::value::RawValue;

use super::Client;
use super::broadcast::{Broadcast, Receiver};
use crate::protocol::decode;
use crate::protocol::github_telemetry::GithubTelemetry;

/// The telemetry that the CLI sends to GitHub, as a [`Stream`]. Returned by
/// [`Client::github_telemetry`](crate::Client::github_telemetry).
///
/// The stream ends with its client.
#[derive(Debug)]
#[must_use]
pub struct GithubTelemetryEvents(Receiver<GithubTelemetry>);

impl GithubTelemetryEvents {
    /// Returns the next event; `None` once the client has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<GithubTelemetry> {
        self.0.next().await
    }

    /// Returns the number of events that were dropped because more than 1024 were unread.
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
    /// Returns a stream of the telemetry that the CLI sends to GitHub from now on. It is empty unless the client has
    /// [`forward_github_telemetry`](crate::ClientBuilder::forward_github_telemetry).
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> copilot::Result<()> {
    /// let client = copilot::Client::builder().forward_github_telemetry(true).lazy()?;
    /// let mut telemetry = client.github_telemetry();
    /// let session = client.session().start().await?;
    /// while let Some(sent) = telemetry.next().await {
    ///     println!("{} {:?}", sent.event.kind, sent.event.metrics);
    /// }
    /// # session.close().await
    /// # }
    /// ```
    ///
    /// Wire: `gitHubTelemetry.event`, from the CLI.
    pub fn github_telemetry(&self) -> GithubTelemetryEvents {
        GithubTelemetryEvents(self.0.router.telemetry.subscribe())
    }
}

/// Publishes a notification. Called on the reader's task.
pub(super) fn publish(broadcast: &Broadcast<GithubTelemetry>, params: &RawValue) {
    broadcast.send_with(|| match decode::question(params.get()) {
        Ok(telemetry) => Some(telemetry),
        Err(error) => {
            tracing::warn!(%error, "a telemetry event of the CLI cannot be decoded");
            None
        }
    });
}
