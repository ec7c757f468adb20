//! `providerToken.getToken` and `gitHubToken.getToken`: the CLI needs a token.

use std::borrow::Cow;

use serde::Serialize;

use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

/// The parameters of `providerToken.getToken`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProviderTokenParams<'a> {
    #[serde(default)]
    pub(crate) provider_name: Cow<'a, str>,
}

/// The result of `providerToken.getToken`.
#[derive(Serialize)]
pub(crate) struct ProviderTokenResponse<'a> {
    pub(crate) token: &'a str,
}

vocabulary! {
    /// The reason of a request for a token.
    TokenReason {
        /// The CLI has no token yet.
        Initial = "initial",
        /// The token of the CLI is about to expire, or was refused.
        Refresh = "refresh",
    }
}

/// The parameters of `gitHubToken.getToken`.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct GithubTokenParams {
    pub(crate) registration_id: String,
    pub(crate) host: String,
    pub(crate) reason: TokenReason,
}

/// The result of `gitHubToken.getToken`.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum GithubTokenAnswer<'a> {
    Token { access_token: &'a str, expires_in: u64 },
    Cancelled,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn questions_of_1_0_102_are_read_and_their_answers_written() {
        let asked =
            r#"{"registrationId":"r","host":"https://github.com","reason":"initial","sessionId":"s"}"#;
        let asked: GithubTokenParams = decode::answer(asked).unwrap();
        assert_eq!((asked.host.as_str(), asked.reason), ("https://github.com", TokenReason::Initial));
        let token = GithubTokenAnswer::Token { access_token: "t", expires_in: 3600 };
        assert_eq!(
            serde_json::to_value(token).unwrap(),
            json!({"kind": "token", "accessToken": "t", "expiresIn": 3600})
        );
        assert_eq!(serde_json::to_value(GithubTokenAnswer::Cancelled).unwrap(), json!({"kind": "cancelled"}));
        let asked = r#"{"providerName": "default", "sessionId": "s"}"#;
        let asked: ProviderTokenParams<'_> = decode::answer(asked).unwrap();
        assert_eq!(asked.provider_name, "default");
    }
}
