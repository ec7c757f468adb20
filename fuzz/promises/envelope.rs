//! Frames to calls, requests and notifications: every call ends, and every request gets exactly one response.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::io::AsyncWrite;

use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventHead};
use crate::protocol::decode;
use crate::protocol::scan::Scanner;
use crate::rpc::{self, Head, IncomingId, NoParams, Peer, Responder, Service, write_frame};
use crate::task::lock;
use crate::transport::framing::{DEFAULT_MAX_FRAME, Decoder, Next};

/// The number of pending calls while the input arrives; their ids begin at 1.
const CALLS: usize = 4;

/// Runs the peer on frames, whose bodies are the lines of the input.
///
/// # Panics
///
/// Panics when a promise of the peer is broken.
pub fn envelope(data: &[u8]) {
    let mut input = Vec::new();
    for line in data.split(|byte| *byte == b'\n') {
        check_scan(line);
        let appended = write_frame(&mut input, |frame| {
            frame.extend_from_slice(line);
            Ok::<_, std::convert::Infallible>(())
        });
        match appended {
            Ok(()) => {}
        }
    }
    let written = Written::default();
    let (peer, service) = (Peer::new(Box::new(written.clone())), Counted::default());
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let call = peer.request("fuzz.call", &NoParams {}).queue().expect("the peer is open");
        calls.push(Box::pin(call.result("fuzz.call")));
    }
    let mut cx = Context::from_waker(Waker::noop());
    {
        let reader = Box::new(io::Cursor::new(input));
        let mut reading = pin!(rpc::read(&peer, reader, &service, DEFAULT_MAX_FRAME));
        let Poll::Ready(ended) = reading.as_mut().poll(&mut cx) else {
            panic!("the reader waits for something")
        };
        assert!(ended.is_none(), "{ended:?}");
    }
    {
        let mut writing = pin!(peer.write());
        for _ in 0..4 {
            assert!(writing.as_mut().poll(&mut cx).is_pending(), "nothing ends the writer");
        }
    }
    peer.close(&Error::new(ErrorKind::Disconnected, "the end"));
    for call in &mut calls {
        assert!(call.as_mut().poll(&mut cx).is_ready(), "a call outlives its connection");
    }
    written.check(service.requests.load(Relaxed));
}

/// Checks that the scanner reads an event as it is decoded otherwise, or leaves it.
fn check_scan(line: &[u8]) {
    let Ok(text) = std::str::from_utf8(line) else { return };
    let mut scanned = EventHead::default();
    if Scanner::read(text, &mut scanned).is_some() {
        let decoded: EventHead<'_> = decode::answer(text).expect("it is decoded otherwise too");
        assert_eq!(format!("{scanned:?}"), format!("{decoded:?}"));
    }
}

/// A service that accepts messages of any shape, and counts the requests.
#[derive(Default)]
struct Counted {
    requests: AtomicUsize,
}

impl Service for Counted {
    type Params<'a> = EventHead<'a>;

    fn notification<'a>(&self, _: &str, params: &mut EventHead<'a>, whole: Option<&'a Arc<String>>) {
        params.whole = whole;
        let event = Event::new(params);
        assert!(!format!("{event:?} {:?}", event.kind()).is_empty());
    }

    fn unusual_notification(&self, _: &str, _: &RawValue) {}

    fn caught_up(&self) {}

    fn request(&self, method: &str, params: &RawValue, responder: Responder) {
        self.requests.fetch_add(1, Relaxed);
        match method.len() % 3 {
            0 => responder.ok(&params),
            1 => responder.error(1, method),
            _ => drop(responder),
        }
    }

    fn unreadable_request(&self, method: &str, responder: Responder, _: &str) {
        responder.error(1, method);
    }

    fn skipped(&self, _: &Head<'_>, _: &str) {}

    fn cancelled(&self, _: IncomingId) {
        panic!("a request that has its response is cancelled");
    }
}

/// The output of the peer.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    /// Checks that the output is well-formed: the calls, and one response to each request.
    fn check(&self, requests: usize) {
        let bytes = lock(&self.0);
        let mut decoder = Decoder::new(DEFAULT_MAX_FRAME);
        decoder.room().extend_from_slice(&bytes);
        let (mut calls, mut answers) = (0, 0);
        loop {
            match decoder.next() {
                Next::More => break,
                Next::Skipped(malformed, _) => panic!("{malformed} are written"),
                Next::Frame(body) => {
                    let message: Value = serde_json::from_slice(body).expect("the output is JSON");
                    assert!(message.get("id").is_some(), "{message}");
                    if message.get("method").is_some() {
                        calls += 1;
                    } else {
                        let (result, error) =
                            (message.get("result").is_some(), message.get("error").is_some());
                        assert!(result != error, "{message}");
                        answers += 1;
                    }
                }
            }
        }
        assert_eq!(calls, CALLS);
        // A request that cannot be read gets a response too, but does not reach the service.
        assert!(answers >= requests, "{requests} requests got {answers} answers");
    }
}

impl AsyncWrite for Written {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        lock(&self.0).extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
