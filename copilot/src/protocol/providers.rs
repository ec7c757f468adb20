//! Endpoints that the program chooses: one for a session, or several with models to select.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::secret::{Secret, Url};
use crate::protocol::settings::{setter, settings};
use crate::protocol::vocabulary::vocabulary;

/// The one endpoint of a session. Wire: `provider`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Provider {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) base_url: Url,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wire_api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) transport: Option<ProviderTransport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_key_command: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bearer_token: Option<Secret>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_bearer_token_provider: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) azure: Option<AzureProvider>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_provider: Option<ModelMaker>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wire_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_context_window_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_output_tokens: Option<u64>,
}

/// One of several endpoints. Wire: `providers`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct NamedProvider {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) provider: Provider,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AzureProvider {
    pub(crate) api_version: String,
}

vocabulary! {
    /// The transport of requests to an endpoint.
    ProviderTransport {
        /// Each request is an HTTP request.
        Http = "http",
        /// Requests travel over a WebSocket.
        Websockets = "websockets",
    }
}

vocabulary! {
    /// The software or company that serves the models of an endpoint, where the form of the requests depends on it.
    ModelMaker {
        /// Models served by OpenAI.
        OpenAi = "openai",
        /// Models served by Anthropic.
        Anthropic = "anthropic",
        /// Azure OpenAI, also behind a proxy or a custom domain.
        AzureOpenAi = "azure_openai",
        /// A local server of Ollama.
        Ollama = "ollama",
        /// A local server of LM Studio.
        LmStudio = "lm_studio",
        /// A local server of Foundry Local.
        FoundryLocal = "foundry_local",
        /// A local server of llama.cpp.
        LlamaCpp = "llama_cpp",
    }
}

/// A model of a named provider; a session selects it as `provider/id`. Wire: `models`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct ProviderModel {
    pub(crate) id: String,
    pub(crate) provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    wire_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_prompt_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_context_window_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    capabilities: Option<ModelOverrides>,
}

impl ProviderModel {
    /// Creates the model that is called `id` here, at the provider of that name.
    pub fn new(provider: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            provider: provider.into(),
            wire_model: None,
            model_id: None,
            name: None,
            max_prompt_tokens: None,
            max_context_window_tokens: None,
            max_output_tokens: None,
            capabilities: None,
        }
    }

    setter! {
        /// Sets the name of the model at the endpoint. Default: its id.
        wire_model: text in wire_model
    }
    setter! {
        /// Sets the model known to the CLI that this model behaves like.
        model_id: text in model_id
    }
    setter! {
        /// Sets the name that people see.
        name: text in name
    }
    setter! {
        /// Sets the size of the largest prompt, in tokens.
        max_prompt_tokens: (u64) in max_prompt_tokens
    }
    setter! {
        /// Sets the size of prompt and answer together, in tokens.
        max_context_window_tokens: (u64) in max_context_window_tokens
    }
    setter! {
        /// Sets the size of the longest answer, in tokens.
        max_output_tokens: (u64) in max_output_tokens
    }
    setter! {
        /// Sets the features and limits of the model, where the CLI cannot know them.
        capabilities: (ModelOverrides) in capabilities
    }
}

settings! {
    /// The features and limits of a model, in place of those that the CLI assumes. Wire: `modelCapabilities`.
    ModelOverrides {
        /// Sets the features that the model supports.
        supports: (ModelSupports),
        /// Sets the largest sizes of prompts and answers.
        limits: (ModelLimits),
    }
}

settings! {
    /// The features that a model supports.
    ModelSupports {
        /// Sets whether the model accepts images.
        vision: flag,
        /// Sets whether the model supports levels of reasoning effort.
        reasoning_effort: flag,
    }
}

settings! {
    /// The largest sizes of a model's prompts and answers, in tokens.
    ModelLimits {
        /// Sets the size of the largest prompt, in tokens.
        max_prompt_tokens: (u64) as "max_prompt_tokens",
        /// Sets the size of the longest answer, in tokens.
        max_output_tokens: (u64) as "max_output_tokens",
        /// Sets the size of prompt and answer together, in tokens.
        max_context_window_tokens: (u64) as "max_context_window_tokens",
        /// Sets the limits of images in a prompt.
        vision: (VisionLimits),
    }
}

settings! {
    /// The limits of images in a prompt.
    VisionLimits {
        /// Sets the media types that the model reads, such as `image/png`.
        supported_media_types: (Vec<String>) as "supported_media_types",
        /// Sets the largest number of images in a prompt.
        max_prompt_images: (u64) as "max_prompt_images",
        /// Sets the largest size of an image, in bytes.
        max_prompt_image_size: (u64) as "max_prompt_image_size",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_do_not_show() {
        let mut provider = Provider {
            api_key: Some(Secret::from("sk-1")),
            bearer_token: Some(Secret::from("t-2")),
            ..Provider::default()
        };
        provider.headers.insert("X-Key".into(), Secret::from("k-3"));
        provider.base_url = Url::from("https://u:p-4@h/v1?code=c-5");
        provider.api_key_command = Some(Secret::from("print-key --password w-6"));
        let shown = format!("{provider:?}");
        assert!(shown.contains("<redacted>") && shown.contains("X-Key") && shown.contains("h/v1"), "{shown}");
        for secret in ["sk-1", "t-2", "k-3", "p-4", "c-5", "w-6"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn named_providers_and_models_reach_the_wire() {
        let provider = Provider { kind: "openai", base_url: "http://h/v1".into(), ..Provider::default() };
        let named = NamedProvider { name: "one".into(), provider };
        assert_eq!(
            serde_json::to_value(named).unwrap(),
            json!({"name": "one", "type": "openai", "baseUrl": "http://h/v1"})
        );
        let model = ProviderModel::new("one", "big").wire_model("big-2025").capabilities(
            ModelOverrides::new()
                .supports(ModelSupports::new().vision(true))
                .limits(ModelLimits::new().max_prompt_tokens(1000)),
        );
        assert_eq!(
            serde_json::to_value(model).unwrap(),
            json!({"id": "big", "provider": "one", "wireModel": "big-2025",
                   "capabilities": {"supports": {"vision": true}, "limits": {"max_prompt_tokens": 1000}}})
        );
    }
}
