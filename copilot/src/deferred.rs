//! Deferred results: a tool files its request somewhere, and the call stays open until a program settles it.
//!
//! A tool takes a [`Ticket`], stores it with the request that it files, and returns [`Deferred`]. The ticket is JSON: any
//! program that can open the session settles the call with [`Session::settle`](crate::Session::settle) or
//! [`Client::settle`](crate::Client::settle), minutes or days later, also when the program and the CLI that made the call
//! have ended.
//!
//! # Examples
//!
//! ```standalone_crate
//! use std::sync::Mutex;
//!
//! use copilot::State;
//! use copilot::deferred::{Deferred, Ticket};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Deserialize, JsonSchema, Serialize)]
//! struct Receipt {
//!     number: String,
//! }
//!
//! /// Refund an order. A person approves it first.
//! #[copilot::tool]
//! async fn refund(
//!     /// The number of the order.
//!     order: u64,
//!     ticket: Ticket<Receipt>,
//!     inbox: State<Mutex<Vec<String>>>,
//! ) -> serde_json::Result<Deferred<Receipt>> {
//!     inbox.lock().unwrap().push(format!("order {order}: {}", serde_json::to_string(&ticket)?));
//!     Ok(ticket.defer())
//! }
//! ```
//!
//! Later, in this program or in another one:
//!
//! ```no_run
//! # use copilot::deferred::Ticket;
//! # #[derive(schemars::JsonSchema, serde::Serialize)] struct Receipt { number: String }
//! # async fn example(client: copilot::Client, stored: &str) -> Result<(), Box<dyn std::error::Error>> {
//! let ticket: Ticket<Receipt> = serde_json::from_str(stored)?;
//! let reply = client.settle(&ticket, Receipt { number: "R-7".into() }).await?;
//! println!("{}", reply.text());
//! # Ok(()) }
//! ```
//!
//! # Guarantees
//!
//! The ticket is made before the function runs, and only when the call survives the end of the program and of the CLI.
//! When the function has returned [`Deferred`], the session records that, and emits an
//! [`EventKind::AnswerDeferred`](crate::EventKind::AnswerDeferred): from then on the function does not run again for this
//! call. When the program ends before, some milliseconds after the return at the latest, the function runs again in the
//! next program that [continues the pending work](crate::resume::Resume::continue_pending_work) of the session, with an
//! equal ticket: a request that is filed under [`Ticket::id`] is filed once.
//!
//! A call is settled at most once; every further settlement is an error.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::{RequestId, SessionId, ToolCallId};
use crate::random;
use crate::tools::context::ToolContext;
use crate::tools::output::error::ToolError;
use crate::tools::output::outcome::Outcome;
use crate::tools::output::ticket::{ResultShape, TicketRecord, VERSION};
use crate::tools::{FromCallAsync, ToolResult, mismatches};

/// A type that can be the result of a deferred call. The model reads text as it is, and other values as JSON.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a deferred call",
    label = "does not implement `serde::Serialize` and `schemars::JsonSchema`",
    note = "derive both for types of the program; for text, write `String`",
    note = "the value itself is named, without `Json`: `Deferred<Receipt>` with `Ticket<Receipt>`"
)]
pub trait DeferredResult: Serialize + JsonSchema + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema + Send + 'static> DeferredResult for T {}

/// Stands for a call that stays open, whose result is a `T`. Contains no secret.
///
/// As a parameter of a tool it is made before the function runs; [`ToolContext::ticket`](crate::ToolContext::ticket)
/// returns it to a [`DynTool`](crate::DynTool). If the call cannot stay open, the function does not run and the model
/// reads why: CLIs before 1.0.102 forget such calls, and the calls of a sub-agent end with it.
///
/// Serializes as a JSON object with the session, the request, the tool and the type of the result. A ticket of another
/// type of result is an error when it is deserialized. `Ticket<serde_json::Value>` is read from every ticket, for
/// programs that do not have the type: values are then checked against the schema in the ticket.
pub struct Ticket<T: DeferredResult> {
    record: Arc<TicketRecord>,
    result: PhantomData<fn() -> T>,
}

/// The result of a tool whose call may stay open; see the [module](self).
#[must_use = "the call stays open only when the tool returns this"]
pub struct Deferred<T: DeferredResult>(Later<T>);

enum Later<T> {
    Ready(T),
    Open(Arc<TicketRecord>),
}

/// A value, or a result, that settles a call with a result of type `T`: a `T`, or a `Result<T, ToolError>` whose error
/// has the same effect as that of a tool.
pub trait Settlement<T>: sealed::Sealed<T> + Send {
    /// Returns the outcome of the call.
    #[doc(hidden)]
    fn into_outcome(self) -> std::result::Result<T, ToolError>;
}

mod sealed {
    use crate::tools::output::error::ToolError;

    pub trait Sealed<T> {}
    impl<T> Sealed<T> for T {}
    impl<T> Sealed<T> for Result<T, ToolError> {}
}

impl<T: Send> Settlement<T> for T {
    fn into_outcome(self) -> std::result::Result<T, ToolError> {
        Ok(self)
    }
}

impl<T: Send> Settlement<T> for std::result::Result<T, ToolError> {
    fn into_outcome(self) -> Self {
        self
    }
}

impl<T: DeferredResult> Ticket<T> {
    /// Returns the id of the request, which is unique, and the same when the function runs again for this call.
    pub fn id(&self) -> &RequestId {
        &self.record.request
    }

    /// Returns the session that the call belongs to.
    pub fn session_id(&self) -> &SessionId {
        &self.record.session
    }

    /// Returns the id of the call, as the model made it.
    pub fn call_id(&self) -> &ToolCallId {
        &self.record.tool_call
    }

    /// Returns the name of the tool.
    pub fn tool(&self) -> &str {
        &self.record.tool
    }

    /// Returns the name of the result's type, from its schema.
    pub fn result_type(&self) -> &str {
        &self.record.result.name
    }

    /// Returns the schema of the result; `None` where it has more than 4 KiB.
    pub fn result_schema(&self) -> Option<&Value> {
        self.record.result.schema.as_ref()
    }

    /// Returns the value for a tool to return, which leaves the call open.
    pub fn defer(self) -> Deferred<T> {
        Deferred(Later::Open(self.record))
    }

    /// Returns the ticket without the type of the result.
    pub fn untyped(&self) -> Ticket<Value> {
        Ticket::new(Arc::clone(&self.record))
    }

    pub(crate) fn new(record: Arc<TicketRecord>) -> Self {
        Self { record, result: PhantomData }
    }

    pub(crate) fn record(&self) -> &Arc<TicketRecord> {
        &self.record
    }
}

impl Ticket<Value> {
    /// Returns the ticket with the type of its result.
    ///
    /// # Errors
    ///
    /// When the result has another type; the error names both.
    pub fn typed<T: DeferredResult>(&self) -> Result<Ticket<T>> {
        check_type::<T>(&self.record).map_err(|message| Error::new(ErrorKind::InvalidInput, message))?;
        Ok(Ticket::new(Arc::clone(&self.record)))
    }
}

impl<T: DeferredResult> Deferred<T> {
    /// Returns the result of a call whose value is known immediately.
    pub fn ready(value: T) -> Self {
        Self(Later::Ready(value))
    }
}

/// Returns the name and the schema of a type of result.
fn shape_of<T: JsonSchema>() -> ResultShape {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.meta_schema = None;
    let schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    ResultShape::new(T::schema_name().into_owned(), schema)
}

/// Refuses a ticket whose result has another type.
fn check_type<T: JsonSchema + 'static>(record: &TicketRecord) -> std::result::Result<(), String> {
    if TypeId::of::<T>() == TypeId::of::<Value>() {
        return Ok(());
    }
    let shape = shape_of::<T>();
    if shape.fingerprint == record.result.fingerprint {
        return Ok(());
    }
    let (tool, theirs, ours) = (&record.tool, &record.result.name, &shape.name);
    let hint = if theirs == ours { ", and their schemas differ" } else { "" };
    Err(format!(
        "the call of `{tool}` has a result of type `{theirs}`, and the ticket is read for `{ours}`{hint}"
    ))
}

/// Returns the result that settles a call.
///
/// # Errors
///
/// When the value is not JSON, or does not fit the schema in the ticket.
pub(crate) fn settlement<T: DeferredResult>(
    ticket: &Ticket<T>,
    value: impl Settlement<T>,
) -> Result<ToolResult> {
    let record = ticket.record();
    let tool = &record.tool;
    let value = match value.into_outcome() {
        Ok(value) => value,
        Err(error) => {
            let reference = &random::id()[..8];
            if error.is_hidden() {
                tracing::error!(tool, call = %record.tool_call, reference, ?error, "a deferred call failed");
            }
            return Ok(error.to_result(tool, reference, false));
        }
    };
    let value = serde_json::to_value(&value).map_err(|source| {
        let message = format!("the result of the deferred call of `{tool}` is not JSON");
        Error::with_source(ErrorKind::InvalidInput, message, source)
    })?;
    if TypeId::of::<T>() == TypeId::of::<Value>()
        && let Some(schema) = &record.result.schema
    {
        let mistakes = mismatches(schema, &value);
        if !mistakes.is_empty() {
            let (name, mistakes) = (&record.result.name, mistakes.join("; "));
            let message = format!("the value is not a `{name}`, the result of `{tool}`: {mistakes}");
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
    }
    Ok(to_result(&value))
}

/// The model reads text as it is, and other values as JSON. A text that is not empty, because models repeat a call
/// without a result.
fn to_result(value: &Value) -> ToolResult {
    ToolResult::success(match value {
        Value::Null => "Done.".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// The marker of [`Deferred`].
#[derive(Debug)]
#[doc(hidden)]
pub struct Open;

#[diagnostic::do_not_recommend]
impl<T: DeferredResult> Outcome<Open> for Deferred<T> {
    fn into_result(self) -> std::result::Result<ToolResult, ToolError> {
        match self.0 {
            Later::Ready(value) => Ok(to_result(&serde_json::to_value(value)?)),
            Later::Open(record) => Ok(ToolResult::deferred(record)),
        }
    }
}

impl<T: DeferredResult> FromCallAsync for Ticket<T> {
    async fn from_call(cx: &ToolContext) -> std::result::Result<Self, ToolError> {
        cx.ticket().await
    }
}

impl ToolContext {
    /// Returns the ticket of this call, for a [`DynTool`](crate::DynTool); functions with `#[copilot::tool]` take it as a
    /// parameter. Await it before the request is filed.
    ///
    /// # Errors
    ///
    /// When the call cannot stay open: the CLI is too old, a sub-agent calls, or the tool does not run in a session. The
    /// model reads the reason.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on the call.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::DynTool;
    /// use copilot::deferred::{Deferred, Ticket};
    /// use copilot::{ToolContext, ToolError};
    ///
    /// # async fn file(_: String) -> Result<(), ToolError> { Ok(()) }
    /// let tool = DynTool::new("order", "Order a part.").run(|_, cx: ToolContext| async move {
    ///     let ticket: Ticket<String> = cx.ticket().await?;
    ///     file(serde_json::to_string(&ticket)?).await?;
    ///     Ok::<_, ToolError>(ticket.defer())
    /// });
    /// # drop(tool);
    /// ```
    ///
    /// Wire: `sessions.save`, `session.metadata.updateClientMetadata`, to the CLI.
    pub async fn ticket<T: DeferredResult>(&self) -> std::result::Result<Ticket<T>, ToolError> {
        let tool = self.tool();
        let Some(request) = self.request_id() else {
            let text = format!("`{tool}` answers later, and this call cannot stay open. Nothing was done.");
            return Err(ToolError::tell(text));
        };
        if self.agent_id().is_some() {
            let text = format!(
                "`{tool}` answers later, and the call of a sub-agent ends with the sub-agent. Nothing was done; the \
                 main agent can call it."
            );
            return Err(ToolError::tell(text));
        }
        let record = Arc::new(TicketRecord {
            ticket: VERSION,
            session: self.session_id().clone(),
            request: request.clone(),
            tool_call: self.call_id().clone(),
            tool: tool.to_owned(),
            result: shape_of::<T>(),
        });
        self.reserve(Arc::clone(&record)).await.map_err(|error| {
            let why = if error.is_unsupported() { "this CLI is too old for that" } else { "the CLI failed" };
            ToolError::tell(format!("`{tool}` answers later, and {why}. Nothing was done.")).because(error)
        })?;
        Ok(Ticket::new(record))
    }
}

impl<T: DeferredResult> Clone for Ticket<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.record))
    }
}

impl<T: DeferredResult> PartialEq for Ticket<T> {
    fn eq(&self, other: &Self) -> bool {
        self.record == other.record
    }
}

impl<T: DeferredResult> fmt::Debug for Ticket<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("session", &self.record.session)
            .field("id", &self.record.request)
            .field("call", &self.record.tool_call)
            .field("tool", &self.record.tool)
            .field("result", &self.record.result.name)
            .finish()
    }
}

impl<T: DeferredResult> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Later::Ready(_) => f.write_str("Deferred::Ready(..)"),
            Later::Open(record) => f.debug_tuple("Deferred::Open").field(&record.request).finish(),
        }
    }
}

impl<T: DeferredResult> Serialize for Ticket<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.record.serialize(serializer)
    }
}

impl<'de, T: DeferredResult> Deserialize<'de> for Ticket<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let record = TicketRecord::deserialize(deserializer)?;
        if record.ticket != VERSION {
            let message =
                format!("the ticket has version {}, and this library reads {VERSION}", record.ticket);
            return Err(D::Error::custom(message));
        }
        check_type::<T>(&record).map_err(D::Error::custom)?;
        Ok(Self::new(Arc::new(record)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
    struct Receipt {
        /// The number of the receipt.
        number: u32,
    }

    /// Another type of this name.
    mod other {
        #[derive(Debug, schemars::JsonSchema, serde::Serialize)]
        pub(super) struct Receipt {
            number: String,
        }
    }

    fn ticket() -> Ticket<Receipt> {
        Ticket::new(Arc::new(TicketRecord {
            ticket: VERSION,
            session: "s".into(),
            request: "r".into(),
            tool_call: "c".into(),
            tool: "refund".into(),
            result: shape_of::<Receipt>(),
        }))
    }

    #[test]
    fn a_ticket_is_readable_json_and_is_read_again() {
        let wire = serde_json::to_value(ticket()).unwrap();
        assert_eq!(
            (&wire["ticket"], &wire["session"], &wire["request"], &wire["toolCall"], &wire["tool"]),
            (&json!(1), &json!("s"), &json!("r"), &json!("c"), &json!("refund"))
        );
        assert_eq!(
            (&wire["result"]["type"], &wire["result"]["schema"]["properties"]["number"]["type"]),
            (&json!("Receipt"), &json!("integer"))
        );
        let read: Ticket<Receipt> = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!((&read, read.id().as_str(), read.result_type()), (&ticket(), "r", "Receipt"));
        let untyped: Ticket<Value> = serde_json::from_value(wire.clone()).unwrap();
        assert_eq!(untyped.typed::<Receipt>().unwrap(), ticket());
        let mut newer = wire;
        newer["ticket"] = 2.into();
        let error = serde_json::from_value::<Ticket<Receipt>>(newer).unwrap_err().to_string();
        assert!(error.contains("version 2") && error.contains("reads 1"), "{error}");
    }

    #[test]
    fn a_ticket_for_another_type_is_refused_with_both_names() {
        let wire = serde_json::to_value(ticket()).unwrap();
        let error = serde_json::from_value::<Ticket<String>>(wire.clone()).unwrap_err().to_string();
        assert!(error.contains("`Receipt`") && error.contains("`string`"), "{error}");
        let error = serde_json::from_value::<Ticket<other::Receipt>>(wire).unwrap_err().to_string();
        assert!(error.contains("their schemas differ"), "{error}");
        let error = ticket().untyped().typed::<u8>().unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.to_string().contains("`uint8`"), "{error}");
    }

    #[test]
    fn a_settlement_is_text_json_or_the_error_of_a_tool() {
        let shown = |result: ToolResult| format!("{}: {}", result.result_type(), result.text());
        let settled = settlement(&ticket(), Receipt { number: 7 }).unwrap();
        assert_eq!(shown(settled), r#"success: {"number":7}"#);
        let refused: std::result::Result<Receipt, _> = Err(ToolError::refused("declined by Ada"));
        assert_eq!(shown(settlement(&ticket(), refused).unwrap()), "denied: declined by Ada");
        let hidden: std::result::Result<Receipt, _> = Err(ToolError::hidden("password 123"));
        assert!(!shown(settlement(&ticket(), hidden).unwrap()).contains("123"));
        let untyped = ticket().untyped();
        assert_eq!(shown(settlement(&untyped, json!({"number": 8})).unwrap()), r#"success: {"number":8}"#);
        let error = settlement(&untyped, json!({"number": "eight"})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let error = error.to_string();
        assert!(error.contains("not a `Receipt`") && error.contains("number"), "{error}");
    }

    #[test]
    fn a_ready_result_settles_the_call() {
        let shown = |result: ToolResult| format!("{}: {}", result.result_type(), result.text());
        assert_eq!(shown(Deferred::ready("text".to_owned()).into_result().unwrap()), "success: text");
        assert_eq!(shown(Deferred::ready(()).into_result().unwrap()), "success: Done.");
        let open = ticket().defer().into_result().unwrap();
        assert_eq!((shown(open.clone()).as_str(), open.ticket()), ("deferred: ", Some(ticket().record())));
    }
}
