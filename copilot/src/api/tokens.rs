//! Tokens of the program for the CLI: of a model's provider, and of GitHub.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::protocol::decode::{self, Decode};
use crate::protocol::tokens::{
    GithubTokenAnswer, GithubTokenParams, ProviderTokenParams, ProviderTokenResponse,
};
use crate::random;
use crate::rpc::{INTERNAL_ERROR, Responder};
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::{Handler, IntoAnswer};
use crate::session::core::{Settings, Topic};
use crate::sorted::SortedMap;

pub use crate::protocol::secret::Secret;
pub use crate::protocol::tokens::TokenReason;

/// The request for a provider's token. Wire: `providerToken.getToken`, from the CLI.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderTokenRequest {
    /// The provider's name; `default` for the only provider of a session.
    pub provider: String,
}

/// The closures that return providers' tokens, by the provider's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProviderTokens(SortedMap<Handler<ProviderTokenRequest, Secret>>);

/// Sets the source of a provider's bearer token; the last source of a name wins.
pub(crate) fn token_source(
    settings: &mut Settings,
    provider: &str,
    source: Option<Handler<ProviderTokenRequest, Secret>>,
) {
    if provider == DEFAULT_PROVIDER && source.is_some() {
        settings.features.push("bearer_token_from");
    }
    settings.state.update(|tokens: &mut ProviderTokens| {
        match source {
            Some(source) => tokens.0.insert(provider.to_owned(), source),
            None => tokens.0.remove(provider),
        };
    });
}

/// The name of the only provider of a session in a token request.
pub(crate) const DEFAULT_PROVIDER: &str = "default";

/// The request for a GitHub token. Wire: `gitHubToken.getToken`, from the CLI.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GithubTokenRequest {
    /// The host that the token is for, such as `https://github.com`.
    pub host: String,
    /// The reason of the request, such as an expired token.
    pub reason: TokenReason,
}

/// The answer to a [`GithubTokenRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct GithubTokenResponse(Option<(Secret, Duration)>);

impl GithubTokenResponse {
    /// Returns a token and how long it is valid. CLI 1.0.102 requires more than an hour, and requests the next token
    /// before it expires.
    pub fn new(token: impl Into<Secret>, expires_in: Duration) -> Self {
        Self(Some((token.into(), expires_in)))
    }

    /// Returns no token: the session continues without one.
    pub fn cancelled() -> Self {
        Self(None)
    }

    fn as_wire(&self) -> GithubTokenAnswer<'_> {
        match &self.0 {
            Some((token, expires_in)) => {
                GithubTokenAnswer::Token { access_token: token.as_str(), expires_in: expires_in.as_secs() }
            }
            None => GithubTokenAnswer::Cancelled,
        }
    }
}

/// The closure that returns a session's GitHub token, and its registration id on the wire.
#[derive(Clone, Debug)]
pub(crate) struct GithubTokens {
    id: Arc<str>,
    source: Handler<GithubTokenRequest, GithubTokenResponse>,
}

impl SessionBuilder {
    /// Runs when the CLI needs the GitHub token of this session: when the session is opened, and before a token
    /// expires.
    ///
    /// When the closure fails, so does the operation that needs the token, first the opening of the session. The CLI
    /// refuses it together with [`provider`](Self::provider).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use copilot::Session;
    /// use copilot::tokens::GithubTokenResponse;
    ///
    /// let builder = Session::builder().on_github_token(|wanted| async move {
    ///     println!("a token for {}", wanted.host);
    ///     let token = std::env::var("MY_TOKEN")?;
    ///     Ok::<_, std::env::VarError>(GithubTokenResponse::new(token, Duration::from_secs(8 * 3600)))
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `gitHubToken.getToken`, from the CLI.
    pub fn on_github_token<F, R>(
        mut self,
        source: impl Fn(GithubTokenRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<GithubTokenResponse>,
    {
        let source = Handler::new(source);
        let tokens = GithubTokens { id: random::id().into(), source };
        self.settings.members.set("gitHubTokenProviderRegistrationId", tokens.id.to_string());
        self.settings.state.set(tokens);
        self
    }
}

/// Returns whether this is the registration id of the session's GitHub token.
fn has_registered(session: &SessionCore, registration: &str) -> bool {
    session.topic::<GithubTokens>().is_some_and(|tokens| *tokens.id == *registration)
}

fn provider_token_wanted(session: &Arc<SessionCore>, wanted: ProviderTokenParams<'_>, responder: Responder) {
    let provider = wanted.provider_name.into_owned();
    let Some(source) = session.topic::<ProviderTokens>().and_then(|tokens| tokens.0.get(&provider)).cloned()
    else {
        let message = format!("this session has no token source for provider {provider}");
        return responder.error(INTERNAL_ERROR, &message);
    };
    let question = Question::request("bearer_token_from", "a provider's token", &responder);
    let work = source.ask(ProviderTokenRequest { provider });
    session.consult(question, work, |_, token| match token {
        Some(token) => responder.ok(&ProviderTokenResponse { token: token.as_str() }),
        None => responder.error(INTERNAL_ERROR, "the program could not give a token"),
    });
}

fn github_token_wanted(session: &Arc<SessionCore>, wanted: GithubTokenParams, responder: Responder) {
    let tokens = session.topic::<GithubTokens>();
    let Some(tokens) = tokens.filter(|tokens| *tokens.id == wanted.registration_id) else {
        return responder.error(INTERNAL_ERROR, "this session has no token source of this registration");
    };
    let question = Question::request("on_github_token", "a GitHub token", &responder);
    let GithubTokenParams { host, reason, .. } = wanted;
    let work = tokens.source.clone().ask(GithubTokenRequest { host, reason });
    session.consult(question, work, |_, token| match token {
        Some(token) => responder.ok(&token.as_wire()),
        None => responder.error(INTERNAL_ERROR, "the program could not give a token"),
    });
}

/// Returns whether the session has the requested GitHub token: the CLI requests it before it knows the session, and
/// names only the registration.
fn claims(session: &SessionCore, method: &str, params: &RawValue) -> bool {
    #[derive(Decode)]
    #[serde(rename_all = "camelCase")]
    struct Registration {
        registration_id: String,
    }
    method == GITHUB_TOKEN
        && decode::question::<Registration>(params.get())
            .is_ok_and(|params| has_registered(session, &params.registration_id))
}

const GITHUB_TOKEN: &str = "gitHubToken.getToken";

pub(crate) const TOPIC: Topic = Topic {
    members: &[("gitHubTokenProviderRegistrationId", "on_github_token")],
    requests: &[
        ("providerToken.getToken", |session, params, responder| {
            session.read("providerToken.getToken", params, responder, provider_token_wanted);
        }),
        (GITHUB_TOKEN, |session, params, responder| {
            session.read(GITHUB_TOKEN, params, responder, github_token_wanted);
        }),
    ],
    claims: Some(claims),
    ..Topic::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", GithubTokenResponse::new("gho_1", Duration::from_secs(1)));
        assert!(!shown.contains("gho_1") && shown.contains("<redacted>"), "{shown}");
    }
}
