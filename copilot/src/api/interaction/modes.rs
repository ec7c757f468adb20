//! The modes of the agent, and its requests to change them: to carry out a plan, or to continue with another model.

use std::sync::Arc;

use serde_json::value::RawValue;

use crate::api::models::ModelOptions;
use crate::api::unstable::Unstable;
use crate::error::Result;
use crate::protocol::controls::ModeGetResponse;
use crate::protocol::controls::ModeSetParams;
use crate::protocol::modes::{AutoModeSwitchAnswer, ExitPlanModeAnswer};
use crate::protocol::session::AgentMode;
use crate::rpc::Responder;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::setters::members;
use crate::session::core::{Handler, IntoAnswer};

pub use crate::protocol::config::Autopilot;
pub use crate::protocol::modes::{
    AutoModeSwitchRequest, AutoModeSwitchResponse, ExitPlanModeRequest, PlanAction,
};

/// The answer to an [`ExitPlanModeRequest`].
#[derive(Clone, Debug, PartialEq)]
#[must_use]
pub struct ExitPlanModeResponse(ExitPlanModeAnswer);

impl ExitPlanModeResponse {
    /// Approves the plan; the agent carries it out with this action. The CLI passes no feedback on with an approval: a
    /// message of [`Session::send`](crate::Session::send) reaches the agent.
    pub fn approve(action: PlanAction) -> Self {
        let selected_action = Some(action);
        Self(ExitPlanModeAnswer { approved: true, selected_action, ..ExitPlanModeAnswer::default() })
    }

    /// Rejects the plan; the agent reads the feedback and continues planning.
    pub fn reject(feedback: impl Into<String>) -> Self {
        let feedback = Some(feedback.into());
        Self(ExitPlanModeAnswer { feedback, ..ExitPlanModeAnswer::default() })
    }

    /// Enables edits of files without permission requests while the agent carries out the plan.
    pub fn auto_approve_edits(mut self, on: bool) -> Self {
        self.0.auto_approve_edits = Some(on);
        self
    }
}

impl SessionBuilder {
    /// Runs before the agent carries out its plan; approves or rejects it. Default: every plan is approved.
    ///
    /// A handler that fails rejects the plan.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::modes::{ExitPlanModeResponse, PlanAction};
    ///
    /// let builder = Session::builder().on_exit_plan_mode(|plan| async move {
    ///     match plan.summary.contains("rm -rf") {
    ///         true => ExitPlanModeResponse::reject("nothing is to be removed"),
    ///         false => ExitPlanModeResponse::approve(PlanAction::Interactive),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `exitPlanMode.request`, from the CLI.
    pub fn on_exit_plan_mode<F, R>(
        mut self,
        handler: impl Fn(ExitPlanModeRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<ExitPlanModeResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self.settings.members.set("requestExitPlanMode", true);
        self.settings.features.push("on_exit_plan_mode");
        self
    }
}

impl ModelOptions {
    /// Runs when the model's service refuses, as at the end of a quota; decides whether to continue with another model.
    /// Default, and when the handler fails: no.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::modes::AutoModeSwitchResponse;
    /// use copilot::models::ModelOptions;
    ///
    /// let options = ModelOptions::new().on_auto_mode_switch(|asked| async move {
    ///     match asked.retry_after_seconds {
    ///         Some(seconds) if seconds < 60 => AutoModeSwitchResponse::No,
    ///         _ => AutoModeSwitchResponse::Yes,
    ///     }
    /// });
    /// let builder = Session::builder().model_options(options);
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `autoModeSwitch.request`, from the CLI.
    pub fn on_auto_mode_switch<F, R>(
        mut self,
        handler: impl Fn(AutoModeSwitchRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<AutoModeSwitchResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self.settings.members.set("requestAutoModeSwitch", true);
        self
    }
}

fn plan_proposed(session: &Arc<SessionCore>, plan: ExitPlanModeRequest, responder: Responder) {
    let Some(handler) = session.handler() else {
        // As the CLI does without a handler; the steps of the plan still need permission.
        return responder.ok(&ExitPlanModeAnswer { approved: true, ..ExitPlanModeAnswer::default() });
    };
    let question = Question::request("on_exit_plan_mode", "a plan", &responder);
    session.consult(question, handler.ask(plan), |_, decision| {
        let decision = decision.unwrap_or_else(unseen);
        responder.ok(&decision.0);
    });
}

fn auto_mode_offered(session: &Arc<SessionCore>, asked: AutoModeSwitchRequest, responder: Responder) {
    let Some(handler) = session.handler() else {
        return responder.ok(&AutoModeSwitchAnswer { response: AutoModeSwitchResponse::No });
    };
    let question = Question::request("ModelOptions::on_auto_mode_switch", "another model", &responder);
    session.consult(question, handler.ask(asked), |_, answer| {
        responder.ok(&AutoModeSwitchAnswer { response: answer.unwrap_or(AutoModeSwitchResponse::No) });
    });
}

members! {
    /// Sets the autopilot, in which the agent works without a user.
    ///
    /// Wire: `session.create`, `autopilot`.
    autopilot: (Autopilot) in members "autopilot";

    @also "requestExitPlanMode" on_exit_plan_mode, "requestAutoModeSwitch" model_options,

    @unstable Unstable {
        /// Enables the tools with which the agent schedules work.
        ///
        /// Wire: `session.options.update`, `manageScheduleEnabled`.
        manage_schedule: flag in options "manageScheduleEnabled";
    }
}

impl Session {
    /// Returns the mode of the agent.
    ///
    /// Wire: `session.mode.get`, a [query](crate#queries). From 0.0.423 on.
    pub async fn mode(&self) -> Result<AgentMode> {
        self.ask_for::<ModeGetResponse>("session.mode.get").await.map(AgentMode::from)
    }

    /// Sets the mode of the agent for the messages from now on.
    ///
    /// Wire: `session.mode.set`, a [command](crate#commands). From 0.0.423 on.
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
            session.topic::<Handler<ExitPlanModeRequest, ExitPlanModeResponse>>().is_some()
        }),
        ("autoModeSwitch.request", "ModelOptions::on_auto_mode_switch", |session| {
            session.topic::<Handler<AutoModeSwitchRequest, AutoModeSwitchResponse>>().is_some()
        }),
    ],
    ..Topic::NONE
};

/// Returns the decision about a plan that no handler has reviewed.
fn unseen() -> ExitPlanModeResponse {
    ExitPlanModeResponse::reject("the plan could not be reviewed")
}

/// Answers requests that belong to no session: nothing is approved.
fn refuse(method: &str, _: &RawValue, responder: Responder) -> Option<Responder> {
    match method {
        "exitPlanMode.request" => responder.ok(&unseen().0),
        "autoModeSwitch.request" => {
            responder.ok(&AutoModeSwitchAnswer { response: AutoModeSwitchResponse::No });
        }
        _ => return Some(responder),
    }
    None
}
