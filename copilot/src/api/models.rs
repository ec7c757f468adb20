//! The model of a session: its name, reasoning, capabilities and switch.

use std::pin::Pin;

use crate::client::Client;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::SessionId;
use crate::protocol::models::ModelListResponse;
use crate::protocol::models::ModelSwitch;
use crate::protocol::models::ModelSwitchParams;
use crate::protocol::providers::ModelOverrides;
use crate::protocol::settings::setter;
use crate::rpc::NoParams;
use crate::session::Session;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::config::{ContextTier, CopilotApi, ImageGeneration, ReasoningSummary};
pub use crate::protocol::models::{
    CurrentModel, ModelBilling, ModelCapabilities, ModelChanged, ModelFeatures, ModelInfo,
    ModelLongContextPrices, ModelMessage, ModelPermission, ModelPromo, ModelTokenLimits, ModelTokenPrices,
    ModelVisionLimits,
};

members! {
    /// Sets the model that answers, such as `gpt-5`, or `auto`.
    ///
    /// Wire: `session.create`, `model`.
    model: text in members "model";

    /// Sets the reasoning effort of the model, such as `low` or `high`; the choices depend on the model.
    ///
    /// Wire: `session.create`, `reasoningEffort`.
    reasoning_effort: text in members "reasoningEffort";

    /// Enables events for the pieces of a message while the model writes it. Default: off.
    ///
    /// Wire: `session.create`, `streaming`.
    streaming: flag in members "streaming";

    @group
        /// Rare settings of the model.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::models::{ContextTier, ModelOptions};
        ///
        /// let options = ModelOptions::new().allowed(["gpt-5", "gpt-5-mini"]).context_tier(ContextTier::LongContext);
        /// let builder = Session::builder().model("gpt-5").model_options(options);
        /// # drop(builder);
        /// ```
        ModelOptions
        /// Sets rare settings of the model.
        model_options {
            /// Sets the only models that the session may use. Default: all.
            ///
            /// Wire: `session.create`, `allowedModels`.
            allowed: list in members "allowedModels";

            /// Sets how much of its reasoning the model reports.
            ///
            /// Wire: `session.create`, `reasoningSummary`.
            reasoning_summary: (ReasoningSummary) in members "reasoningSummary";

            /// Sets the size of the context window, for models with several.
            ///
            /// Wire: `session.create`, `contextTier`.
            context_tier: (ContextTier) in members "contextTier";

            /// Sets the capabilities of the model. Default: those that the CLI assumes.
            ///
            /// Wire: `session.create`, `modelCapabilities`.
            capabilities: (ModelOverrides) in members "modelCapabilities";

            /// Sets the transport of requests to Copilot's models.
            ///
            /// Wire: `session.create`, `capi`.
            copilot_api: (CopilotApi) in members "capi";

            /// Sets the name of this program for the service of the model.
            ///
            /// Wire: `session.create`, `clientName`.
            client_name: text in members "clientName";

            /// Sets the generation of images by the agent.
            ///
            /// Wire: `session.create`, `imageGeneration`.
            image_generation: (ImageGeneration) in members "imageGeneration";

            /// Enables sources in answers.
            ///
            /// Wire: `session.create`, `enableCitations`.
            citations: flag in members "enableCitations";
        }
}

impl Client {
    /// Returns the models that Copilot offers, without those of configured providers. The first response is cached.
    ///
    /// # Errors
    ///
    /// Returns an error if no user is logged in or the connection is lost.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `models.list`, to the CLI.
    pub async fn models(&self) -> Result<Vec<ModelInfo>> {
        if let Some(cached) = self.cached::<ModelListResponse>() {
            return Ok(cached.models.clone());
        }
        let answer: ModelListResponse = self.query("models.list", &NoParams {}).await?;
        Ok(self.cache(answer).models.clone())
    }
}

impl Session {
    /// Returns the model of the session.
    ///
    /// Wire: `session.model.getCurrent`, a [query](crate#queries). From 0.0.423 on.
    pub async fn current_model(&self) -> Result<CurrentModel> {
        self.ask_for("session.model.getCurrent").await
    }

    /// Sets the model of the session; await the returned request to send it. The conversation continues.
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
    /// Wire: `session.model.switchTo`, a [command](crate#commands). From 0.0.423 on.
    pub fn set_model(&self, model: impl Into<String>) -> ModelRequest<'_> {
        ModelRequest { session: self, model: model.into(), options: ModelSwitch::default() }
    }
}

/// A request to change a session's model, sent when it is awaited. Returned by [`Session::set_model`].
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
        /// Sets the reasoning effort, such as `low` or `high`. Default: that of the model.
        reasoning_effort: text in options.reasoning_effort
    }
    setter! {
        /// Sets how much of its reasoning the model reports. Default: that of the model.
        reasoning_summary: (ReasoningSummary) in options.reasoning_summary
    }
    setter! {
        /// Sets the size of the context window, for models with several. Default: that of the model.
        context_tier: (ContextTier) in options.context_tier
    }
    setter! {
        /// Sets the capabilities of the model. Default: those that the CLI assumes.
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
            let changed = session.peer().await?.request("session.model.switchTo", &params).decoded().await?;
            session.core().remember(|members| {
                members.set("model", model);
                // Unset settings are those of the new model.
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
        let message = "`ModelOptions::allowed` is empty: name at least one model, or leave it out";
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(())
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    check: Some(check),
    model: Some(|members| members.get::<String>("model").map(String::as_str)),
    ..Topic::NONE
};
