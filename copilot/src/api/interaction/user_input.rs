//! Questions of the agent and of the program's own tools to the user.

use std::sync::Arc;

use crate::api::unstable::Unstable;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::config::AskUserVariant;
use crate::protocol::user_input::UserInputAnswer;
use crate::rpc::{INTERNAL_ERROR, Responder};
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::handler::sealed::Sealed;
use crate::session::core::setters::members;
use crate::session::core::{BoxError, Handler, IntoAnswer};
use crate::task;

pub use crate::protocol::user_input::UserInputRequest;

/// The user's answer to a [`UserInputRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct UserInputResponse(Option<String>);

impl UserInputResponse {
    /// Returns the user's answer: one of the choices, or another text.
    pub fn new(answer: impl Into<String>) -> Self {
        Self(Some(answer.into()))
    }

    /// Dismisses the question: the agent continues without an answer.
    pub fn dismissed() -> Self {
        Self(None)
    }

    fn into_wire(self, question: &UserInputRequest) -> Option<UserInputAnswer> {
        let answer = self.0?;
        let was_freeform = !question.choices.contains(&answer);
        Some(UserInputAnswer { answer, was_freeform })
    }
}

impl<S: Into<String>> From<S> for UserInputResponse {
    fn from(answer: S) -> Self {
        Self::new(answer)
    }
}

/// A handler may return the answer as text; in a `Result` it is a `UserInputResponse`.
impl IntoAnswer<UserInputResponse> for String {
    fn into_answer(self) -> Result<UserInputResponse, BoxError> {
        Ok(self.into())
    }
}

impl IntoAnswer<UserInputResponse> for &str {
    fn into_answer(self) -> Result<UserInputResponse, BoxError> {
        Ok(self.into())
    }
}

impl Sealed<UserInputResponse> for String {}
impl Sealed<UserInputResponse> for &str {}

impl SessionBuilder {
    /// Runs when the agent asks the user a question, or a tool of the program does with
    /// [`ToolContext::ask_user`](crate::ToolContext::ask_user); returns the answer. Default: the agent has no tool to
    /// ask the user.
    ///
    /// The answer may also be a `String` or `&str`. When the handler fails, the agent reads that the user cannot
    /// answer, and continues.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::user_input::UserInputResponse;
    ///
    /// let builder = Session::builder().on_user_input(|asked| async move {
    ///     println!("{} {:?}", asked.question, asked.choices);
    ///     match asked.choices.into_iter().next() {
    ///         Some(first) => UserInputResponse::new(first),
    ///         None => UserInputResponse::dismissed(),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `userInput.request`, from the CLI (0.0.403 and later).
    pub fn on_user_input<F, R>(
        mut self,
        handler: impl Fn(UserInputRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<UserInputResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self.settings.members.set("requestUserInput", true);
        self.settings.features.push("on_user_input");
        self
    }
}

fn user_asked(session: &Arc<SessionCore>, asked: UserInputRequest, responder: Responder) {
    let Some(handler) = session.handler() else {
        return respond(responder, None, &asked);
    };
    let question = Question::request("on_user_input", "a question to the user", &responder);
    session.consult(question, handler.ask(asked.clone()), move |_, answer| {
        respond(responder, answer, &asked);
    });
}

/// Asks the user a question of the program's own tool.
async fn ask_user(session: &SessionCore, question: String, choices: Vec<String>) -> Result<String> {
    let Some(handler) = session.handler() else {
        let message = "the session has no handler for questions to the user; set `on_user_input`";
        return Err(Error::new(ErrorKind::Unsupported, message));
    };
    let asked = UserInputRequest { question, choices, allow_freeform: None };
    let error = match task::catch(handler.ask(asked)).await {
        Ok(Ok(UserInputResponse(Some(answer)))) => return Ok(answer),
        Ok(Ok(UserInputResponse(None))) => {
            return Err(Error::new(ErrorKind::Session, "the user dismissed the question"));
        }
        Ok(Err(error)) => error,
        Err(panic) => format!("it panicked: {panic}").into(),
    };
    session.handler_failed("on_user_input", error);
    Err(Error::new(ErrorKind::Session, "the handler `on_user_input` failed"))
}

/// Sends the answer, or an error without one: every version then reports to the agent that the user cannot answer. Only
/// new versions know the member `noResponse`; old ones read an answer out of it.
fn respond(responder: Responder, answer: Option<UserInputResponse>, question: &UserInputRequest) {
    match answer.and_then(|answer| answer.into_wire(question)) {
        Some(answer) => responder.ok(&answer),
        None => responder.error(INTERNAL_ERROR, "the question has no answer"),
    }
}

members! {
    @also "requestUserInput" on_user_input,

    @unstable Unstable {
        /// Sets the variant of the tool with which the model asks the user.
        ///
        /// Wire: `session.create`, `askUserVariant`.
        ask_user_variant: (AskUserVariant) in members "askUserVariant";

        /// Sets whether a user is present to answer questions.
        ///
        /// Wire: `session.create`, `interactiveUser`.
        interactive_user: flag in members "interactiveUser";
    }
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    requests: &[("userInput.request", |session, params, responder| {
        session.read("userInput.request", params, responder, user_asked);
    })],
    ask_user: Some(|session, question, choices| Box::pin(ask_user(session, question, choices))),
    handler_of: &[("userInput.request", "on_user_input", |session| {
        session.topic::<Handler<UserInputRequest, UserInputResponse>>().is_some()
    })],
    ..Topic::NONE
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_outside_of_the_choices_is_freeform() {
        let question = UserInputRequest { choices: vec!["red".into()], ..UserInputRequest::default() };
        let freeform =
            |answer: UserInputResponse| answer.into_wire(&question).map(|response| response.was_freeform);
        assert_eq!(freeform("red".into()), Some(false));
        assert_eq!(freeform("crimson".into()), Some(true));
        assert_eq!(freeform(UserInputResponse::dismissed()), None);
    }

    #[tokio::test]
    async fn a_handler_may_return_the_answer_as_text() {
        let said = UserInputResponse::new("yes");
        let text: Handler<(), UserInputResponse> = Handler::new(async |()| "yes");
        let owned: Handler<(), UserInputResponse> = Handler::new(async |()| "yes".to_owned());
        // The type in the `Result` is inferred.
        let result: Handler<(), UserInputResponse> = Handler::new(async |()| Ok::<_, BoxError>("yes".into()));
        for handler in [text, owned, result] {
            assert_eq!(handler.ask(()).await.unwrap(), said);
        }
    }
}
