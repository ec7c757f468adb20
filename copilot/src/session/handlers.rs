//! What a program does when the CLI asks.

use std::fmt;

use super::answer::Handler;
use super::canvas::OfferedCanvases;
use super::commands::Offered;
use super::elicitation::ElicitationRequest;
use super::hooks::Hooks;
use super::mcp_headers::McpHeaders;
use super::mcp_login::McpLoginAnswer;
use super::modes::PlanDecision;
use super::permission_request::PermissionRequest;
use super::permissions::{Decision, Permissions};
use super::sampling::{Sampled, SamplingRequest};
use super::skills::Skills;
use super::system_message::Transforms;
use super::tokens::{GithubTokens, ProviderTokens};
use super::user_input::UserAnswer;
use crate::error::Result;
use crate::protocol::elicitation::Elicited;
use crate::protocol::limits::{LimitsAnswer, LimitsExhausted};
use crate::protocol::mcp_headers::McpHeadersWanted;
use crate::protocol::mcp_login::McpLogin;
use crate::protocol::modes::{AutoModeAnswer, AutoModeSwitch, PlanProposal};
use crate::protocol::offers::Offers;
use crate::protocol::user_input::UserQuestion;
use crate::tools::ToolErrors;

/// How many bytes the result of a tool may have: 128 MiB unless set, half of what a frame may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxToolResult(pub(crate) usize);

impl Default for MaxToolResult {
    fn default() -> Self {
        Self(128 << 20)
    }
}

/// The handlers of one session.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    /// Decides where there is no handler.
    pub(crate) permissions: Permissions,
    pub(crate) permission: Option<Handler<PermissionRequest, Decision>>,
    /// Whether the program has said how to decide.
    pub(crate) decides: bool,
    /// What the model reads when a tool fails.
    pub(crate) tool_errors: ToolErrors,
    /// The largest result of a tool, in bytes.
    pub(crate) max_tool_result: MaxToolResult,
    pub(crate) hooks: Hooks,
    pub(crate) user_input: Option<Handler<UserQuestion, UserAnswer>>,
    pub(crate) elicitation: Option<Handler<ElicitationRequest, Elicited>>,
    pub(crate) exit_plan_mode: Option<Handler<PlanProposal, PlanDecision>>,
    pub(crate) auto_mode_switch: Option<Handler<AutoModeSwitch, AutoModeAnswer>>,
    pub(crate) commands: Offered,
    pub(crate) transforms: Transforms,
    pub(crate) skills: Skills,
    pub(crate) canvases: OfferedCanvases,
    pub(crate) provider_tokens: ProviderTokens,
    pub(crate) github_token: Option<GithubTokens>,
    pub(crate) mcp_login: Option<Handler<McpLogin, McpLoginAnswer>>,
    pub(crate) mcp_headers: Option<Handler<McpHeadersWanted, McpHeaders>>,
    pub(crate) sampling: Option<Handler<SamplingRequest, Sampled>>,
    pub(crate) limits_exhausted: Option<Handler<LimitsExhausted, LimitsAnswer>>,
}

impl Handlers {
    /// Finds what does not fit together before anything is started.
    pub(crate) fn check(&self) -> Result<()> {
        self.skills.check()?;
        self.canvases.check()
    }

    /// Whether there are calls that may be denied.
    pub(crate) fn decides_calls(&self) -> bool {
        self.permission.is_some() || !self.permissions.grants_all()
    }

    /// What the CLI is told to ask.
    pub(crate) fn offers(&self) -> Offers {
        Offers {
            hooks: !self.hooks.is_empty(),
            request_user_input: self.user_input.is_some(),
            request_elicitation: self.elicitation.is_some(),
            request_exit_plan_mode: self.exit_plan_mode.is_some(),
            request_auto_mode_switch: self.auto_mode_switch.is_some(),
            commands: self.commands.defs(),
            has_skill_provider: !self.skills.is_empty(),
            request_canvas_renderer: !self.canvases.defs().is_empty(),
            canvases: self.canvases.defs(),
            canvas_provider: self.canvases.provider(),
            git_hub_token_provider_registration_id: self.github_token.as_ref().map(GithubTokens::id),
        }
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handlers")
            .field("permissions", &self.permissions)
            .field("permission", &self.permission.is_some())
            .field("hooks", &self.hooks)
            .field("user_input", &self.user_input)
            .field("elicitation", &self.elicitation)
            .field("exit_plan_mode", &self.exit_plan_mode)
            .field("auto_mode_switch", &self.auto_mode_switch)
            .field("commands", &self.commands)
            .field("transforms", &self.transforms)
            .field("skills", &self.skills)
            .field("canvases", &self.canvases)
            .field("provider_tokens", &self.provider_tokens)
            .field("github_token", &self.github_token)
            .field("mcp_login", &self.mcp_login)
            .field("mcp_headers", &self.mcp_headers)
            .field("sampling", &self.sampling)
            .field("limits_exhausted", &self.limits_exhausted)
            .finish()
    }
}
