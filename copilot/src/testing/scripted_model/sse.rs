//! Response bodies in pieces, with the delays and the ending of the script.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;
use tokio::time::{Sleep, sleep};

use super::request::{Ending, RecordedRequest};
use crate::task::DropGuard;

/// Records the ending of an answer. If dropped before, it records that the client disconnected.
pub(super) type Running = DropGuard<RecordedRequest>;

/// Begins an answer.
pub(super) fn running(request: RecordedRequest) -> Running {
    DropGuard::new(request, |request| request.end(Ending::Disconnected))
}

/// A body of pieces with delays before them.
#[derive(Debug)]
pub(super) struct PacedBody {
    pieces: VecDeque<(Duration, Bytes)>,
    wait: Option<Pin<Box<Sleep>>>,
    /// The ending to record after the last piece.
    ending: Ending,
    /// Whether the server had a chance to write the pieces of an answer that breaks off.
    flushed: bool,
    running: Option<Running>,
}

impl PacedBody {
    /// Creates the body of a stream.
    pub(super) fn events(events: Vec<(Duration, Bytes)>, ending: Ending, running: Running) -> Self {
        Self { pieces: events.into(), wait: None, ending, flushed: false, running: Some(running) }
    }

    /// Creates the body of an object. If it breaks off, only the first half is sent.
    pub(super) fn object(object: &Value, ending: Ending, running: Option<Running>) -> Self {
        let mut text = object.to_string().into_bytes();
        if ending == Ending::BrokenOff {
            text.truncate(text.len() / 2);
        }
        let pieces = VecDeque::from([(Duration::ZERO, Bytes::from(text))]);
        Self { pieces, wait: None, ending, flushed: false, running }
    }

    fn end(&mut self, ending: Ending) {
        if let Some(running) = self.running.take() {
            running.dismiss().end(ending);
        }
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.wait.is_none() {
            let wait = self.pieces.front().map(|(wait, _)| *wait).filter(|wait| !wait.is_zero());
            self.wait = wait.map(|wait| Box::pin(sleep(wait)));
        }
        if let Some(wait) = &mut self.wait {
            ready!(wait.as_mut().poll(context));
            self.wait = None;
        }
        if let Some((_, piece)) = self.pieces.pop_front() {
            // The server does not poll again after the announced length.
            if self.pieces.is_empty() && self.ending == Ending::Answered {
                self.end(Ending::Answered);
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        if self.ending == Ending::BrokenOff {
            // The error makes the server drop unwritten data, so it first gets a chance to write it.
            if !self.flushed {
                self.flushed = true;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.end(Ending::BrokenOff);
            return Poll::Ready(Some(Err(io::Error::other("the script breaks off here"))));
        }
        Poll::Ready(None)
    }

    fn size_hint(&self) -> SizeHint {
        match self.pieces.iter().map(|(_, piece)| piece.len() as u64).sum() {
            // The length of an object is known; a stream announces none.
            length if self.ending != Ending::BrokenOff && self.pieces.len() == 1 => {
                SizeHint::with_exact(length)
            }
            _ => SizeHint::default(),
        }
    }
}
