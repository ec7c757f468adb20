//! The agent asks to work in another way: to carry out its plan, or to go on with another model.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::error::Result;
use crate::protocol::config::Autopilot;
use crate::protocol::controls::ModeGetResponse;
use crate::protocol::controls::ModeSetParams;
use crate::protocol::modes::{
    AutoModeAnswer, AutoModeSwitch, AutoModeSwitchResponse, ExitPlanModeResponse, PlanAction, PlanProposal,
};
use crate::protocol::session::AgentMode;
use crate::rpc::Responder;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::setters::members;
use crate::session::core::{Handler, IntoAnswer};

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
        self.settings.state.set(Handler::new(handler));
        self.settings.members.set("requestExitPlanMode", true);
        self.settings.features.push("on_exit_plan_mode");
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
        self.settings.state.set(Handler::new(handler));
        self.settings.members.set("requestAutoModeSwitch", true);
        self
    }
}

fn plan_proposed(session: &Arc<SessionCore>, plan: PlanProposal, responder: Responder) {
    let Some(handler) = session.handler() else {
        // What the CLI does where it need not ask; what the plan does still needs permission.
        return responder.ok(&ExitPlanModeResponse { approved: true, ..ExitPlanModeResponse::default() });
    };
    let question = Question::request("on_exit_plan_mode", "a plan", &responder);
    session.consult(question, handler.ask(plan), |_, decision| {
        let decision = decision.unwrap_or_else(unseen);
        responder.ok(&decision.0);
    });
}

fn auto_mode_offered(session: &Arc<SessionCore>, asked: AutoModeSwitch, responder: Responder) {
    let Some(handler) = session.handler() else {
        return responder.ok(&AutoModeSwitchResponse { response: AutoModeAnswer::No });
    };
    let question = Question::request("on_auto_mode_switch", "another model", &responder);
    session.consult(question, handler.ask(asked), |_, answer| {
        responder.ok(&AutoModeSwitchResponse { response: answer.unwrap_or(AutoModeAnswer::No) });
    });
}

members! {
    /// How the agent goes on by itself.
    ///
    /// Wire: `session.create`, `autopilot`.
    autopilot: (Autopilot) in members "autopilot";

    /// Whether the agent may plan work for later.
    ///
    /// Wire: `session.options.update`, `manageScheduleEnabled`.
    manage_schedule: flag in options "manageScheduleEnabled";

    @also "requestExitPlanMode" on_exit_plan_mode, "requestAutoModeSwitch" on_auto_mode_switch,
}

impl Session {
    /// How the agent works on messages.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.mode.get`, to the CLI.
    pub async fn mode(&self) -> Result<AgentMode> {
        self.ask_for::<ModeGetResponse>("session.mode.get").await.map(AgentMode::from)
    }

    /// Changes how the agent works on messages from here on.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.mode.set`, to the CLI.
    pub async fn set_mode(&self, mode: AgentMode) -> Result<()> {
        self.order("session.mode.set", &ModeSetParams { session_id: self.id(), mode: &mode }).await?;
        self.core().remember_mode(mode);
        Ok(())
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    requests: &[
        ("exitPlanMode.request", |session, params, responder| {
            session.read("exitPlanMode.request", params, responder, plan_proposed);
        }),
        ("autoModeSwitch.request", |session, params, responder| {
            session.read("autoModeSwitch.request", params, responder, auto_mode_offered);
        }),
    ],
    refuse: Some(refuse),
    handler_of: &[
        ("exitPlanMode.request", "on_exit_plan_mode", |session| {
            session.topic::<Handler<PlanProposal, PlanDecision>>().is_some()
        }),
        ("autoModeSwitch.request", "on_auto_mode_switch", |session| {
            session.topic::<Handler<AutoModeSwitch, AutoModeAnswer>>().is_some()
        }),
    ],
    ..Topic::NONE
};

/// The decision about a plan that the program could not see.
fn unseen() -> PlanDecision {
    PlanDecision::reject("the plan could not be looked at")
}

/// The safe answers where no session can be asked: nothing is approved.
fn refuse(method: &str, _: &RawValue, responder: Responder) -> Option<Responder> {
    match method {
        "exitPlanMode.request" => responder.ok(&unseen().0),
        "autoModeSwitch.request" => responder.ok(&AutoModeSwitchResponse { response: AutoModeAnswer::No }),
        _ => return Some(responder),
    }
    None
}
