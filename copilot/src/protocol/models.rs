//! `models.list` and `session.model.*`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SessionId;
use super::config::{ContextTier, ReasoningSummary};
use super::lenient;
use super::providers::ModelOverrides;

/// A model that can be had. Wire: `models.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelInfo {
    /// What a session selects it by.
    pub id: String,
    /// The name that people see.
    pub name: String,
    /// What it can do.
    pub capabilities: ModelCapabilities,
    /// Whether it may be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<ModelPermission>,
    /// What it costs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing: Option<ModelBilling>,
    /// How hard it can be told to think.
    pub supported_reasoning_efforts: Vec<String>,
    /// How hard it thinks unless told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_reasoning_effort: Option<String>,
    /// The context windows that it has.
    pub supported_context_tiers: Vec<String>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What a model can do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelCapabilities {
    /// What it supports.
    pub supports: ModelFeatures,
    /// How much it takes and gives.
    pub limits: ModelTokenLimits,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What a model supports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelFeatures {
    /// Images.
    pub vision: bool,
    /// Different amounts of thinking.
    pub reasoning_effort: bool,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// How much a model takes and gives, in tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelTokenLimits {
    /// The largest prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub max_prompt_tokens: Option<u64>,
    /// The longest answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub max_output_tokens: Option<u64>,
    /// Both together.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(deserialize_with = "lenient::maybe_count")]
    pub max_context_window_tokens: Option<u64>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Whether a model may be used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelPermission {
    /// `enabled`, `disabled` or `unconfigured`.
    pub state: String,
    /// The terms that it may be used under.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What a model costs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ModelBilling {
    /// How many premium requests one request counts for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<f64>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ModelListResponse {
    #[serde(default)]
    pub(crate) models: Vec<ModelInfo>,
}

/// How a model is to work, when a session changes to it.
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CurrentModel {
    /// Its id; none if the CLI has not chosen yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// How hard it thinks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning_effort: Option<String>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// What became of a change of model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ModelChanged {
    /// `applied` and the like; empty on CLIs that do not tell.
    pub status: String,
    /// The model from here on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// Whether the change waits for the end of the turn.
    pub deferred: bool,
    /// What the CLI says about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Everything else that came with it.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn models_are_read() {
        let json = r#"{"models":[{"id":"gpt-5","name":"GPT-5","capabilities":{"supports":{"vision":true,"new":1},
            "limits":{"max_prompt_tokens":128000,"max_context_window_tokens":264000.0}},
            "policy":{"state":"enabled"},"billing":{"multiplier":1},
            "supportedReasoningEfforts":["low","high"],"defaultReasoningEffort":"low"}]}"#;
        let list: ModelListResponse = serde_json::from_str(json).unwrap();
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
