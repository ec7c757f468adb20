//! The duty to answer one request of the other side.

use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use super::incoming::{IncomingId, OpenRequest};
use super::message::INTERNAL_ERROR;
use super::peer::Peer;
use crate::protocol::encode::Encode;

/// The duty to answer one request. Dropped without an answer, it sends an error.
#[must_use]
pub(crate) struct Responder {
    peer: Peer,
    id: Option<Box<RawValue>>,
    request: OpenRequest,
}

impl Responder {
    /// Creates the responder of a request that a test invents.
    #[cfg(test)]
    pub(crate) fn with_id(peer: &Peer, id: &str) -> Self {
        Self::new(peer.clone(), RawValue::from_string(id.to_owned()).expect("the id is JSON"))
    }

    pub(super) fn new(peer: Peer, id: Box<RawValue>) -> Self {
        let request = peer.open().insert(id.get());
        Self { peer, id: Some(id), request }
    }

    /// Returns the connection of the request.
    pub(crate) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Creates a second responder of the same request, for use where this one is out of reach. The request is still
    /// answered once.
    pub(crate) fn backup(&self) -> BackupResponder {
        BackupResponder { peer: self.peer.clone(), id: self.id.clone(), request: self.request }
    }

    /// Returns whether the other side cancelled the request. Its answer is discarded then.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.id.as_ref().is_some_and(|id| !self.peer.open().is_open(id.get(), &self.request))
    }

    /// Answers with a result.
    pub(crate) fn ok(mut self, result: &dyn Encode) {
        if let Some(id) = self.complete() {
            self.peer.reply(&id, result);
        }
    }

    /// Answers with an error.
    pub(crate) fn error(mut self, code: i64, message: &str) {
        if let Some(id) = self.complete() {
            self.peer.reply_error(&id, code, message);
        }
    }

    /// Answers with an error that has data.
    pub(crate) fn error_with<D: Serialize + Sync>(mut self, code: i64, message: &str, data: &D) {
        if let Some(id) = self.complete() {
            self.peer.reply_error_with(&id, code, message, Some(data));
        }
    }

    /// Removes the request from the table. Returns its id if it was open.
    fn complete(&mut self) -> Option<Box<RawValue>> {
        let id = self.id.take()?;
        self.peer.open().complete(id.get(), &self.request).then_some(id)
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        if let Some(id) = self.complete() {
            self.peer.reply_error(&id, INTERNAL_ERROR, "the handler ended without an answer");
        }
    }
}

/// A second responder of a request. Created by [`Responder::backup`]; dropped, it does nothing.
pub(crate) struct BackupResponder {
    peer: Peer,
    id: Option<Box<RawValue>>,
    request: OpenRequest,
}

impl BackupResponder {
    /// Returns the number of the request, which a cancellation names.
    pub(crate) fn request(&self) -> IncomingId {
        self.request.number()
    }

    /// Converts it to the duty to answer. Its answer is discarded if the request was answered before.
    pub(crate) fn into_responder(self) -> Responder {
        Responder { peer: self.peer, id: self.id, request: self.request }
    }
}

impl fmt::Debug for BackupResponder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupResponder").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for Responder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Responder").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::error::{Error, ErrorKind};

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_answer_cannot_be_encoded_is_answered_with_an_error() {
        let (mut far, near) = tokio::io::duplex(4096);
        let peer = Peer::new(Box::new(near));
        let deep = (0..200).fold(Value::Null, |inner, _| json!([inner]));
        Responder::new(peer.clone(), serde_json::value::to_raw_value(&7).unwrap()).ok(&deep);
        let mut answer = vec![0; 4096];
        let writing = tokio::time::timeout(std::time::Duration::from_secs(60), async {
            let reading = async {
                let read = far.read(&mut answer).await.unwrap();
                peer.close(&Error::new(ErrorKind::Closed, "the end"));
                read
            };
            tokio::join!(peer.write(), reading).1
        });
        let read = writing.await.expect("an answer leaves");
        let answer = std::str::from_utf8(&answer[..read]).unwrap();
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!((&body["id"], &body["error"]["code"]), (&json!(7), &json!(INTERNAL_ERROR)));
    }
}
