//! The agent asks to work in another way: to carry out its plan, or to go on with another model.

use std::sync::Arc;

use super::answer::{Handler, IntoAnswer};
use super::builder::SessionBuilder;
use super::inbox::Inbox;
use super::requests::Question;
use super::safe_answers;
use crate::protocol::modes::{
    AutoModeAnswer, AutoModeSwitch, AutoModeSwitchResponse, ExitPlanModeResponse, PlanAction, PlanProposal,
};
use crate::rpc::Responder;

/// The answer to a [`PlanProposal`].
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct PlanDecision(ExitPlanModeResponse);

impl PlanDecision {
    /// The plan is good, and this follows.
    pub fn approve(action: PlanAction) -> Self {
        let selected_action = Some(action);
        Self(ExitPlanModeResponse { approved: true, selected_action, ..ExitPlanModeResponse::default() })
    }

    /// The plan is not good yet; the agent reads why, and goes on planning.
    pub fn reject(feedback: impl Into<String>) -> Self {
        let feedback = Some(feedback.into());
        Self(ExitPlanModeResponse { feedback, ..ExitPlanModeResponse::default() })
    }

    pub(super) fn as_wire(&self) -> &ExitPlanModeResponse {
        &self.0
    }

    /// Says whether the agent may edit files without asking while it carries out the plan.
    pub fn auto_approve_edits(mut self, on: bool) -> Self {
        self.0.auto_approve_edits = Some(on);
        self
    }
}

impl SessionBuilder {
    /// Has the program look at the agent's plan before it is carried out. Without it every plan is good.
    ///
    /// A handler that fails rejects the plan.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{PlanAction, PlanDecision, Session};
    ///
    /// let builder = Session::builder().on_exit_plan_mode(|plan| async move {
    ///     match plan.summary.contains("rm -rf") {
    ///         true => PlanDecision::reject("nothing is to be removed"),
    ///         false => PlanDecision::approve(PlanAction::Interactive),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `exitPlanMode.request`, from the CLI.
    pub fn on_exit_plan_mode<F, R>(
        mut self,
        handler: impl Fn(PlanProposal) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<PlanDecision>,
    {
        self.handlers.exit_plan_mode = Some(Handler::new(handler));
        self
    }

    /// Has the program say whether to go on with another model when the model's service refuses, as at the end of a
    /// quota. Without it, and when the handler fails, the answer is no.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{AutoModeAnswer, Session};
    ///
    /// let builder = Session::builder().on_auto_mode_switch(|asked| async move {
    ///     match asked.retry_after_seconds {
    ///         Some(seconds) if seconds < 60 => AutoModeAnswer::No,
    ///         _ => AutoModeAnswer::Yes,
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `autoModeSwitch.request`, from the CLI.
    pub fn on_auto_mode_switch<F, R>(
        mut self,
        handler: impl Fn(AutoModeSwitch) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<AutoModeAnswer>,
    {
        self.handlers.auto_mode_switch = Some(Handler::new(handler));
        self
    }
}

impl Inbox {
    pub(super) fn plan_proposed(self: &Arc<Self>, plan: PlanProposal, responder: Responder) {
        let Some(handler) = self.handlers.exit_plan_mode.clone() else {
            // What the CLI does where it need not ask; what the plan does still needs permission.
            return responder.ok(&ExitPlanModeResponse { approved: true, ..ExitPlanModeResponse::default() });
        };
        let question = Question::request("on_exit_plan_mode", "a plan", &responder);
        self.consult(question, handler.ask(plan), |_, decision| {
            responder.ok(decision.unwrap_or_else(safe_answers::plan).as_wire());
        });
    }

    pub(super) fn auto_mode_offered(self: &Arc<Self>, asked: AutoModeSwitch, responder: Responder) {
        let Some(handler) = self.handlers.auto_mode_switch.clone() else {
            return responder.ok(&AutoModeSwitchResponse { response: safe_answers::AUTO_MODE });
        };
        let question = Question::request("on_auto_mode_switch", "another model", &responder);
        self.consult(question, handler.ask(asked), |_, answer| {
            responder.ok(&AutoModeSwitchResponse { response: answer.unwrap_or(safe_answers::AUTO_MODE) });
        });
    }
}
