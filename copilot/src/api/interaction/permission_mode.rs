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
    /// Returns the permission mode of the CLI, which applies before it sends permission requests to this program.
    ///
    /// Wire: `session.permissions.getMode`, a [query](crate#queries).
    pub async fn permission_mode(&self) -> Result<PermissionMode> {
        self.ask_for::<PermissionModeResponse>("session.permissions.getMode").await.map(|answer| answer.mode)
    }

    /// Sets the permission mode of the CLI. With [`PermissionMode::AllowAll`] the CLI sends no permission requests to
    /// this program, regardless of the session's [`Permissions`](crate::Permissions); only managed permissions still
    /// apply.
    ///
    /// # Errors
    ///
    /// As every command, and when managed permissions exclude the mode.
    ///
    /// Wire: `session.permissions.setMode`, or `session.permissions.setApproveAll` on CLIs without it, a
    /// [command](crate#commands).
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
            format!("{method}: the CLI refuses the permission mode `{mode}`; managed settings exclude it");
        Err(Error::new(ErrorKind::Session, message))
    }

    /// Removes the approvals that were given for the rest of the session.
    ///
    /// Wire: `session.permissions.resetSessionApprovals`, a [command](crate#commands).
    pub async fn forget_approvals(&self) -> Result<()> {
        self.order("session.permissions.resetSessionApprovals", &self.params()).await
    }
}
