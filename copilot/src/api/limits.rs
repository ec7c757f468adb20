//! Limits of what a session may use, and the request when one is exhausted.

use std::sync::Arc;

use serde_json::json;

use crate::events::EventName;
use crate::protocol::config::SessionLimits;
use crate::protocol::limits::LimitsAnswerParams;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::setters::members;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};
use crate::session::turn::Budget;

pub use crate::protocol::limits::{LimitsRequest, LimitsResponse};

fn limits_exhausted(session: &Arc<SessionCore>, exhausted: LimitsRequest) {
    let id = exhausted.request_id.clone();
    let answer = move |inbox: &Arc<SessionCore>, response| {
        let params = LimitsAnswerParams { session_id: &inbox.id, request_id: &id, response };
        inbox.post_answer("session.ui.handlePendingSessionLimitsExhausted", &params);
    };
    let Some(handler) = session.handler() else {
        return answer(session, LimitsResponse::Cancel);
    };
    let id = exhausted.request_id.clone();
    let question = Question::event("Limits::on_exhausted", "what the session may use", id.as_str());
    session.consult(question, handler.ask(exhausted), move |inbox, given| {
        answer(inbox, given.unwrap_or(LimitsResponse::Cancel));
    });
}

members! {
    @group
        /// Limits of what a session may use.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::limits::{Limits, LimitsResponse};
        ///
        /// let limits = Limits::new().max_ai_credits(50.0).on_exhausted(|used| async move {
        ///     match used.used_ai_credits {
        ///         ..100.0 => LimitsResponse::Add { additional_ai_credits: 10.0 },
        ///         _ => LimitsResponse::Cancel,
        ///     }
        /// });
        /// let builder = Session::builder().limits(limits);
        /// # drop(builder);
        /// ```
        Limits
        /// Sets limits of what the session may use. Default: none.
        limits {
            @also "sessionLimits" max_ai_credits,
        }
}

impl Limits {
    /// Sets the number of AI credits that the session may use; CLIs accept 30 or more. Default: no limit.
    ///
    /// Wire: `session.create`, `sessionLimits`.
    pub fn max_ai_credits(mut self, credits: f64) -> Self {
        self.settings.members.set("sessionLimits", SessionLimits { max_ai_credits: credits });
        self
    }

    /// Sets the [budget](crate::session::Budget) of each turn of the session that `ask`, `ask_as` and `stream` begin,
    /// unless the request has its own. Default: no limit.
    pub fn turn_budget(mut self, budget: Budget) -> Self {
        self.settings.state.set(budget);
        self
    }

    /// Runs when the session has reached its limit; decides how it continues.
    ///
    /// Default, and when the handler fails: the session stops.
    ///
    /// Wire: `session_limits_exhausted.requested`, from the CLI.
    pub fn on_exhausted<F, R>(mut self, handler: impl Fn(LimitsRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<LimitsResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    events: &[
        (EventName::LimitsExhaustedRequested, |session, data| {
            session.read_event(EventName::LimitsExhaustedRequested, data, limits_exhausted);
        }),
        (EventName::LimitsExhaustedCompleted, settled),
    ],
    unreadable: &[(EventName::LimitsExhaustedRequested, |session, _, _| {
        let handler =
            session.topic::<Handler<LimitsRequest, LimitsResponse>>().map(|_| "Limits::on_exhausted");
        let method = "session.ui.handlePendingSessionLimitsExhausted";
        let answer = json!({"response": LimitsResponse::Cancel});
        Some(Unreadable { handler, method, answer })
    })],
    ..Topic::NONE
};
