//! Where answers come from, and what the model is told beforehand.

use crate::protocol::providers::{AzureProvider, Provider as Wire, ProviderTransport};
use crate::protocol::session::SystemMessageConfig;
use crate::protocol::settings::setter;

/// A model's endpoint of your own, instead of a Copilot login. Wire: `session.create`, `provider`.
///
/// # Examples
///
/// ```
/// use copilot::Provider;
///
/// let provider = Provider::openai("http://127.0.0.1:11434/v1").api_key("none");
/// # let _ = provider;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Provider {
    wire: Wire,
}

impl Provider {
    /// An endpoint that speaks OpenAI's chat completions, such as `https://host/v1`.
    pub fn openai(base_url: impl Into<String>) -> Self {
        Self::new("openai", base_url)
    }

    /// An Azure OpenAI resource.
    pub fn azure(base_url: impl Into<String>, api_version: impl Into<String>) -> Self {
        let mut provider = Self::new("azure", base_url);
        provider.wire.azure = Some(AzureProvider { api_version: api_version.into() });
        provider
    }

    /// An endpoint that speaks Anthropic's messages.
    pub fn anthropic(base_url: impl Into<String>) -> Self {
        Self::new("anthropic", base_url)
    }

    fn new(kind: &'static str, base_url: impl Into<String>) -> Self {
        Self { wire: Wire { kind, base_url: base_url.into(), ..Wire::default() } }
    }

    /// The key that goes with each request.
    pub fn api_key(mut self, key: impl Into<String>) -> Self {
        self.wire.api_key = Some(key.into().into());
        self
    }

    /// The bearer token that goes with each request; it wins over a key.
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.wire.bearer_token = Some(token.into().into());
        self
    }

    /// Speaks OpenAI's responses API instead of chat completions.
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
        /// How requests travel; over HTTP unless set.
        transport: (ProviderTransport) in wire.transport
    }
    setter! {
        /// The model that the CLI knows and that this endpoint's behaves like.
        model_id: text in wire.model_id
    }
    setter! {
        /// The name that the endpoint knows the model by, where it is not the session's.
        wire_model: text in wire.wire_model
    }
    setter! {
        /// The largest prompt that the model takes, in tokens.
        max_prompt_tokens: (u64) in wire.max_prompt_tokens
    }
    setter! {
        /// How much the model takes and gives in all, in tokens.
        max_context_window_tokens: (u64) in wire.max_context_window_tokens
    }
    setter! {
        /// The longest answer that the model gives, in tokens.
        max_output_tokens: (u64) in wire.max_output_tokens
    }

    pub(super) fn into_wire(self) -> Wire {
        self.wire
    }
}

/// What the model is told before the conversation. Wire: `session.create`, `systemMessage`.
#[derive(Clone, Debug)]
#[must_use]
pub struct SystemMessage(SystemMessageConfig);

impl SystemMessage {
    /// Adds to what the CLI says.
    pub fn append(content: impl Into<String>) -> Self {
        Self(SystemMessageConfig::Append { content: content.into() })
    }

    /// Stands in place of everything that the CLI says.
    pub fn replace(content: impl Into<String>) -> Self {
        Self(SystemMessageConfig::Replace { content: content.into() })
    }

    pub(super) fn into_wire(self) -> SystemMessageConfig {
        self.0
    }
}
