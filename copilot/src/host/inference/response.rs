//! The program's answer: status, headers, and a body, as a whole or in pieces.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use serde::Serialize;
use tokio::sync::mpsc;

use super::body::Chunk;
use super::{Headers, InferenceError};

/// The answer to an [`InferenceRequest`](super::InferenceRequest).
#[must_use]
pub struct InferenceResponse {
    pub(super) status: u16,
    pub(super) status_text: Option<String>,
    pub(super) headers: Headers,
    pub(super) body: Body,
}

/// The pieces of an answer that is not there as a whole.
pub(crate) type Chunks = BoxStream<'static, Result<Chunk, InferenceError>>;

pub(super) enum Body {
    Whole(Chunk),
    Chunks(Chunks),
}

impl InferenceResponse {
    /// An answer with this status, such as 200, and an empty body.
    pub fn new(status: u16) -> Self {
        Self { status, status_text: None, headers: Headers::default(), body: Body::Whole(Chunk::from("")) }
    }

    /// An answer of JSON, with its content type.
    ///
    /// # Errors
    ///
    /// When the value cannot be written as JSON.
    pub fn json<T: Serialize + ?Sized>(status: u16, value: &T) -> Result<Self, InferenceError> {
        let body = serde_json::to_string(value)?;
        Ok(Self::new(status).header("content-type", "application/json").body(body))
    }

    /// Accepts a WebSocket; each piece of the stream is a message. Its end closes the WebSocket.
    pub fn websocket<S, C, E>(messages: S) -> Self
    where
        S: Stream<Item = Result<C, E>> + Send + 'static,
        C: Into<Chunk>,
        E: Into<InferenceError>,
    {
        Self::new(101).stream(messages)
    }

    /// Returns the status, the headers and the body as a stream of pieces.
    #[cfg(feature = "cassette")]
    pub(crate) fn into_parts(self) -> (u16, Headers, Chunks) {
        let chunks = match self.body {
            Body::Whole(chunk) => Box::pin(Whole(Some(chunk))),
            Body::Chunks(chunks) => chunks,
        };
        (self.status, self.headers, chunks)
    }

    /// Sets the words that follow the status.
    pub fn status_text(mut self, text: impl Into<String>) -> Self {
        self.status_text = Some(text.into());
        self
    }

    /// Adds a header. Leave those out that only say how the bytes travel, such as `transfer-encoding`.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.add(name, value.into());
        self
    }

    /// The body, as a whole: text or bytes.
    pub fn body(mut self, body: impl Into<Chunk>) -> Self {
        self.body = Body::Whole(body.into());
        self
    }

    /// The body, as a stream of pieces. The next piece is asked for when the CLI has taken the last. An error ends the
    /// answer with it.
    pub fn stream<S, C, E>(mut self, body: S) -> Self
    where
        S: Stream<Item = Result<C, E>> + Send + 'static,
        C: Into<Chunk>,
        E: Into<InferenceError>,
    {
        self.body = Body::Chunks(Box::pin(Converted(Box::pin(body))));
        self
    }

    /// The body, as a future writes it. Its end is the body's end, and its error ends the answer with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::host::inference::InferenceResponse;
    ///
    /// let response = InferenceResponse::new(200).header("content-type", "text/event-stream").write(
    ///     |body| async move {
    ///         for word in ["one", "two"] {
    ///             body.send(format!("data: {word}\n\n")).await?;
    ///         }
    ///         Ok(())
    ///     },
    /// );
    /// # drop(response);
    /// ```
    pub fn write<F>(mut self, writer: impl FnOnce(BodyWriter) -> F) -> Self
    where
        F: Future<Output = Result<(), InferenceError>> + Send + 'static,
    {
        let (sender, written) = mpsc::channel(1);
        let writing: Option<Writing> = Some(Box::pin(writer(BodyWriter(sender))));
        self.body = Body::Chunks(Box::pin(Written { writing, written, failed: None }));
        self
    }
}

impl fmt::Debug for InferenceResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InferenceResponse")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// Writes a body piece by piece. Given by [`InferenceResponse::write`].
#[derive(Clone, Debug)]
pub struct BodyWriter(mpsc::Sender<Chunk>);

impl BodyWriter {
    /// Writes a piece; waits while the one before waits for the CLI to take those before it.
    ///
    /// # Errors
    ///
    /// When the CLI has cancelled the request.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has written nothing.
    pub async fn send(&self, chunk: impl Into<Chunk>) -> Result<(), InferenceError> {
        let sent = self.0.send(chunk.into()).await;
        sent.map_err(|_| InferenceError::new("the CLI has cancelled the request"))
    }
}

type Writing = BoxFuture<'static, Result<(), InferenceError>>;

/// A body that a future writes, which runs while the body is read.
struct Written {
    writing: Option<Writing>,
    written: mpsc::Receiver<Chunk>,
    /// The error of the writer, reported after the pieces that were written before it.
    failed: Option<InferenceError>,
}

impl Stream for Written {
    type Item = Result<Chunk, InferenceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(writing) = &mut self.writing
            && let Poll::Ready(end) = writing.as_mut().poll(cx)
        {
            self.writing = None;
            self.failed = end.err();
        }
        match self.written.poll_recv(cx) {
            Poll::Ready(Some(chunk)) => Poll::Ready(Some(Ok(chunk))),
            // A writer that was moved elsewhere may outlive its future.
            Poll::Pending if self.failed.is_none() => Poll::Pending,
            _ if self.writing.is_some() => Poll::Pending,
            _ => Poll::Ready(self.failed.take().map(Err)),
        }
    }
}

/// A body that is there as a whole, as a stream.
#[cfg(feature = "cassette")]
struct Whole(Option<Chunk>);

#[cfg(feature = "cassette")]
impl Stream for Whole {
    type Item = Result<Chunk, InferenceError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(Ok))
    }
}

/// A stream whose items are converted to pieces.
struct Converted<S>(Pin<Box<S>>);

impl<S, C, E> Stream for Converted<S>
where
    S: Stream<Item = Result<C, E>>,
    C: Into<Chunk>,
    E: Into<InferenceError>,
{
    type Item = Result<Chunk, InferenceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(cx).map(|item| item.map(|item| item.map(Into::into).map_err(Into::into)))
    }
}
