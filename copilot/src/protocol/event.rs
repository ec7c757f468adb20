//! `session.event`: the envelope of everything that happens in a session.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::or_default;

/// One event as it arrives, its payload untouched.
#[derive(Debug, Deserialize)]
pub(crate) struct EventHead<'a> {
    #[serde(rename = "type")]
    pub(crate) name: &'a str,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) id: &'a str,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) timestamp: &'a str,
    #[serde(rename = "parentId", default)]
    pub(crate) parent: Option<&'a str>,
    #[serde(rename = "agentId", default)]
    pub(crate) agent: Option<&'a str>,
    #[serde(default, deserialize_with = "or_default")]
    pub(crate) ephemeral: bool,
    #[serde(borrow, default)]
    pub(crate) data: Option<&'a RawValue>,
    /// The text that `data` is a part of, where it is so large that it is better kept than copied.
    #[serde(skip)]
    pub(crate) whole: Option<&'a Arc<String>>,
}
