//! Sessions that have used up what they may.

use std::sync::Arc;

use serde_json::json;

use crate::protocol::config::SessionLimits;
use crate::protocol::limits::{LimitsAnswer, LimitsAnswerParams, LimitsExhausted};
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::setters::members;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};

impl SessionBuilder {
    /// Has the program decide what becomes of the session when it has used up what it may.
    ///
    /// Without a handler, and when it fails, the session stops there.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{LimitsAnswer, Session};
    ///
    /// let builder = Session::builder().on_limits_exhausted(|used| async move {
    ///     match used.used_ai_credits {
    ///         ..100.0 => LimitsAnswer::Add { additional_ai_credits: 10.0 },
    ///         _ => LimitsAnswer::Cancel,
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `session_limits_exhausted.requested`, from the CLI.
    pub fn on_limits_exhausted<F, R>(
        mut self,
        handler: impl Fn(LimitsExhausted) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<LimitsAnswer>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

fn limits_exhausted(session: &Arc<SessionCore>, exhausted: LimitsExhausted) {
    let id = exhausted.request_id.clone();
    let answer = move |inbox: &Arc<SessionCore>, response| {
        let params = LimitsAnswerParams { session_id: &inbox.id, request_id: &id, response };
        inbox.post_answer("session.ui.handlePendingSessionLimitsExhausted", &params);
    };
    let Some(handler) = session.handler() else {
        return answer(session, LimitsAnswer::Cancel);
    };
    let id = exhausted.request_id.clone();
    let question = Question::event("on_limits_exhausted", "what the session may use", id.as_str());
    session.consult(question, handler.ask(exhausted), move |inbox, given| {
        answer(inbox, given.unwrap_or(LimitsAnswer::Cancel));
    });
}

members! {

    @also "sessionLimits" max_ai_credits,
}

impl SessionBuilder {
    /// How many AI credits the session may use; CLIs take 30 or more.
    ///
    /// Wire: `session.create`, `sessionLimits`.
    pub fn max_ai_credits(mut self, credits: f64) -> Self {
        self.settings.members.set("sessionLimits", SessionLimits { max_ai_credits: credits });
        self
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    events: &[
        ("session_limits_exhausted.requested", |session, data| {
            session.read_event("session_limits_exhausted.requested", data, limits_exhausted);
        }),
        ("session_limits_exhausted.completed", settled),
    ],
    unreadable: &[("session_limits_exhausted.requested", |session, _, _| {
        let handler =
            session.topic::<Handler<LimitsExhausted, LimitsAnswer>>().map(|_| "on_limits_exhausted");
        let method = "session.ui.handlePendingSessionLimitsExhausted";
        let answer = json!({"response": LimitsAnswer::Cancel});
        Some(Unreadable { handler, method, answer })
    })],
    ..Topic::NONE
};
