//! The receiver of incoming messages, as the reader sees it.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::head::Head;
use super::incoming::IncomingId;
use super::responder::Responder;
use crate::protocol::decode::Decode;
use crate::protocol::scan::Scan;

/// Handles incoming messages. Called on the reader's task, so no method may wait or run code of the program.
pub(crate) trait Service: Send + Sync + 'static {
    /// The type of the parameters of frequent notifications, decoded together with the frame.
    type Params<'a>: Decode<'a> + Scan<'a>;

    /// Handles a notification whose parameters have the frequent shape. Those of a large frame are a part of `whole`, which
    /// may be retained instead of a copy.
    fn notification<'a>(&self, method: &str, params: &mut Self::Params<'a>, whole: Option<&'a Arc<String>>);

    /// Handles a notification whose parameters have another shape, or that has none.
    fn unusual_notification(&self, method: &str, params: &RawValue);

    /// Runs work that was postponed while messages arrived: all of them are handled, and the reader is about to wait.
    fn caught_up(&self);

    /// Handles a request. A dropped `responder` answers with an error.
    fn request(&self, method: &str, params: &RawValue, responder: Responder);

    /// Answers a request of which at most the method could be decoded, with `why` or with a safe answer.
    fn unreadable_request(&self, method: &str, responder: Responder, why: &str);

    /// Handles a discarded message that expects no answer, of which only the beginning is known.
    fn skipped(&self, head: &Head<'_>, why: &str);

    /// Cancels the work for a request that the other side cancelled. The request is answered already.
    fn cancelled(&self, id: IncomingId);
}
