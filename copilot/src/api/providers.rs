//! Endpoints of models, in place of a Copilot login.

use crate::api::tokens::DEFAULT_PROVIDER;
use crate::api::tokens::{ProviderTokenRequest, token_source};
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::providers::NamedProvider;
use crate::protocol::providers::{AzureProvider, Provider as Wire};
use crate::protocol::secret::Secret;
use crate::protocol::settings::setter;
use crate::session::SessionBuilder;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;
use crate::session::core::{BoxError, Handler};

pub use crate::protocol::providers::{
    ModelLimits, ModelMaker, ModelOverrides, ModelSupports, ProviderModel, ProviderTransport, VisionLimits,
};

/// An endpoint of a model, in place of a Copilot login. Wire: `session.create`, `provider`.
///
/// # Examples
///
/// ```
/// use copilot::providers::Provider;
///
/// let provider = Provider::openai("http://127.0.0.1:11434/v1").api_key("none");
/// # let _ = provider;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Provider {
    wire: Wire,
    token: Option<Handler<ProviderTokenRequest, Secret>>,
}

impl Provider {
    /// Creates an endpoint with OpenAI's chat completions API, such as `https://host/v1`.
    pub fn openai(base_url: impl Into<String>) -> Self {
        Self::new("openai", base_url)
    }

    /// Creates an Azure OpenAI resource, such as `https://name.openai.azure.com`, with a version of Azure's API, such
    /// as `2024-10-21`.
    pub fn azure(base_url: impl Into<String>, api_version: impl Into<String>) -> Self {
        let mut provider = Self::new("azure", base_url);
        provider.wire.azure = Some(AzureProvider { api_version: api_version.into() });
        provider
    }

    /// Creates an Azure OpenAI resource, such as `https://name.openai.azure.com`, with OpenAI's API.
    pub fn azure_v1(base_url: impl Into<String>) -> Self {
        Self::new("azure", base_url)
    }

    /// Creates an endpoint with Anthropic's messages API, such as `https://host` without a path.
    pub fn anthropic(base_url: impl Into<String>) -> Self {
        Self::new("anthropic", base_url)
    }

    fn new(kind: &'static str, base_url: impl Into<String>) -> Self {
        Self { wire: Wire { kind, base_url: base_url.into().into(), ..Wire::default() }, token: None }
    }

    /// Sets the key of each request.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.wire.api_key = Some(key.into().into());
        self
    }

    setter! {
        /// Sets a command that the CLI runs before each request and that prints the key. It takes precedence over
        /// [`api_key`](Self::api_key). When it fails, so does the turn. The command has the CLI's environment, with the
        /// client's [`github_token`](crate::ClientBuilder::github_token) in it, and does not show in `Debug`.
        api_key_command: secret in wire.api_key_command
    }

    /// Sets the bearer token of each request; it takes precedence over a key.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.wire.bearer_token = Some(token.into().into());
        self
    }

    /// Sets the protocol to OpenAI's responses API. Default: chat completions.
    pub fn responses(mut self) -> Self {
        self.wire.wire_api = Some("responses");
        self
    }

    /// Adds a header to each request.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.wire.headers.insert(name.into(), value.into().into());
        self
    }

    setter! {
        /// Sets the transport of requests. Default: HTTP.
        transport: (ProviderTransport) in wire.transport
    }
    setter! {
        /// Sets the model known to the CLI whose behaviour that of the endpoint matches.
        model_id: text in wire.model_id
    }
    setter! {
        /// Sets the maker of the endpoint's models. Default: the one that the kind of the endpoint implies.
        model_maker: (ModelMaker) in wire.model_provider
    }
    setter! {
        /// Sets the name of the model in requests to the endpoint. Default: the session's name of it.
        wire_model: text in wire.wire_model
    }
    setter! {
        /// Sets the maximum prompt of the model, in tokens.
        max_prompt_tokens: (u64) in wire.max_prompt_tokens
    }
    setter! {
        /// Sets the context window of the model, prompt and answer together, in tokens.
        max_context_window_tokens: (u64) in wire.max_context_window_tokens
    }
    setter! {
        /// Sets the maximum answer of the model, in tokens.
        max_output_tokens: (u64) in wire.max_output_tokens
    }

    /// Runs when the CLI needs the bearer token of a request, several times in a turn, so a slow source should cache
    /// it. The token takes precedence over a key.
    ///
    /// When the closure fails, so does the request to the model.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::providers::Provider;
    ///
    /// let provider = Provider::openai("https://models.example/v1")
    ///     .bearer_token_from(|_| async { std::env::var("MODEL_TOKEN") });
    /// # drop(provider);
    /// ```
    ///
    /// Wire: `providerToken.getToken`, from the CLI.
    pub fn bearer_token_from<F, T, E>(
        mut self,
        source: impl Fn(ProviderTokenRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Into<Secret>,
        E: Into<BoxError>,
    {
        self.wire.has_bearer_token_provider = true;
        self.token = Some(Handler::new(move |request| {
            let token = source(request);
            async move { token.await.map(Into::into) }
        }));
        self
    }

    pub(crate) fn into_parts(self) -> (Wire, Option<Handler<ProviderTokenRequest, Secret>>) {
        (self.wire, self.token)
    }
}

members! {
    @also "provider" provider, "providers" providers, "models" providers,
}

impl SessionBuilder {
    /// Sets the endpoint of the model, in place of a Copilot login.
    ///
    /// Wire: `session.create`, `provider`.
    pub fn provider(mut self, provider: Provider) -> Self {
        let (wire, token) = provider.into_parts();
        self.settings.members.set("provider", wire);
        token_source(&mut self.settings, DEFAULT_PROVIDER, token);
        self
    }

    /// Adds several endpoints, by names, and their models.
    ///
    /// Wire: `session.create`, `providers` and `models`.
    pub fn providers(mut self, providers: Providers) -> Self {
        for (name, provider) in providers.providers {
            let (wire, token) = provider.into_parts();
            let named = NamedProvider { name: name.clone(), provider: wire };
            self.settings.members.update("providers", |all: &mut Vec<NamedProvider>| all.push(named));
            token_source(&mut self.settings, &name, token);
        }
        if !providers.models.is_empty() {
            self.settings
                .members
                .update("models", |all: &mut Vec<ProviderModel>| all.extend(providers.models));
        }
        self
    }
}

/// Several endpoints of models, by names, and their models.
///
/// # Examples
///
/// ```
/// use copilot::providers::{ProviderModel, Providers};
/// use copilot::Session;
/// use copilot::providers::Provider;
///
/// let providers = Providers::new()
///     .provider("local", Provider::openai("http://127.0.0.1:11434/v1"))
///     .model(ProviderModel::new("local", "small").wire_model("llama3.2"));
/// let builder = Session::builder().providers(providers).model("local/small");
/// # drop(builder);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Providers {
    providers: Vec<(String, Provider)>,
    models: Vec<ProviderModel>,
}

impl Providers {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an endpoint under a name.
    pub fn provider(mut self, name: impl Into<String>, provider: Provider) -> Self {
        self.providers.push((name.into(), provider));
        self
    }

    /// Adds a model of a named endpoint; [`SessionBuilder::model`] selects it as `provider/id`.
    pub fn model(mut self, model: ProviderModel) -> Self {
        self.models.push(model);
        self
    }
}

fn check(settings: &Settings, _: Occasion) -> Result<()> {
    let refuse = |message| Err(Error::new(ErrorKind::Configuration, message));
    for (one, other, why) in [
        (
            ("provider", "provider"),
            ("providers", "providers"),
            "a session has one endpoint or a list of them",
        ),
        (("provider", "provider"), ("models", "providers"), "models are listed for named providers"),
        (
            ("provider", "provider"),
            ("gitHubToken", "github_token"),
            "a session with a provider does not use GitHub's models",
        ),
    ] {
        if settings.members.has(one.0) && settings.members.has(other.0) {
            let (one, other) = (one.1, other.1);
            return refuse(format!("`{one}` and `{other}` exclude each other: {why}; leave one out"));
        }
    }
    let providers = settings.members.get::<Vec<NamedProvider>>("providers");
    for model in settings.members.get::<Vec<ProviderModel>>("models").into_iter().flatten() {
        if !providers.into_iter().flatten().any(|provider| provider.name == model.provider) {
            return refuse(format!(
                "model `{}` is of provider `{}`, which is not configured; add it with `Providers::provider(..)`",
                model.id, model.provider
            ));
        }
    }
    Ok(())
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, check: Some(check), ..Topic::NONE };
