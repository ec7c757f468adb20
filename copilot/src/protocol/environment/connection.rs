//! `connect`, `ping`, `status.get` and what else concerns the connection as a whole.

use std::fmt;

use serde::Serialize;

use crate::protocol::decode::Decode;
use crate::protocol::timestamp::Timestamp;

/// The oldest and newest protocol that this library speaks.
pub(crate) const PROTOCOLS: std::ops::RangeInclusive<u64> = 2..=3;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) token: Option<&'a str>,
    #[serde(rename = "enableGitHubTelemetryForwarding", skip_serializing_if = "std::ops::Not::not")]
    pub(crate) github_telemetry: bool,
}

#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ConnectResponse {
    #[serde(default)]
    pub(crate) protocol_version: Option<u64>,
    #[serde(default)]
    pub(crate) version: Option<String>,
}

/// The response to `status.get`. Native CLIs may report a wrong version there.
#[derive(Debug, Decode)]
pub(crate) struct StatusResponse {
    #[serde(default)]
    pub(crate) version: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct PingParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<&'a str>,
}

/// The CLI's response to a ping.
#[derive(Clone, Debug, Decode)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Pong {
    /// `pong`, followed by the message that was sent.
    pub message: String,
    /// The CLI's time; `None` where the CLI did not send one.
    #[serde(default)]
    pub timestamp: Option<Timestamp>,
    /// The protocol that the CLI speaks.
    #[serde(default)]
    pub protocol_version: Option<u64>,
}

/// The CLI on the other side: what it speaks and which version it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CliVersion {
    /// The version of the protocol, 2 or 3.
    pub protocol: u64,
    /// The version of the CLI, such as `1.0.102`; `None` where it did not report one.
    pub version: Option<String>,
}

impl CliVersion {
    /// The version before the handshake.
    pub(crate) const UNKNOWN: Self = Self { protocol: 0, version: None };

    /// Whether events name the message that they belong to (1.0.92 and later).
    pub(crate) fn correlates_messages(&self) -> bool {
        self.at_least([1, 0, 92])
    }

    /// Whether the variable `COPILOT_HOME` says where the CLI keeps its files (0.0.423 ignores it, 1.0.10 does not).
    pub(crate) fn has_state_directory(&self) -> bool {
        self.at_least([1, 0, 10])
    }

    /// Whether the version is known and not older than this.
    pub(crate) fn at_least(&self, wanted: [u64; 3]) -> bool {
        self.numbers().is_some_and(|version| version >= wanted)
    }

    /// Whether the version is known and not newer than this.
    pub(crate) fn is_at_most(&self, last: [u64; 3]) -> bool {
        self.numbers().is_some_and(|version| version <= last)
    }

    fn numbers(&self) -> Option<[u64; 3]> {
        let release = self.version.as_ref()?.split(['-', '+']).next()?;
        let mut numbers = release.split('.').map(|part| part.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Some([next(), next(), next()])
    }
}

impl fmt::Display for CliVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.version {
            Some(version) => write!(f, "{version} (protocol {})", self.protocol),
            None => write!(f, "of unknown version (protocol {})", self.protocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        let version = |text: &str| CliVersion { protocol: 3, version: Some(text.to_owned()) };
        assert!(version("1.0.102").correlates_messages() && version("1.0.92-3").correlates_messages());
        assert!(!version("1.0.82").correlates_messages() && !version("0.99.999").correlates_messages());
        assert!(version("2.0").correlates_messages());
        assert!(!CliVersion { protocol: 3, version: None }.correlates_messages());
    }
}
