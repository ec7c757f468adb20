//! The settlement of deferred calls, on an open session and on a client.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::api::conversation::resume::Resume;
use crate::client::Client;
use crate::deferred::{DeferredResult, Settlement, Ticket, settlement};
use crate::error::Result;
use crate::session::turn::Reply;
use crate::session::{Decision, Session, SessionBuilder};
use crate::tools::ToolResult;
use crate::tools::output::ticket::TicketRecord;

impl Session {
    /// Settles a [deferred](crate::deferred) call: its result is `value`, and the agent continues when its other calls
    /// have their results as well. Returns when the CLI has recorded the result on the disk, so that it survives the end
    /// of the CLI.
    ///
    /// `value` is the result, or a `Result` of it whose [`ToolError`](crate::ToolError) has the same effect as that of a
    /// tool.
    ///
    /// # Errors
    ///
    /// As every command; of kind [`InvalidInput`](crate::ErrorKind::InvalidInput) when the ticket belongs to another
    /// session, or an untyped value does not fit the schema in the ticket; and of kind
    /// [`Session`](crate::ErrorKind::Session) when the call is not open: it was settled before, or the agent has given it
    /// up. After a lost connection the result may have been accepted: settle again, and the error then says that the
    /// call has a result already.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session, stored: &str) -> Result<(), Box<dyn std::error::Error>> {
    /// use copilot::ToolError;
    /// use copilot::deferred::Ticket;
    ///
    /// let ticket: Ticket<String> = serde_json::from_str(stored)?;
    /// session.settle(&ticket, Err(ToolError::refused("declined by Ada"))).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// Wire: `session.tools.handlePendingToolCall`, a [command](crate#commands); `sessions.save` and
    /// `session.metadata.updateClientMetadata`.
    pub async fn settle<T: DeferredResult>(
        &self,
        ticket: &Ticket<T>,
        value: impl Settlement<T>,
    ) -> Result<()> {
        let result = settlement(ticket, value)?;
        self.settle_with(ticket.record(), &result).await
    }

    /// Boxed, so that the crate of the user does not compile it again.
    pub(crate) fn settle_with<'a>(
        &'a self,
        record: &'a TicketRecord,
        result: &'a ToolResult,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.core().settle(record, result))
    }
}

impl Client {
    /// Settles a [deferred](crate::deferred) call of a session that is not open: resumes the session, settles the call as
    /// [`Session::settle`] does, waits for the end of the agent's turn, and closes the session.
    ///
    /// The agent continues with the settings that [`SettleRequest::session`] sets, such as the model, the provider and
    /// the tools; without it, with those that the CLI has stored, and without tools of this program. Other requests that
    /// the session waits for stay open.
    ///
    /// A session that this client has open is taken over, as by [`Client::resume`]; use [`Session::settle`] there.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use copilot::deferred::Ticket;
    /// # async fn example(client: copilot::Client, ticket: Ticket<String>) -> copilot::Result<()> {
    /// let reply = client
    ///     .settle(&ticket, "R-7".to_owned())
    ///     .session(|session| session.model("gpt-5").with_all_tools())
    ///     .await?;
    /// println!("{}", reply.text());
    /// # Ok(()) }
    /// ```
    pub fn settle<T: DeferredResult>(&self, ticket: &Ticket<T>, value: impl Settlement<T>) -> SettleRequest {
        let record = Arc::clone(ticket.record());
        let session = self
            .resume(record.session.clone())
            .resume_options(Resume::new().continue_pending_work(true))
            .on_permission(async |_| Decision::Later);
        SettleRequest { session, record, result: settlement(ticket, value) }
    }
}

/// Settles a deferred call of a session that is not open; await it for the agent's reply. Returned by
/// [`Client::settle`].
///
/// # Errors
///
/// As [`SessionBuilder::start`], [`Session::settle`], and [`Turn::reply`](crate::Turn::reply). Once the call is settled,
/// an error of the turn does not undo that.
///
/// # Cancel safety
///
/// Once polled, the call may be settled even if the future is dropped; the session is then detached, and the agent stops.
#[must_use = "a request does nothing until it is awaited"]
pub struct SettleRequest {
    session: SessionBuilder,
    record: Arc<TicketRecord>,
    result: Result<ToolResult>,
}

impl SettleRequest {
    /// Changes the settings with which the session is resumed.
    pub fn session(mut self, configure: impl FnOnce(SessionBuilder) -> SessionBuilder) -> Self {
        self.session = configure(self.session);
        self
    }
}

impl IntoFuture for SettleRequest {
    type Output = Result<Reply>;
    type IntoFuture = BoxFuture<'static, Result<Reply>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { session, record, result } = self;
            let result = result?;
            let session = session.start().await?;
            let turn = session.current_turn_or_deferred();
            let reply = async {
                session.settle_with(&record, &result).await?;
                turn.reply().await
            };
            let reply = reply.await;
            let closed = session.close().await;
            let reply = reply?;
            closed.map(|()| reply)
        })
    }
}

impl fmt::Debug for SettleRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SettleRequest").field("record", &self.record).finish_non_exhaustive()
    }
}
