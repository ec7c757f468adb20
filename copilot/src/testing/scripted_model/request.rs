//! The recorded requests to the model, for assertions.

use std::sync::{Arc, OnceLock};

use serde_json::Value;
use tokio::sync::watch;

use super::api::ModelApi;

/// A request that a scripted model received. Clones share it.
#[derive(Clone, Debug)]
pub struct RecordedRequest(Arc<RequestRecord>);

#[derive(Debug)]
struct RequestRecord {
    api: ModelApi,
    /// The path with the query.
    path: String,
    body: Value,
    headers: Vec<(String, String)>,
    ending: watch::Sender<Option<Ending>>,
    /// The tools in the form common to all protocols, computed on first use.
    tools: OnceLock<Vec<Value>>,
}

/// The end of the answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The answer was sent completely, or was a failure of the script.
    Answered,
    /// The script broke the answer off.
    BrokenOff,
    /// The request did not follow the script and was answered with an error.
    Refused,
    /// The client disconnected before the end, as after an abort.
    Disconnected,
}

/// The author of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// Instructions: the roles `system` and `developer`.
    System,
    /// The user, or the CLI on behalf of the user.
    User,
    /// The model, with its text and its tool calls.
    Assistant,
    /// The result of a tool call.
    Tool,
    /// Another role, by its name on the wire.
    Other(String),
}

/// A message of the conversation in a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedMessage {
    /// The author of the message.
    pub role: Role,
    /// The text; several text parts are joined.
    pub text: String,
    /// The tool calls of an assistant's message.
    pub calls: Vec<RecordedCall>,
    /// The id of the tool call that a tool's message answers; `None` for other messages.
    pub answers: Option<String>,
}

/// A tool call in an assistant's message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The id of the call.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments as JSON text.
    pub arguments: String,
}

impl RecordedRequest {
    pub(super) fn new(api: ModelApi, path: String, body: Value, headers: Vec<(String, String)>) -> Self {
        let (ending, tools) = (watch::Sender::new(None), OnceLock::new());
        Self(Arc::new(RequestRecord { api, path, body, headers, ending, tools }))
    }

    /// Returns the protocol of the request.
    pub fn api(&self) -> ModelApi {
        self.0.api
    }

    /// Returns the path with the query.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Returns the body of the request.
    pub fn raw(&self) -> &Value {
        &self.0.body
    }

    /// Returns a header of the request. `name` must be lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.0.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Returns the name of the requested model.
    pub fn model(&self) -> &str {
        self.raw()["model"].as_str().unwrap_or_default()
    }

    /// Returns whether the request asks for a stream.
    pub fn is_streamed(&self) -> bool {
        self.raw()["stream"] == true
    }

    /// Returns the conversation, oldest message first.
    pub fn messages(&self) -> Vec<RecordedMessage> {
        self.api().conversation(self.raw())
    }

    /// Returns the text of the first system message.
    pub fn system(&self) -> Option<String> {
        self.messages().into_iter().find(|message| message.role == Role::System).map(|message| message.text)
    }

    /// Returns the last message of the user, including additions of the CLI.
    pub fn prompt(&self) -> Option<String> {
        self.messages().into_iter().rfind(|message| message.role == Role::User).map(|message| message.text)
    }

    /// Returns the first message of the user, including additions of the CLI.
    pub fn first_prompt(&self) -> Option<String> {
        self.messages().into_iter().find(|message| message.role == Role::User).map(|message| message.text)
    }

    /// Returns the names of the tools that the model may call.
    pub fn tool_names(&self) -> Vec<&str> {
        self.tools().iter().filter_map(|tool| tool["name"].as_str()).collect()
    }

    /// Returns a tool that the model may call, as an object with `name`, `description` and the schema as `parameters`.
    pub fn tool(&self, name: &str) -> Option<&Value> {
        self.tools().iter().find(|tool| tool["name"] == name)
    }

    /// Returns the text of the last result of a tool in the conversation.
    pub fn tool_result(&self, name: &str) -> Option<String> {
        let messages = self.messages();
        let results = results_of(&messages, &messages);
        results.into_iter().rfind(|(_, tool, _)| tool == name).map(|(_, _, text)| text)
    }

    /// Returns the results since the model's last message as pairs of tool name and text, in the order of the wire.
    pub fn tool_results(&self) -> Vec<(String, String)> {
        self.new_results().into_iter().map(|(_, tool, text)| (tool, text)).collect()
    }

    /// Returns the end of the answer; `None` while it is being sent.
    pub fn ending(&self) -> Option<Ending> {
        *self.0.ending.borrow()
    }

    /// Waits for the end of the answer and returns it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect.
    pub async fn ended(&self) -> Ending {
        let mut ending = self.0.ending.subscribe();
        let ended = ending.wait_for(Option::is_some).await;
        ended.expect("the sender is in `self`").expect("just waited for")
    }

    /// Sets the ending. Later calls have no effect.
    pub(super) fn end(&self, ending: Ending) {
        self.0.ending.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert(ending);
            first
        });
    }

    /// Returns the results after the model's last message: call id, tool name and text.
    pub(super) fn new_results(&self) -> Vec<(String, String, String)> {
        let messages = self.messages();
        let last = messages.iter().rposition(|message| message.role == Role::Assistant);
        results_of(&messages, &messages[last.map_or(0, |last| last + 1)..])
    }

    fn tools(&self) -> &[Value] {
        self.0.tools.get_or_init(|| self.api().tools(self.raw()))
    }
}

/// Returns the results in `part`, with the tool names from the calls in `all`.
fn results_of(all: &[RecordedMessage], part: &[RecordedMessage]) -> Vec<(String, String, String)> {
    let results = part.iter().filter(|message| message.role == Role::Tool);
    results
        .map(|message| {
            let id = message.answers.clone().unwrap_or_default();
            let call = all.iter().flat_map(|message| &message.calls).rfind(|call| call.id == id);
            let tool = call.map(|call| call.name.clone()).unwrap_or_default();
            (id, tool, message.text.clone())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn recorded(body: Value, headers: Vec<(String, String)>) -> RecordedRequest {
        RecordedRequest::new(ModelApi::ChatCompletions, "/v1/chat/completions".into(), body, headers)
    }

    fn request() -> RecordedRequest {
        let call = |id: &str, name: &str| json!({"id": id, "function": {"name": name, "arguments": "{}"}});
        recorded(
            json!({
                "model": "scripted",
                "stream": true,
                "tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}],
                "messages": [
                    {"role": "developer", "content": "Be kind."},
                    {"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
                    {"role": "assistant", "content": null, "tool_calls": [call("1", "a")]},
                    {"role": "tool", "tool_call_id": "1", "content": "old"},
                    {"role": "assistant", "content": null, "tool_calls": [call("2", "b"), call("3", "a")]},
                    {"role": "tool", "tool_call_id": "3", "content": "new a"},
                    {"role": "tool", "tool_call_id": "2", "content": "new b"},
                    {"role": "user", "content": "Bye"},
                ],
            }),
            vec![("x-initiator".to_owned(), "user".to_owned())],
        )
    }

    #[test]
    fn a_request_has_its_messages_and_tools() {
        let request = request();
        assert_eq!(request.model(), "scripted");
        assert!(request.is_streamed());
        assert_eq!(request.header("x-initiator"), Some("user"));
        assert_eq!(request.system().as_deref(), Some("Be kind."));
        assert_eq!(request.first_prompt().as_deref(), Some("Hello"));
        assert_eq!(request.prompt().as_deref(), Some("Bye"));
        assert_eq!(request.tool_names(), ["a"]);
        assert_eq!(request.tool("a").map(|tool| &tool["parameters"]["type"]), Some(&json!("object")));
        assert_eq!(request.tool("b"), None);
    }

    #[test]
    fn results_are_found_by_the_names_of_their_tools() {
        let request = request();
        assert_eq!(request.tool_result("a").as_deref(), Some("new a"));
        assert_eq!(request.tool_result("c"), None);
        let new = [("a".to_owned(), "new a".to_owned()), ("b".to_owned(), "new b".to_owned())];
        assert_eq!(request.tool_results(), new);
    }

    #[test]
    fn odd_requests_are_kept_without_a_panic() {
        for body in [json!(null), json!([]), json!({"messages": {}, "tools": [1], "model": 3})] {
            let request = recorded(body, Vec::new());
            assert_eq!(request.messages(), []);
            assert_eq!((request.prompt(), request.tool_results()), (None, Vec::new()));
            assert_eq!((request.tool_names(), request.model()), (Vec::new(), ""));
        }
    }

    #[tokio::test]
    async fn the_first_ending_is_kept() {
        let request = request();
        assert_eq!(request.ending(), None);
        request.end(Ending::Answered);
        request.end(Ending::Disconnected);
        assert_eq!(request.ended().await, Ending::Answered);
    }
}
