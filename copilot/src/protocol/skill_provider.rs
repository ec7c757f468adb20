//! `skillProvider.*`: the CLI asks for the skills that the program offers.

use std::borrow::Cow;

use serde::Serialize;

use crate::protocol::decode::Decode;

/// A skill that the program offers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SkillDescriptor {
    pub(crate) name: String,
    pub(crate) description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_invocable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) disable_model_invocation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) argument_hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) directory: Option<String>,
}

/// The parameters of `skillProvider.list`, but for the session.
#[derive(Debug, Decode)]
pub(crate) struct SkillListParams {}

/// The result of `skillProvider.list`.
#[derive(Serialize)]
pub(crate) struct SkillListResponse<'a> {
    pub(crate) skills: Vec<&'a SkillDescriptor>,
}

/// The parameters of `skillProvider.read`, but for the session.
#[derive(Debug, Decode)]
pub(crate) struct SkillReadParams<'a> {
    #[serde(default)]
    pub(crate) name: Cow<'a, str>,
}

/// The result of `skillProvider.read`.
#[derive(Serialize)]
pub(crate) struct SkillReadResponse<'a> {
    pub(crate) markdown: Option<&'a str>,
}
