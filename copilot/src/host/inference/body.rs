//! The body of a request, as it arrives.

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;
use serde::de::DeserializeOwned;

use super::InferenceError;
use crate::protocol::base64;
use crate::task::lock;

/// How many bytes of a body may wait for a slow reader; the first piece fits whatever its size. More bytes end the
/// request, because the connection's reader never waits and the CLI does not wait for a receipt. CLI 1.0.102 sends the
/// body of an HTTP request in one piece, and the next message of a WebSocket after the answer to the last.
const MAX_WAITING: usize = 64 << 20;

/// A piece of a body; of a WebSocket, one message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Chunk {
    /// Text in UTF-8.
    Text(String),
    /// Bytes of any kind.
    Bytes(Vec<u8>),
}

impl Chunk {
    /// Returns the bytes of the piece; those of a text are UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The bytes that the piece counts for while it waits. Empty messages count as well.
    fn cost(&self) -> usize {
        size_of::<Self>() + self.as_bytes().len()
    }

    /// Reads a piece from the wire; `None` where its base64 is invalid.
    pub(super) fn read(data: String, is_binary: bool) -> Option<Self> {
        if is_binary { base64::decode(&data).map(Self::Bytes) } else { Some(Self::Text(data)) }
    }
}

impl From<String> for Chunk {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Chunk {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<u8>> for Chunk {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

/// The body of a request, as a [`Stream`] of its pieces, or [whole](Self::collect).
pub struct RequestBody(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    waiting: VecDeque<Chunk>,
    bytes: usize,
    ended: bool,
    reader: Option<Waker>,
}

/// The end that the CLI's pieces are put into.
pub(super) struct BodyFeed(Arc<Mutex<State>>);

/// A feed, and the body that it fills.
pub(super) fn channel() -> (BodyFeed, RequestBody) {
    let state = Arc::default();
    (BodyFeed(Arc::clone(&state)), RequestBody(state))
}

impl BodyFeed {
    /// Adds a piece; `false` where it does not fit.
    pub(super) fn push(&self, chunk: Chunk) -> bool {
        let mut state = lock(&self.0);
        if state.bytes > 0 && state.bytes.saturating_add(chunk.cost()) > MAX_WAITING {
            return false;
        }
        state.bytes += chunk.cost();
        state.waiting.push_back(chunk);
        state.wake();
        true
    }

    /// Marks the end of the body.
    pub(super) fn end(&self) {
        let mut state = lock(&self.0);
        state.ended = true;
        state.wake();
    }
}

impl State {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

impl RequestBody {
    /// Creates a body that has arrived as a whole.
    #[cfg(feature = "cassette")]
    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        let (feed, body) = channel();
        // The first piece fits whatever its size.
        feed.push(Chunk::Bytes(bytes));
        feed.end();
        body
    }

    /// The next piece, or `None` at the end.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn next(&mut self) -> Option<Chunk> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Reads the rest of the body; of a WebSocket, all messages until it is closed.
    ///
    /// # Cancel safety
    ///
    /// Pieces that a dropped future has read are lost.
    pub async fn collect(&mut self) -> Vec<u8> {
        let mut bytes = match self.next().await {
            Some(Chunk::Text(text)) => text.into_bytes(),
            Some(Chunk::Bytes(bytes)) => bytes,
            None => return Vec::new(),
        };
        while let Some(chunk) = self.next().await {
            bytes.extend_from_slice(chunk.as_bytes());
        }
        bytes
    }

    /// Reads the rest of the body as JSON.
    ///
    /// # Errors
    ///
    /// When the body is not JSON, or does not have the shape of `T`.
    ///
    /// # Cancel safety
    ///
    /// Pieces that a dropped future has read are lost.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, InferenceError> {
        let body = self.collect().await;
        serde_json::from_slice(&body)
            .map_err(|error| InferenceError::new(format!("the request's body cannot be read: {error}")))
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        let mut state = lock(&self.0);
        match state.waiting.pop_front() {
            Some(chunk) => {
                state.bytes -= chunk.cost();
                Poll::Ready(Some(chunk))
            }
            None if state.ended => Poll::Ready(None),
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Stream for RequestBody {
    type Item = Chunk;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        self.get_mut().poll(cx)
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = lock(&self.0);
        f.debug_struct("RequestBody")
            .field("waiting_bytes", &state.bytes)
            .field("ended", &state.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_body_comes_in_pieces_and_whole() {
        let (feed, mut body) = channel();
        assert!(feed.push(Chunk::from("one ")) && feed.push(Chunk::read("dHdv".into(), true).unwrap()));
        assert_eq!(body.next().await, Some(Chunk::from("one ")));
        assert!(feed.push(Chunk::from(" three")));
        feed.end();
        assert_eq!(body.collect().await, b"two three");
        assert_eq!(body.next().await, None);
        assert_eq!(Chunk::read("!".into(), true), None);
    }

    #[tokio::test]
    async fn unread_pieces_have_a_bound() {
        let (feed, mut body) = channel();
        assert!(feed.push(Chunk::Bytes(vec![0; MAX_WAITING + 1])));
        assert!(!feed.push(Chunk::from("x")));
        body.next().await.unwrap();
        assert!(feed.push(Chunk::from("x")));
        let most = MAX_WAITING / size_of::<Chunk>();
        assert!((0..=most).any(|_| !feed.push(Chunk::from(""))), "empty messages wait without a bound");
    }
}
