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
    /// Wire: `session.permissions.getMode`, a [query](crate#queries).
    pub async fn permission_mode(&self) -> Result<PermissionMode> {
        self.ask_for::<PermissionModeResponse>("session.permissions.getMode").await.map(|answer| answer.mode)
    }

    /// Changes how the CLI itself deals with permissions. With [`PermissionMode::AllowAll`] this program is asked
    /// nothing any more, whatever the session's [`Permissions`](crate::Permissions) say; only managed permissions
    /// still count.
    ///
    /// # Errors
    ///
    /// As every command, and when the CLI is not allowed to.
    ///
    /// Wire: `session.permissions.setMode`, or `session.permissions.setApproveAll` on CLIs without it, a [command](crate#commands).
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
    /// Wire: `session.permissions.resetSessionApprovals`, a [command](crate#commands).
    pub async fn forget_approvals(&self) -> Result<()> {
        self.order("session.permissions.resetSessionApprovals", &self.params()).await
    }
}
