//! The model of a session: which one, how it thinks, and what it may cost.

pub(crate) mod providers;
pub(crate) mod system_message;
pub(crate) mod tokens;

use std::pin::Pin;

use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::SessionId;
use crate::protocol::config::ContextTier;
use crate::protocol::config::CopilotApi;
use crate::protocol::config::ImageGeneration;
use crate::protocol::config::ReasoningSummary;
use crate::protocol::models::CurrentModel;
use crate::protocol::models::ModelChanged;
use crate::protocol::models::ModelSwitch;
use crate::protocol::models::ModelSwitchParams;
use crate::protocol::providers::ModelOverrides;
use crate::protocol::settings::setter;
use crate::session::Session;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// The model that answers, such as `gpt-5`, or `auto`.
    ///
    /// Wire: `session.create`, `model`.
    model: text in members "model";

    /// The only models that the session may use.
    ///
    /// Wire: `session.create`, `allowedModels`.
    allowed_models: list in members "allowedModels";

    /// How hard the model thinks, such as `low` or `high`; which efforts there are depends on the model.
    ///
    /// Wire: `session.create`, `reasoningEffort`.
    reasoning_effort: text in members "reasoningEffort";

    /// How much the model tells of its thinking.
    ///
    /// Wire: `session.create`, `reasoningSummary`.
    reasoning_summary: (ReasoningSummary) in members "reasoningSummary";

    /// How large a context window the model gets, where it has several.
    ///
    /// Wire: `session.create`, `contextTier`.
    context_tier: (ContextTier) in members "contextTier";

    /// What the model can do, in place of what the CLI thinks of it.
    ///
    /// Wire: `session.create`, `modelCapabilities`.
    model_capabilities: (ModelOverrides) in members "modelCapabilities";

    /// Whether messages also come in pieces while the model writes them; off unless set.
    ///
    /// Wire: `session.create`, `streaming`.
    streaming: flag in members "streaming";

    /// How requests to Copilot's own models travel.
    ///
    /// Wire: `session.create`, `capi`.
    copilot_api: (CopilotApi) in members "capi";

    /// The name that this program gives itself towards the model's service.
    ///
    /// Wire: `session.create`, `clientName`.
    client_name: text in members "clientName";

    /// Whether the agent makes images.
    ///
    /// Wire: `session.create`, `imageGeneration`.
    image_generation: (ImageGeneration) in members "imageGeneration";

    /// Whether answers name their sources.
    ///
    /// Wire: `session.create`, `enableCitations`.
    citations: flag in members "enableCitations";
}

impl Session {
    /// The model that the session works with.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.model.getCurrent`, to the CLI.
    pub async fn current_model(&self) -> Result<CurrentModel> {
        self.ask_for("session.model.getCurrent").await
    }

    /// Changes the model; await it. It goes on with the same conversation.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the model may still be another one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// session.set_model("gpt-5").reasoning_effort("high").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.model.switchTo`, to the CLI.
    pub fn set_model(&self, model: impl Into<String>) -> ModelRequest<'_> {
        ModelRequest { session: self, model: model.into(), options: ModelSwitch::default() }
    }
}

/// Changes a session's model; await it. Made by [`Session::set_model`].
///
/// # Cancel safety
///
/// As [`Session::set_model`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ModelRequest<'a> {
    session: &'a Session,
    model: String,
    options: ModelSwitch,
}

impl ModelRequest<'_> {
    setter! {
        /// How hard it thinks, such as `low` or `high`.
        reasoning_effort: text in options.reasoning_effort
    }
    setter! {
        /// How much it tells of its thinking.
        reasoning_summary: (ReasoningSummary) in options.reasoning_summary
    }
    setter! {
        /// How large a context window it gets.
        context_tier: (ContextTier) in options.context_tier
    }
    setter! {
        /// What it can do, in place of what the CLI thinks of it.
        capabilities: (ModelOverrides) in options.model_capabilities
    }
}

impl<'a> IntoFuture for ModelRequest<'a> {
    type Output = Result<ModelChanged>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { session, model, options } = self;
            let session_id: &SessionId = session.id();
            let params = ModelSwitchParams { session_id, model_id: &model, options: &options };
            let changed = session.peer().await?.call("session.model.switchTo", &params).await?;
            session.core().remember(|members| {
                members.set("model", model);
                // Settings that are not named are those of the new model.
                members.set_or_remove("reasoningEffort", options.reasoning_effort);
                members.set_or_remove("reasoningSummary", options.reasoning_summary);
                members.set_or_remove("contextTier", options.context_tier);
                members.set_or_remove("modelCapabilities", options.model_capabilities);
            });
            Ok(changed)
        })
    }
}

fn check(settings: &Settings, _: Occasion) -> Result<()> {
    if settings.members.get::<Vec<String>>("allowedModels").is_some_and(Vec::is_empty) {
        let message = "`allowed_models` is empty: name at least one model, or leave it out";
        return Err(Error::new(ErrorKind::Config, message));
    }
    Ok(())
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, check: Some(check), ..Topic::NONE };
