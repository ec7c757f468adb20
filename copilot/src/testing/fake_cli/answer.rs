//! What a test may have the CLI answer.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use super::FakeCli;
use super::defaults;
use super::exchange::Shared;

/// How the CLI answers a request.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// With this result.
    Result(Value),
    /// With this error.
    Error(RpcError),
    /// Not at all.
    Never,
}

/// An error of JSON-RPC, from either side.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RpcError {
    /// Such as -32601 for an unknown method.
    pub code: i64,
    /// What went wrong; empty when the other side did not say.
    pub message: String,
}

impl RpcError {
    /// An error with this code and message.
    pub fn new(code: i64, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What the CLI says to a method that it does not know.
    pub fn unknown_method(method: &str) -> Self {
        Self::new(-32601, format!("Unhandled method {method}"))
    }

    /// What the CLI says when something in it failed.
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

/// The request that a closure given to [`FakeCli::on`] answers.
#[derive(Debug)]
pub struct Asked<'a> {
    pub(super) cli: FakeCli,
    pub(super) method: &'a str,
    pub(super) params: &'a Value,
    pub(super) count: usize,
}

impl Asked<'_> {
    /// The CLI that is asked.
    pub fn cli(&self) -> &FakeCli {
        &self.cli
    }

    /// How many requests of this method have come, this one included.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Does what the CLI does where a test has not said otherwise; gives its answer.
    pub fn default_answer(&self) -> Answer {
        defaults::answer(&self.cli.shared, self.method, self.params)
    }
}

pub(super) type Answerer = Arc<dyn Fn(&Value, &Asked<'_>) -> Answer + Send + Sync>;

/// A request that waits for its answer; dropped, it is never answered. Made by [`FakeCli::held`].
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

    /// The id of the request, as it came.
    pub fn id(&self) -> &Value {
        &self.id
    }

    /// The method.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The parameters.
    pub fn params(&self) -> &Value {
        &self.params
    }

    /// Answers with a value, an error, or both one after the other when called again.
    pub fn answer(&self, answer: impl Into<Answer>) {
        self.shared.respond(&self.id, answer.into());
    }

    /// Answers as the CLI does where a test has not said otherwise.
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
