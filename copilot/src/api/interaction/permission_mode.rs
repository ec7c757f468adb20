//! The permission mode of the CLI, and approvals that last.

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::instructions::ApproveAllParams;
use crate::protocol::instructions::PermissionModeParams;
use crate::protocol::instructions::PermissionModeResponse;
use crate::protocol::session::Success;
use crate::session::Session;

pub use crate::protocol::instructions::PermissionMode;

impl Session {
    /// How the CLI itself deals with permissions, before this program is asked.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.permissions.getMode`, to the CLI.
    pub async fn permission_mode(&self) -> Result<PermissionMode> {
        self.ask_for::<PermissionModeResponse>("session.permissions.getMode").await.map(|answer| answer.mode)
    }

    /// Changes how the CLI itself deals with permissions. With [`PermissionMode::AllowAll`] this program is asked
    /// nothing any more, whatever the session's [`Permissions`](crate::Permissions) say; only managed permissions
    /// still count.
    ///
    /// # Errors
    ///
    /// When the CLI is not allowed to, the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the mode may still be another one.
    ///
    /// Wire: `session.permissions.setMode`, or `session.permissions.setApproveAll` on CLIs without it, to the CLI.
    pub async fn set_permission_mode(&self, mode: &PermissionMode) -> Result<()> {
        let method = "session.permissions.setMode";
        let peer = self.peer().await?;
        let params = PermissionModeParams { session_id: self.id(), mode };
        let success = match peer.request(method, &params).decoded::<PermissionModeResponse>().await {
            Ok(answer) => answer.success.unwrap_or(answer.mode == *mode),
            Err(error) if error.is_unsupported() => {
                let enabled = match mode {
                    PermissionMode::Manual => false,
                    PermissionMode::AllowAll => true,
                    _ => return Err(error),
                };
                let params = ApproveAllParams { session_id: self.id(), enabled };
                match peer.request("session.permissions.setApproveAll", &params).decoded::<Success>().await {
                    Err(second) if second.is_unsupported() => return Err(error),
                    other => other?.success,
                }
            }
            Err(error) => return Err(error),
        };
        if success {
            return Ok(());
        }
        let message =
            format!("{method}: the CLI does not go over to `{mode}`; what manages it rules that out");
        Err(Error::new(ErrorKind::Session, message))
    }

    /// Forgets what was approved for the rest of the session.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the approvals may still be forgotten.
    ///
    /// Wire: `session.permissions.resetSessionApprovals`, to the CLI.
    pub async fn forget_approvals(&self) -> Result<()> {
        self.order("session.permissions.resetSessionApprovals", &self.params()).await
    }
}
