//! The answers of the fake CLI to requests.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::FakeCli;
use super::defaults;
use super::exchange::Shared;

/// The answer of the CLI to a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// A response with this result.
    Result(Value),
    /// A response with this error.
    Error(RpcError),
    /// No response: the request stays pending.
    Never,
}

/// A JSON-RPC error, of the CLI or of the client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcError {
    /// The error code, such as -32601 for an unknown method.
    pub code: i64,
    /// The message; empty when the response has none.
    pub message: String,
}

impl RpcError {
    /// Creates an error with a code and a message.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Creates the error of the CLI for an unknown method.
    pub fn unknown_method(method: &str) -> Self {
        Self::new(-32601, format!("Unhandled method {method}"))
    }

    /// Creates the error of the CLI for an internal failure.
    pub(super) fn failed(method: &str, text: &str) -> Self {
        Self::new(-32603, format!("Request {method} failed with message: {text}"))
    }

    pub(super) fn read(error: &Value) -> Self {
        let message = error["message"].as_str().unwrap_or_default();
        Self::new(error["code"].as_i64().unwrap_or_default(), message)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"code": self.code, "message": self.message})
    }
}

impl fmt::Display for RpcError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (error {})", self.message, self.code)
    }
}

impl std::error::Error for RpcError {}

impl From<Value> for Answer {
    fn from(result: Value) -> Self {
        Self::Result(result)
    }
}

impl From<RpcError> for Answer {
    fn from(error: RpcError) -> Self {
        Self::Error(error)
    }
}

impl From<Result<Value, RpcError>> for Answer {
    fn from(result: Result<Value, RpcError>) -> Self {
        result.map_or_else(Self::Error, Self::Result)
    }
}

/// The request that a closure of [`FakeCli::on`] answers.
#[derive(Debug)]
pub struct Asked<'a> {
    pub(super) cli: FakeCli,
    pub(super) method: &'a str,
    pub(super) params: &'a Value,
    pub(super) count: usize,
}

impl Asked<'_> {
    /// Returns the CLI that received the request.
    pub fn cli(&self) -> &FakeCli {
        &self.cli
    }

    /// Returns how many requests of this method the CLI has received, including this one.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Handles the request as without the closure, and returns the answer.
    pub fn default_answer(&self) -> Answer {
        defaults::answer(&self.cli.shared, self.method, self.params)
    }
}

pub(super) type Answerer = Arc<dyn Fn(&Value, &Asked<'_>) -> Answer + Send + Sync>;

/// A request without a response yet, returned by [`FakeCli::held`]. If dropped, it is never answered.
pub struct HeldRequest {
    shared: Arc<Shared>,
    id: Value,
    method: String,
    params: Value,
}

impl HeldRequest {
    pub(super) fn new(shared: &Arc<Shared>, id: Value, method: String, params: Value) -> Self {
        Self { shared: Arc::clone(shared), id, method, params }
    }

    /// Returns the JSON-RPC id of the request.
    pub fn id(&self) -> &Value {
        &self.id
    }

    /// Returns the method of the request.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the parameters of the request.
    pub fn params(&self) -> &Value {
        &self.params
    }

    /// Sends a response with a result or an error. A second call sends a second response.
    pub fn answer(&self, answer: impl Into<Answer>) {
        self.shared.respond(&self.id, answer.into());
    }

    /// Sends the default response of the CLI.
    pub fn answer_by_default(&self) {
        let answer = defaults::answer(&self.shared, &self.method, &self.params);
        self.shared.respond(&self.id, answer);
    }
}

impl fmt::Debug for HeldRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldRequest")
            .field("id", &self.id)
            .field("method", &self.method)
            .field("params", &self.params)
            .finish_non_exhaustive()
    }
}
