//! What waits in a client.

use crate::Client;

/// How many calls of this client, and of its sessions, wait for an answer of the CLI: none when nothing is asked. A
/// test that drops futures sees by it that nothing of them is left.
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
///     _ = &mut ping => unreachable!("nobody answers"),
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
