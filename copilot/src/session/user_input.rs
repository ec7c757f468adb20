//! Questions to the user: the agent's, and those of the program's own tools.

use std::sync::Arc;

use super::answer::{Handler, IntoAnswer};
use super::builder::SessionBuilder;
use super::inbox::Inbox;
use super::requests::Question;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::user_input::{UserInputResponse, UserQuestion};
use crate::rpc::{INTERNAL_ERROR, Responder};
use crate::task;

/// The user's answer to a [`UserQuestion`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct UserAnswer(Option<String>);

impl UserAnswer {
    /// What the user said: one of the choices, or something else.
    pub fn new(answer: impl Into<String>) -> Self {
        Self(Some(answer.into()))
    }

    /// The user did not want to answer; the agent goes on without.
    pub fn dismissed() -> Self {
        Self(None)
    }

    fn into_wire(self, question: &UserQuestion) -> Option<UserInputResponse> {
        let answer = self.0?;
        let was_freeform = !question.choices.contains(&answer);
        Some(UserInputResponse { answer, was_freeform })
    }
}

impl<S: Into<String>> From<S> for UserAnswer {
    fn from(answer: S) -> Self {
        Self::new(answer)
    }
}

impl SessionBuilder {
    /// Has the program answer what the agent asks the user, and what its own tools ask with
    /// [`ToolContext::ask_user`](crate::ToolContext::ask_user). Without it the agent is not given the tool to ask.
    ///
    /// What the user said may be returned as a `String` or `&str` too. A handler that fails leaves the question
    /// unanswered: the agent is told so, and goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{Session, UserAnswer};
    ///
    /// let builder = Session::builder().on_user_input(|asked| async move {
    ///     println!("{} {:?}", asked.question, asked.choices);
    ///     match asked.choices.into_iter().next() {
    ///         Some(first) => UserAnswer::new(first),
    ///         None => UserAnswer::dismissed(),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `userInput.request`, from the CLI (0.0.403 and later).
    pub fn on_user_input<F, R>(mut self, handler: impl Fn(UserQuestion) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<UserAnswer>,
    {
        self.handlers.user_input = Some(Handler::new(handler));
        self
    }
}

impl Inbox {
    pub(super) fn user_asked(self: &Arc<Self>, asked: UserQuestion, responder: Responder) {
        let Some(handler) = self.handlers.user_input.clone() else {
            return respond(responder, None, &asked);
        };
        let question = Question::request("on_user_input", "a question to the user", &responder);
        self.consult(question, handler.ask(asked.clone()), move |_, answer| {
            respond(responder, answer, &asked);
        });
    }

    /// A tool of the program asks the user.
    pub(super) async fn ask_user(&self, question: String, choices: Vec<String>) -> Result<String> {
        let Some(handler) = self.handlers.user_input.clone() else {
            let message = "nobody can be asked: give the session an `on_user_input` handler";
            return Err(Error::new(ErrorKind::Unsupported, message));
        };
        let asked = UserQuestion { question, choices, allow_freeform: None };
        let error = match task::catch(handler.ask(asked)).await {
            Ok(Ok(UserAnswer(Some(answer)))) => return Ok(answer),
            Ok(Ok(UserAnswer(None))) => {
                return Err(Error::new(ErrorKind::Session, "the user dismissed the question"));
            }
            Ok(Err(error)) => error,
            Err(panic) => format!("it panicked: {panic}").into(),
        };
        self.handler_failed("on_user_input", error);
        Err(Error::new(ErrorKind::Session, "the handler `on_user_input` failed"))
    }
}

/// Where there is no answer, an error: every version tells the agent then that the user cannot answer. The member
/// `noResponse` is for new ones only; old ones read an answer out of it.
fn respond(responder: Responder, answer: Option<UserAnswer>, question: &UserQuestion) {
    match answer.and_then(|answer| answer.into_wire(question)) {
        Some(answer) => responder.ok(&answer),
        None => responder.error(INTERNAL_ERROR, "nobody answered the question"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_no_choice_is_freeform() {
        let question = UserQuestion { choices: vec!["red".into()], ..UserQuestion::default() };
        let freeform = |answer: UserAnswer| answer.into_wire(&question).map(|response| response.was_freeform);
        assert_eq!(freeform("red".into()), Some(false));
        assert_eq!(freeform("crimson".into()), Some(true));
        assert_eq!(freeform(UserAnswer::dismissed()), None);
    }
}
