//! `status.get`, `auth.getStatus`, `account.*` and `tools.list`: the CLI's version, login, quotas and tools.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::decode::Decode;
use crate::protocol::timestamp::Timestamp;

/// The version and the protocol of the CLI, as it reports them. Wire: `status.get`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Status {
    /// The version of the CLI; some CLIs do not report theirs correctly,
    /// [`Client::cli_version`](crate::Client::cli_version) corrects them.
    pub version: String,
    /// The version of the protocol that the CLI speaks.
    pub protocol_version: u64,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The login of the CLI. Wire: `auth.getStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AuthStatus {
    /// Whether the CLI is logged in.
    pub is_authenticated: bool,
    /// The kind of login, such as `user`, `env`, `gh-cli` or `token`; `None` where the CLI is not logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_type: Option<String>,
    /// The GitHub host of the login; `None` where the CLI is not logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The login name of the user; `None` where the CLI is not logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// The state of the login as a text for people; `None` where the CLI has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_message: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The use of one quota of a user. Wire: `account.getQuota`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Quota {
    /// Whether there is no limit.
    pub is_unlimited_entitlement: bool,
    /// The number of requests that the plan includes.
    pub entitlement_requests: u64,
    /// The number of requests that were used of it.
    pub used_requests: u64,
    /// The part of the quota that remains, in percent.
    pub remaining_percentage: f64,
    /// The number of requests used beyond the quota.
    pub overage: f64,
    /// Whether the quota may be exceeded.
    pub overage_allowed_with_exhausted_quota: bool,
    /// Whether requests continue when the quota is exhausted.
    pub usage_allowed_with_exhausted_quota: bool,
    /// The budget for use beyond the limit, in AI credits; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overage_entitlement: Option<f64>,
    /// Whether a part of the quota remains; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_quota: Option<bool>,
    /// Whether tokens are counted and not requests; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_based_billing: Option<bool>,
    /// The time at which the count starts at zero again; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reset_date: Option<Timestamp>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuotaResponse {
    #[serde(default)]
    pub(crate) quota_snapshots: BTreeMap<String, Quota>,
}

/// A tool that is built into the CLI. Wire: `tools.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ToolInfo {
    /// The name that the model calls the tool by.
    pub name: String,
    /// The description that the model reads.
    pub description: String,
    /// The JSON schema of the tool's arguments; `None` where the CLI reports none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Serialize)]
pub(crate) struct ToolListParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<&'a str>,
}

#[derive(Debug, Decode)]
pub(crate) struct ToolListResponse {
    #[serde(default)]
    pub(crate) tools: Vec<ToolInfo>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::decode;

    #[test]
    fn answers_are_read() {
        let status: AuthStatus =
            serde_json::from_str(r#"{"isAuthenticated":false,"statusMessage":"Not authenticated"}"#).unwrap();
        assert_eq!((status.is_authenticated, status.login), (false, None));
        let quota: QuotaResponse = decode::answer(
            r#"{"quotaSnapshots":{"chat":{"isUnlimitedEntitlement":false,"entitlementRequests":300,
                "usedRequests":12,"usageAllowedWithExhaustedQuota":false,"remainingPercentage":96,"overage":0,
                "overageAllowedWithExhaustedQuota":true}}}"#,
        )
        .unwrap();
        assert_eq!(quota.quota_snapshots["chat"].used_requests, 12);
        let tools: ToolListResponse =
            decode::answer(r#"{"tools":[{"name":"bash","description":"d","safeForTelemetry":true}]}"#)
                .unwrap();
        assert_eq!(tools.tools[0].name, "bash");
    }
}
