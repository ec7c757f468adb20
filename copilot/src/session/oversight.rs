//! What a session is told, what the CLI lets it do, and what runs in it: instructions, the permission mode, fleets,
//! pending tool calls, and switching skills and MCP servers on and off.

use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::account::{ToolInfo, ToolListResponse};
use crate::protocol::controls::NameParams;
use crate::protocol::instructions::{
    ApproveAllParams, FleetParams, FleetResponse, InstructionSource, InstructionsResponse, PendingToolCall,
    PendingToolCallsResponse, PermissionMode, PermissionModeParams, PermissionModeResponse, ServerParams,
};
use crate::protocol::session::Success;

/// Instructions and permissions.
impl Session {
    /// The files with instructions that the agent follows.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.instructions.getSources`, to the CLI.
    pub async fn instructions(&self) -> Result<Vec<InstructionSource>> {
        let answer: InstructionsResponse = self.ask_for("session.instructions.getSources").await?;
        Ok(answer.sources)
    }

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
        let success = match peer.call::<_, PermissionModeResponse>(method, &params).await {
            Ok(answer) => answer.success.unwrap_or(answer.mode == *mode),
            Err(error) if error.is_unsupported() => {
                let enabled = match mode {
                    PermissionMode::Manual => false,
                    PermissionMode::AllowAll => true,
                    _ => return Err(error),
                };
                let params = ApproveAllParams { session_id: self.id(), enabled };
                match peer.call::<_, Success>("session.permissions.setApproveAll", &params).await {
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

/// What runs.
impl Session {
    /// Has several sub-agents work at once, on this or on the plan; says whether they began.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the fleet may still begin.
    ///
    /// Wire: `session.fleet.start`, to the CLI.
    pub async fn start_fleet(&self, prompt: Option<&str>) -> Result<bool> {
        let params = FleetParams { session_id: self.id(), prompt };
        let answer: FleetResponse = self.peer().await?.call("session.fleet.start", &params).await?;
        Ok(answer.started)
    }

    /// The calls of programs' tools that wait for their results, as after a resume with
    /// [`continue_pending_work`](crate::SessionBuilder::continue_pending_work).
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.tools.listPendingRequests`, to the CLI.
    pub async fn pending_tool_calls(&self) -> Result<Vec<PendingToolCall>> {
        let answer: PendingToolCallsResponse = self.ask_for("session.tools.listPendingRequests").await?;
        Ok(answer.items)
    }

    /// The tools of an MCP server that is connected.
    ///
    /// # Errors
    ///
    /// When it is not connected, the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.mcp.listTools`, to the CLI.
    pub async fn mcp_tools(&self, server: &str) -> Result<Vec<ToolInfo>> {
        let params = ServerParams { session_id: self.id(), server_name: server };
        let answer: ToolListResponse = self.peer().await?.call("session.mcp.listTools", &params).await?;
        Ok(answer.tools)
    }

    /// Switches an MCP server on.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the server may still be switched on.
    ///
    /// Wire: `session.mcp.enable`, to the CLI.
    pub async fn enable_mcp_server(&self, name: &str) -> Result<()> {
        self.order("session.mcp.enable", &ServerParams { session_id: self.id(), server_name: name }).await
    }

    /// Switches an MCP server off.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the server may still be switched off.
    ///
    /// Wire: `session.mcp.disable`, to the CLI.
    pub async fn disable_mcp_server(&self, name: &str) -> Result<()> {
        self.order("session.mcp.disable", &ServerParams { session_id: self.id(), server_name: name }).await
    }

    /// Switches a skill on.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the skill may still be switched on.
    ///
    /// Wire: `session.skills.enable`, to the CLI.
    pub async fn enable_skill(&self, name: &str) -> Result<()> {
        self.order("session.skills.enable", &NameParams { session_id: self.id(), name }).await
    }

    /// Switches a skill off.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the skill may still be switched off.
    ///
    /// Wire: `session.skills.disable`, to the CLI.
    pub async fn disable_skill(&self, name: &str) -> Result<()> {
        self.order("session.skills.disable", &NameParams { session_id: self.id(), name }).await
    }
}
