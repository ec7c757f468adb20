//! Decisions about permission requests, and the words that the CLI reads. Pure.

use crate::protocol::permissions::{Approval, DecisionContext, DecisionWire};
use crate::session::core::handler::{BoxError, IntoAnswer, sealed::Sealed};
use crate::tools::ToolResult;

/// The decision about a request that cannot be read, or whose handler has failed.
pub(crate) const SAFE: Decision = Decision::Unavailable;

/// The feedback of a rejection without a reason.
const NO_REASON: &str = "no reason was given";

/// Encodes a decision in the words of one CLI.
pub(crate) type Words = for<'a> fn(&'a Decision) -> DecisionWire<'a>;

/// Chooses the words for a request, by whether it has a `promptRequest`.
pub(crate) type WordsFor = fn(bool) -> Words;

/// The answer to a [`PermissionRequest`](crate::PermissionRequest).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Go ahead, this once.
    Approve,
    /// Go ahead, this once, outside the sandbox: for a request that
    /// [leaves it](crate::PermissionRequest::requests_sandbox_bypass), which no other decision grants.
    ApproveSandboxBypass,
    /// Denies. The agent reads the feedback and continues.
    Reject {
        /// The reason. An empty one is replaced by a text that says only that the call was rejected.
        feedback: String,
    },
    /// Denies, and ends the turn: the agent does not continue, and [`Reply::is_aborted`](crate::Reply::is_aborted) is `true`.
    /// Sub-agents in the background continue; [`Session::abort`](crate::Session::abort) stops them too.
    RejectAndStop,
    /// Denies because no user could be asked: the agent reads that and continues without.
    Unavailable,
    /// Go ahead, and do not ask again in this session for what the approval covers. CLIs up to 1.0.32 ask again.
    ApproveForSession(Approval),
    /// Go ahead, and do not ask again in this session for this domain; only for
    /// [`PermissionKind::Url`](crate::permissions::PermissionKind::Url). CLIs up to 1.0.32 ask again.
    ApproveDomainForSession {
        /// The domain as an [`origin`](crate::PermissionRequest::origin), such as `https://example.com`.
        domain: String,
    },
    /// Go ahead, and do not ask again in this session for reading below these directories. CLIs up to 1.0.32 ask again.
    ApproveReadOnlyForSession {
        /// The directories.
        directories: Vec<String>,
    },
    /// Go ahead, and do not ask again at this location, in later sessions too. CLIs up to 1.0.32 ask again.
    ApproveForLocation {
        /// The requests that the approval covers.
        approval: Approval,
        /// The location: the root of a repository, or a directory.
        location: String,
    },
    /// Go ahead, and do not ask again for this domain; only for
    /// [`PermissionKind::Url`](crate::permissions::PermissionKind::Url). CLIs up to 1.0.32 ask again.
    ApprovePermanently {
        /// The domain as an [`origin`](crate::PermissionRequest::origin), such as `https://example.com`.
        domain: String,
    },
    /// Leaves the decision to the session's [`Permissions`](crate::Permissions): for a handler that decides about some requests only.
    Default,
    /// Leaves the request open: for another client of the session, or for a person who decides later by
    /// [`Session::pending`](crate::Session::pending), in this program or in another one. The agent waits without a limit.
    /// On protocol 2, where only one client is asked, it is [`Unavailable`](Self::Unavailable).
    Later,
}

/// A decision with how it came about. A [`Decision`] is one without that.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    pub(crate) decision: Decision,
    pub(crate) context: Option<DecisionContext>,
}

impl From<Decision> for Decided {
    fn from(decision: Decision) -> Self {
        Self { decision, context: None }
    }
}

/// The return type of a permission handler: a [`Decision`], a [`Decided`], or a `Result` of one.
#[diagnostic::on_unimplemented(
    message = "`on_permission` must return `Decision` or `Result<Decision, E>`, not `{Self}`",
    note = "`E` may be any error, or a `String` or `&str`"
)]
pub trait IntoDecision: IntoAnswer<Decided> {}

impl IntoDecision for Decision {}

impl IntoDecision for Decided {}

impl<E: Into<BoxError>> IntoDecision for Result<Decision, E> {}

impl<E: Into<BoxError>> IntoDecision for Result<Decided, E> {}

impl Sealed<Decided> for Decision {}

impl IntoAnswer<Decided> for Decision {
    fn into_answer(self) -> Result<Decided, BoxError> {
        Ok(self.into())
    }
}

impl<E> Sealed<Decided> for Result<Decision, E> {}

impl<E: Into<BoxError>> IntoAnswer<Decided> for Result<Decision, E> {
    fn into_answer(self) -> Result<Decided, BoxError> {
        self.map(Decided::from).map_err(Into::into)
    }
}

impl Decision {
    /// Returns the name of the decision in spans.
    pub(in crate::session) const fn name(&self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::ApproveSandboxBypass => "approve_sandbox_bypass",
            Self::Reject { .. } => "reject",
            Self::RejectAndStop => "reject_and_stop",
            Self::Unavailable => "unavailable",
            Self::ApproveForSession(_) => "approve_for_session",
            Self::ApproveDomainForSession { .. } => "approve_domain_for_session",
            Self::ApproveReadOnlyForSession { .. } => "approve_read_only_for_session",
            Self::ApproveForLocation { .. } => "approve_for_location",
            Self::ApprovePermanently { .. } => "approve_permanently",
            Self::Default => "default",
            Self::Later => "later",
        }
    }

    /// Adds how the decision came about, which the CLI records. Older CLIs ignore it.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::permissions::{DecisionContext, DecisionOutcome, DecisionSource};
    /// use copilot::{Decision, Session};
    ///
    /// # async fn ask_on_call(_: copilot::PermissionRequest) -> Decision { Decision::Approve }
    /// let builder = Session::builder().on_permission(|request| async move {
    ///     let by_a_person = DecisionContext::new()
    ///         .outcome(DecisionOutcome::PromptedUser)
    ///         .source(DecisionSource::HumanResponse);
    ///     ask_on_call(request).await.with_context(by_a_person)
    /// });
    /// # drop(builder);
    /// ```
    #[must_use]
    pub fn with_context(self, context: DecisionContext) -> Decided {
        Decided { decision: self, context: Some(context) }
    }

    /// Denies with the reason; the agent reads it and continues.
    pub fn reject(feedback: impl Into<String>) -> Self {
        Self::Reject { feedback: feedback.into() }
    }

    /// Returns the feedback of a rejection. The CLI ends the turn where there is none, so an empty one is replaced.
    pub(crate) fn feedback(&self) -> Option<&str> {
        match self {
            Self::Reject { feedback } if feedback.trim().is_empty() => Some(NO_REASON),
            Self::Reject { feedback } => Some(feedback),
            _ => None,
        }
    }

    /// The same for this request alone.
    pub(crate) fn once(self) -> Self {
        match self.refusal() {
            None => Self::Approve,
            Some(_) => self,
        }
    }

    /// Returns the result of a call that may not run.
    pub(crate) fn refusal(&self) -> Option<ToolResult> {
        Some(match self {
            Self::Approve
            | Self::ApproveSandboxBypass
            | Self::ApproveForSession(_)
            | Self::ApproveDomainForSession { .. }
            | Self::ApproveReadOnlyForSession { .. }
            | Self::ApproveForLocation { .. }
            | Self::ApprovePermanently { .. } => return None,
            Self::Reject { .. } => {
                let feedback = self.feedback().unwrap_or(NO_REASON);
                ToolResult::denied(format!("The user rejected this call: {feedback}"))
            }
            Self::RejectAndStop => ToolResult::rejected("The user rejected this call."),
            Self::Unavailable | Self::Later | Self::Default => {
                ToolResult::denied("Permission denied: no user could be asked whether this tool may run.")
            }
        })
    }

    /// Returns the decision as the CLI reads it.
    pub(crate) fn to_wire(&self) -> DecisionWire<'_> {
        let of_kind = |kind| DecisionWire { kind, ..DecisionWire::default() };
        match self {
            Self::Approve | Self::ApproveSandboxBypass => of_kind("approve-once"),
            Self::Reject { .. } | Self::RejectAndStop => {
                DecisionWire { feedback: self.feedback(), ..of_kind("reject") }
            }
            Self::Unavailable | Self::Later | Self::Default => of_kind("user-not-available"),
            Self::ApproveForSession(approval) => {
                DecisionWire { approval: Some(approval), ..of_kind("approve-for-session") }
            }
            Self::ApproveDomainForSession { domain } => {
                DecisionWire { domain: Some(domain), ..of_kind("approve-for-session") }
            }
            Self::ApproveReadOnlyForSession { directories } => {
                DecisionWire { directories: Some(directories), ..of_kind("approve-read-only-for-session") }
            }
            Self::ApproveForLocation { approval, location } => DecisionWire {
                approval: Some(approval),
                location_key: Some(location),
                ..of_kind("approve-for-location")
            },
            Self::ApprovePermanently { domain } => {
                DecisionWire { domain: Some(domain), ..of_kind("approve-permanently") }
            }
        }
    }
}
