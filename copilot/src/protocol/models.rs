//! Models: `models.list` and `session.model.*`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::config::{ContextTier, ReasoningSummary};
use crate::protocol::decode::Decode;
use crate::protocol::providers::ModelOverrides;

/// A model that is available to the user. Wire: `models.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelInfo {
    /// The id that selects the model in a session.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// The features and limits of the model.
    pub capabilities: ModelCapabilities,
    /// Whether the user may use the model; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ModelPermission>,
    /// The price of the model; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<ModelBilling>,
    /// The levels of reasoning effort that the model supports; empty where it has none.
    pub supported_reasoning_efforts: Vec<String>,
    /// The level of reasoning effort that is used by default; `None` where the model has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_reasoning_effort: Option<String>,
    /// The context windows that the model has.
    pub supported_context_tiers: Vec<String>,
    /// How the model is grouped in a list, such as `lightweight` or `powerful`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_picker_category: Option<String>,
    /// How expensive the model is in a list, such as `low` or `very_high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_picker_price_category: Option<String>,
    /// Information for those who select the model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub info_messages: Vec<ModelMessage>,
    /// Warnings for those who select the model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warning_messages: Vec<ModelMessage>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A message about a model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelMessage {
    /// The kind of message, as a code.
    pub code: String,
    /// The text for the user.
    pub message: String,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The features and limits of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelCapabilities {
    /// The features that the model supports.
    pub supports: ModelFeatures,
    /// The largest sizes of prompts and answers.
    pub limits: ModelTokenLimits,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The features that a model supports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelFeatures {
    /// Whether the model accepts images.
    pub vision: bool,
    /// Whether the model supports levels of reasoning effort.
    pub reasoning_effort: bool,
    /// Whether the model decides itself how much it thinks: `unsupported`, `optional` or `required`.
    #[serde(rename = "adaptive_thinking", skip_serializing_if = "Option::is_none")]
    pub adaptive_thinking: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The largest sizes of a model's prompts and answers, in tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelTokenLimits {
    /// The size of the largest prompt, in tokens; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_prompt_tokens: Option<u64>,
    /// The size of the longest answer, in tokens; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
    /// The size of prompt and answer together, in tokens; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_context_window_tokens: Option<u64>,
    /// The limits of images; `None` for models that take none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vision: Option<ModelVisionLimits>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The limits of a model for images in a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelVisionLimits {
    /// The media types that the model reads, such as `image/png`.
    pub supported_media_types: Vec<String>,
    /// The largest number of images in a prompt.
    pub max_prompt_images: u64,
    /// The largest size of an image, in bytes.
    pub max_prompt_image_size: u64,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Whether a model may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelPermission {
    /// The state of the permission: `enabled`, `disabled` or `unconfigured`.
    pub state: String,
    /// The terms of use; `None` where the CLI does not report them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The price of a model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelBilling {
    /// The number of premium requests that one request counts for; `None` on plans that do not count them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f64>,
    /// The discount, in percent; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount_percent: Option<f64>,
    /// A discount for a time; `None` without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo: Option<ModelPromo>,
    /// The prices of tokens; `None` on plans that do not count tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_prices: Option<ModelTokenPrices>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// A discount for a time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelPromo {
    /// The id of the discount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The discount, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount_percent: Option<f64>,
    /// The end of the discount, as RFC 3339; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<String>,
    /// The text about the discount for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The prices of a model's tokens, each for a batch of them. `None` where a kind of tokens has no price.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelTokenPrices {
    /// The number of tokens in a batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<u64>,
    /// The price of tokens sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_price: Option<f64>,
    /// The price of tokens received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_price: Option<f64>,
    /// The price of tokens in the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_price: Option<f64>,
    /// The price of tokens read from the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_price: Option<f64>,
    /// The price of tokens written to the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_price: Option<f64>,
    /// The price of tokens written to the prompt cache for an hour.
    #[serde(rename = "cacheWrite1hPrice", skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_price: Option<f64>,
    /// The longest conversation at these prices, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_max: Option<u64>,
    /// The longest prompt at these prices, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_prompt_tokens: Option<u64>,
    /// The prices in a long context window, for models with several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_context: Option<ModelLongContextPrices>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The prices of a model's tokens in a long context window, as in [`ModelTokenPrices`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelLongContextPrices {
    /// The price of tokens sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_price: Option<f64>,
    /// The price of tokens received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_price: Option<f64>,
    /// The price of tokens in the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_price: Option<f64>,
    /// The price of tokens read from the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_read_price: Option<f64>,
    /// The price of tokens written to the prompt cache.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_write_price: Option<f64>,
    /// The price of tokens written to the prompt cache for an hour.
    #[serde(rename = "cacheWrite1hPrice", skip_serializing_if = "Option::is_none")]
    pub cache_write_1h_price: Option<f64>,
    /// The longest conversation at these prices, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_max: Option<u64>,
    /// The longest prompt at these prices, in tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_prompt_tokens: Option<u64>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
pub(crate) struct ModelListResponse {
    #[serde(default)]
    pub(crate) models: Vec<ModelInfo>,
}

/// The settings of a model when a session changes to it.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelSwitch {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_effort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_summary: Option<ReasoningSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) context_tier: Option<ContextTier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_capabilities: Option<ModelOverrides>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelSwitchParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) model_id: &'a str,
    #[serde(flatten)]
    pub(crate) options: &'a ModelSwitch,
}

/// The model that a session works with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CurrentModel {
    /// The id of the model; `None` if the CLI has not selected one yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The reasoning effort of the model; `None` where none is set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The result of a change of model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelChanged {
    /// The result, such as `applied`; empty on CLIs that do not report it.
    pub status: String,
    /// The id of the new model; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Whether the change waits for the end of the turn.
    pub deferred: bool,
    /// The CLI's message about the change; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn models_are_read() {
        let json = r#"{"models":[{"id":"gpt-5","name":"GPT-5","capabilities":{"supports":{"vision":true,"new":1},
            "limits":{"max_prompt_tokens":128000,"max_context_window_tokens":264000.0}},
            "policy":{"state":"enabled"},"billing":{"multiplier":1},
            "supportedReasoningEfforts":["low","high"],"defaultReasoningEffort":"low"}]}"#;
        let list: ModelListResponse = decode::answer(json).unwrap();
        let model = &list.models[0];
        assert!(model.capabilities.supports.vision && !model.capabilities.supports.reasoning_effort);
        assert_eq!(model.capabilities.limits.max_context_window_tokens, Some(264_000));
        assert_eq!(model.billing.as_ref().and_then(|billing| billing.multiplier), Some(1.0));
    }

    #[test]
    fn a_switch_reaches_the_wire() {
        let options = ModelSwitch {
            reasoning_effort: Some("low".into()),
            context_tier: Some(ContextTier::LongContext),
            ..ModelSwitch::default()
        };
        let params = ModelSwitchParams { session_id: &"s".into(), model_id: "m", options: &options };
        assert_eq!(
            serde_json::to_value(params).unwrap(),
            json!({"sessionId": "s", "modelId": "m", "reasoningEffort": "low", "contextTier": "long_context"})
        );
    }
}
