//! The number of pending requests of a client.

use crate::Client;

/// Returns the number of pending requests of this client and its sessions. A test that drops futures can assert that
/// no request is left.
///
/// # Examples
///
/// ```
/// use copilot::testing::{FakeCli, pending_calls};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> copilot::Result<()> {
/// let cli = FakeCli::new();
/// let client = cli.client_builder().start().await?;
/// cli.hold("ping");
/// let mut ping = Box::pin(client.ping("hello"));
/// tokio::select! {
///     _ = &mut ping => unreachable!("the request is held"),
///     _ = cli.held("ping") => assert_eq!(pending_calls(&client), 1),
/// }
/// drop(ping);
/// assert_eq!(pending_calls(&client), 0);
/// # Ok(())
/// # }
/// ```
pub fn pending_calls(client: &Client) -> usize {
    client.pending_calls()
}
