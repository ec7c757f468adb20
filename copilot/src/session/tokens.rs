//! Tokens that the program gives when the CLI needs one: of a model's provider, and of GitHub.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answer::{Handler, IntoAnswer};
use super::builder::SessionBuilder;
use super::inbox::Inbox;
use super::requests::Question;
use crate::protocol::tokens::{
    GithubTokenParams, GithubTokenResponse, ProviderTokenParams, ProviderTokenResponse, TokenReason,
};
use crate::random;
use crate::rpc::{INTERNAL_ERROR, Responder};

/// A token or key; it prints as `<redacted>`. A string is a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl<S: Into<String>> From<S> for Secret {
    fn from(text: S) -> Self {
        Self(text.into())
    }
}

impl Secret {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A provider's token is needed. Wire: `providerToken.getToken`, from the CLI.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderTokenRequest {
    /// The provider's name; `default` for a session's only one.
    pub provider: String,
}

/// The closures that give providers' tokens, by the provider's name.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProviderTokens(BTreeMap<String, Handler<ProviderTokenRequest, Secret>>);

impl ProviderTokens {
    /// The closure of a session's only provider.
    pub(crate) fn set_default(&mut self, source: Option<Handler<ProviderTokenRequest, Secret>>) {
        self.set("default", source);
    }

    pub(crate) fn set(&mut self, provider: &str, source: Option<Handler<ProviderTokenRequest, Secret>>) {
        match source {
            Some(source) => self.0.insert(provider.to_owned(), source),
            None => self.0.remove(provider),
        };
    }
}

/// A GitHub token is needed. Wire: `gitHubToken.getToken`, from the CLI.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GithubTokenRequest {
    /// Where it is for, such as `https://github.com`.
    pub host: String,
    /// Why it is needed.
    pub reason: TokenReason,
}

/// The answer to a [`GithubTokenRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct GithubToken(Option<(Secret, Duration)>);

impl GithubToken {
    /// This token, which is good for so long. CLI 1.0.102 wants more than an hour, and asks again before it is over.
    pub fn new(token: impl Into<Secret>, expires_in: Duration) -> Self {
        Self(Some((token.into(), expires_in)))
    }

    /// There is none: the session goes on without.
    pub fn cancelled() -> Self {
        Self(None)
    }

    fn as_wire(&self) -> GithubTokenResponse<'_> {
        match &self.0 {
            Some((token, expires_in)) => {
                GithubTokenResponse::Token { access_token: token.as_str(), expires_in: expires_in.as_secs() }
            }
            None => GithubTokenResponse::Cancelled,
        }
    }
}

/// The closure that gives a session's GitHub token, and the name that the CLI calls it by.
#[derive(Clone, Debug)]
pub(crate) struct GithubTokens {
    id: Arc<str>,
    source: Handler<GithubTokenRequest, GithubToken>,
}

impl GithubTokens {
    pub(crate) fn id(&self) -> String {
        self.id.as_ref().to_owned()
    }
}

impl SessionBuilder {
    /// Has the program give the GitHub token of this session, first when it is opened and then before each one
    /// expires.
    ///
    /// When the closure fails, so does what needs the token: at first the opening of the session. The CLI does not
    /// take it together with [`provider`](Self::provider).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use copilot::{GithubToken, Session};
    ///
    /// let builder = Session::builder().on_github_token(|wanted| async move {
    ///     println!("a token for {}", wanted.host);
    ///     let token = std::env::var("MY_TOKEN")?;
    ///     Ok::<_, std::env::VarError>(GithubToken::new(token, Duration::from_secs(8 * 3600)))
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
        R: IntoAnswer<GithubToken>,
    {
        let source = Handler::new(source);
        self.handlers.github_token = Some(GithubTokens { id: random::id().into(), source });
        self
    }
}

impl Inbox {
    /// Whether this is the registration of the session's GitHub token.
    pub(crate) fn has_registered(&self, registration: &str) -> bool {
        self.handlers.github_token.as_ref().is_some_and(|tokens| *tokens.id == *registration)
    }

    pub(super) fn provider_token_wanted(
        self: &Arc<Self>,
        wanted: ProviderTokenParams<'_>,
        responder: Responder,
    ) {
        let provider = wanted.provider_name.into_owned();
        let Some(source) = self.handlers.provider_tokens.0.get(&provider).cloned() else {
            let message = format!("this session gives no token for provider {provider}");
            return responder.error(INTERNAL_ERROR, &message);
        };
        let question = Question::request("bearer_token_from", "a provider's token", &responder);
        let work = source.ask(ProviderTokenRequest { provider });
        self.consult(question, work, |_, token| match token {
            Some(token) => responder.ok(&ProviderTokenResponse { token: token.as_str() }),
            None => responder.error(INTERNAL_ERROR, "the program could not give a token"),
        });
    }

    pub(super) fn github_token_wanted(self: &Arc<Self>, wanted: GithubTokenParams, responder: Responder) {
        let tokens = self.handlers.github_token.as_ref();
        let Some(tokens) = tokens.filter(|tokens| *tokens.id == wanted.registration_id) else {
            return responder
                .error(INTERNAL_ERROR, "this session gives no GitHub token of this registration");
        };
        let question = Question::request("on_github_token", "a GitHub token", &responder);
        let GithubTokenParams { host, reason, .. } = wanted;
        let work = tokens.source.clone().ask(GithubTokenRequest { host, reason });
        self.consult(question, work, |_, token| match token {
            Some(token) => responder.ok(&token.as_wire()),
            None => responder.error(INTERNAL_ERROR, "the program could not give a token"),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", GithubToken::new("gho_1", Duration::from_secs(1)));
        assert!(!shown.contains("gho_1") && shown.contains("<redacted>"), "{shown}");
    }
}
