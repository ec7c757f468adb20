//! The setters of a client and of a session.

use std::sync::Arc;

use super::builder::learn_variable;
use super::seam::Seam;
use super::{Cassette, Mode};
use crate::client::builder::ClientBuilder;
use crate::error::Result;
use crate::protocol::providers::{NamedProvider, Provider as Wire, ProviderTransport};
use crate::providers::Provider;
use crate::session::builder::SessionBuilder;
use crate::task::lock;
use crate::testing::ModelApi;

impl ClientBuilder {
    /// Records the requests of all sessions to models, those with a Copilot login among them, or answers them from the
    /// recording. It replaces [`inference`](Self::inference).
    ///
    /// CLIs before 1.0.82 do not support it: to record with one, starting it returns an error; a replay on one has only
    /// [`SessionBuilder::cassette`]. In a replay the CLI uses neither the login of this machine nor a GitHub token. See
    /// [`cassette`](crate::cassette).
    ///
    /// Wire: `llmInference.setProvider`, to the CLI.
    pub fn cassette(mut self, cassette: &Cassette) -> Self {
        let shared = &cassette.shared;
        let is_replay = !cassette.is_recording();
        self = self.inference(Seam(Arc::clone(shared)));
        let scrubber = Arc::clone(&shared.scrubber);
        self.on_launch(is_replay, move |name, value| match name {
            Some(name) => learn_variable(&scrubber, name, value),
            None => scrubber.learn(value),
        })
    }
}

impl SessionBuilder {
    /// Directs the requests of the session to models through the cassette. Call it after the setters of the provider and
    /// the model.
    ///
    /// While recording, the [`provider`](Self::provider) and the [`providers`](Self::providers) point at a server of the
    /// cassette, which forwards to them; a session with a Copilot login is left unchanged and needs
    /// [`ClientBuilder::cassette`]. In a replay, a provider of the cassette with the recorded model replaces provider,
    /// model and login. See [`cassette`](crate::cassette).
    ///
    /// A CLI with a proxy in its environment needs `NO_PROXY=127.0.0.1` to reach the server, which
    /// [`hermetic_client`](crate::testing::hermetic_client) sets.
    ///
    /// Wire: `session.create`, `provider`.
    pub fn cassette(mut self, cassette: &Cassette) -> Self {
        let shared = &cassette.shared;
        let members = &mut self.settings.members;
        let Mode::Replay { player, .. } = &shared.mode else {
            let direct = |wire: &mut Wire| {
                wire.base_url = shared.route(wire.base_url.as_str()).into();
                // The CLI repeats requests of declined WebSockets, but not those of a server without them.
                wire.transport = wire.transport.take().map(|_| ProviderTransport::Http);
            };
            let changed: Result<()> = members
                .change("provider", |wire: &mut Wire| {
                    direct(wire);
                    Ok(())
                })
                .and_then(|()| {
                    members.change("providers", |all: &mut Vec<NamedProvider>| {
                        all.iter_mut().for_each(|named| direct(&mut named.provider));
                        Ok(())
                    })
                });
            changed.expect("the changes cannot fail");
            return self;
        };
        for login in ["providers", "models", "gitHubToken"] {
            members.remove(login);
        }
        let api = lock(player).first().map(|exchange| exchange.api);
        let origin = &shared.origin;
        let provider = match api {
            Some(ModelApi::Messages) => Provider::anthropic(origin),
            Some(ModelApi::Responses) => Provider::openai(format!("{origin}/v1")).responses(),
            Some(ModelApi::ChatCompletions) | None => Provider::openai(format!("{origin}/v1")),
        };
        self.provider(provider.api_key("cassette")).model(shared.model())
    }
}
