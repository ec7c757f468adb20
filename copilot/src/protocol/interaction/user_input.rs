//! `userInput.request`: the agent asks the user.

use serde::Serialize;

use crate::protocol::decode::Decode;

/// A question of the agent to the user. Wire: `userInput.request`, from the CLI.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UserInputRequest {
    /// The text of the question.
    pub question: String,
    /// The answers to choose from; empty where the question is open.
    pub choices: Vec<String>,
    /// Whether an answer outside the choices is accepted; `None` where the agent does not say.
    pub allow_freeform: Option<bool>,
}

impl UserInputRequest {
    /// Returns whether an answer outside the choices is accepted. Default: true, where the question does not say.
    pub fn is_open(&self) -> bool {
        self.allow_freeform.unwrap_or(true)
    }
}

/// The answer to `userInput.request`.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UserInputAnswer {
    pub(crate) answer: String,
    pub(crate) was_freeform: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_question_of_1_0_102_is_read_and_its_answer_written() {
        let asked = json!({"sessionId": "s", "question": "Which colour?", "choices": ["red", "blue"],
                           "allowFreeform": true, "never": "heard of"});
        let question: UserInputRequest = serde_json::from_value(asked).unwrap();
        assert_eq!((question.question.as_str(), question.choices.len()), ("Which colour?", 2));
        assert!(question.is_open());
        let answer = UserInputAnswer { answer: "red".into(), was_freeform: false };
        assert_eq!(serde_json::to_value(answer).unwrap(), json!({"answer": "red", "wasFreeform": false}));
    }
}
