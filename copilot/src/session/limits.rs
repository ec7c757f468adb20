//! Sessions that have used up what they may.

use std::sync::Arc;

use super::answer::{Handler, IntoAnswer};
use super::builder::SessionBuilder;
use super::inbox::Inbox;
use super::requests::Question;
use super::safe_answers;
use crate::protocol::limits::{LimitsAnswer, LimitsAnswerParams, LimitsExhausted};

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
        self.handlers.limits_exhausted = Some(Handler::new(handler));
        self
    }
}

impl Inbox {
    pub(super) fn limits_exhausted(self: &Arc<Self>, exhausted: LimitsExhausted) {
        let id = exhausted.request_id.clone();
        let answer = move |inbox: &Arc<Self>, response| {
            let params = LimitsAnswerParams { session_id: &inbox.id, request_id: &id, response };
            inbox.post_answer("session.ui.handlePendingSessionLimitsExhausted", &params);
        };
        let Some(handler) = self.handlers.limits_exhausted.clone() else {
            return answer(self, safe_answers::LIMITS);
        };
        let id = exhausted.request_id.clone();
        let question = Question::event("on_limits_exhausted", "what the session may use", id.as_str());
        self.consult(question, handler.ask(exhausted), move |inbox, given| {
            answer(inbox, given.unwrap_or(safe_answers::LIMITS));
        });
    }
}
