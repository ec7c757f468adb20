//! From bytes to frames, and from frames to the pending request or the service.
//!
//! One task reads. It runs no code of the program and waits for no handler; it pauses while too many outgoing bytes are
//! queued.

use std::sync::Arc;

use serde::de::Error as _;
use serde_json::value::RawValue;
use tokio::io::AsyncReadExt;

use super::head::Head;
use super::message::{AnyJson, CANCEL, CancelParams, Envelope, Failure, INTERNAL_ERROR, Incoming};
use super::outgoing::{Completion, Waiter};
use super::peer::Peer;
use super::responder::Responder;
use super::service::Service;
use crate::protocol::decode::{self, Decode};
use crate::protocol::scan::Scanner;
use crate::transport::ReadHalf;
use crate::transport::framing::{Decoder, HEAD, LARGE, Malformed, Next};

/// Reads until the stream ends. Returns the error that ended it, `None` for an end of file.
pub(crate) async fn read<S: Service>(
    peer: &Peer,
    mut reader: ReadHalf,
    service: &S,
    max_frame: usize,
) -> Option<std::io::Error> {
    let mut decoder = Decoder::new(max_frame);
    loop {
        peer.0.outbox.room_to_read().await;
        match reader.read_buf(decoder.room()).await {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(error),
        }
        loop {
            match decoder.next() {
                Next::More => break,
                Next::Skipped(malformed, head) => {
                    tracing::warn!(%malformed, "skipped bytes from the CLI");
                    skipped(peer, service, malformed, head, max_frame);
                }
                Next::Frame(body) if body.len() >= LARGE => large(peer, service, &mut decoder),
                Next::Frame(body) => {
                    if !handle(peer, service, body) {
                        decoder.reject();
                    }
                }
            }
        }
        service.caught_up();
    }
}

/// Handles a discarded message: the request that it responds to fails, a request is answered, and any other one is
/// reported to the service.
fn skipped<S: Service>(peer: &Peer, service: &S, malformed: Malformed, head: &[u8], limit: usize) {
    let here = head.len() as u64;
    let Some(head) = Head::read(head) else { return };
    let (why, is_message) = match malformed {
        Malformed::Garbage(_) => return,
        Malformed::CutOff(bytes) => (format!("the message was cut off after {bytes} bytes"), false),
        Malformed::TooLong(length) => {
            let why = format!(
                "the message has {length} bytes and the limit is {limit}; ask for less at a time, or raise the limit \
                 with `max_frame_bytes`"
            );
            // A length that is wrong reaches into the next message, and says nothing of an answer.
            (why, here == length.min(HEAD as u64))
        }
    };
    if head.id.is_some() || head.method.is_some() || head.asks {
        return unreadable(peer, service, &head, &why, |why| Completion::Skipped {
            why: why.into(),
            sure: true,
        });
    }
    if !is_message {
        return;
    }
    // A response to an unknown request. One of these would wait indefinitely.
    let (waiters, why) = (peer.pending().take_all(), Arc::<str>::from(why));
    for waiter in waiters {
        waiter.complete(Completion::Skipped { why: Arc::clone(&why), sure: false });
    }
}

/// Handles a message of which only the beginning can be read.
fn unreadable<S: Service>(
    peer: &Peer,
    service: &S,
    head: &Head<'_>,
    why: &str,
    completion: impl FnOnce(&str) -> Completion<&'static RawValue>,
) {
    let asks = head.asks || head.method.is_some();
    match head.id {
        Some(id) if asks => {
            let method = head.method.as_deref().unwrap_or_default();
            service.unreadable_request(method, Responder::new(peer.clone(), id.to_owned()), why);
        }
        Some(id) => {
            if let Some(waiter) = take_pending(peer, id) {
                waiter.complete(completion(why));
            }
        }
        None if asks => service.skipped(head, why),
        None => {}
    }
}

/// Handles a large body in a separate buffer, of which a receiver can retain a part without a copy.
fn large<S: Service>(peer: &Peer, service: &S, decoder: &mut Decoder) {
    let (frame, body) = decoder.take();
    let rejected = match String::from_utf8(frame) {
        Ok(text) => {
            let text = Arc::new(text);
            // The body is between two characters of ASCII, so it is whole.
            let good = match text.get(body.clone()) {
                Some(body) => handle_text(peer, service, body, Some(&text)),
                None => handle(peer, service, &text.as_bytes()[body.clone()]),
            };
            // Invalid JSON is never retained.
            if good { None } else { Arc::into_inner(text).map(String::into_bytes) }
        }
        Err(error) => {
            let frame = error.into_bytes();
            let good = handle(peer, service, &frame[body.clone()]);
            (!good).then_some(frame)
        }
    };
    if let Some(frame) = rejected {
        decoder.put_back(frame, body);
        decoder.reject();
    }
}

/// Handles one body. Returns `false` if it is not JSON.
fn handle<S: Service>(peer: &Peer, service: &S, body: &[u8]) -> bool {
    // Once for the whole body, so that the texts in it need no check.
    match std::str::from_utf8(body) {
        Ok(body) => handle_text(peer, service, body, None),
        Err(error) => {
            let repaired = String::from_utf8_lossy(body);
            if serde_json::from_str::<AnyJson>(&repaired).is_ok() {
                return handle_text(peer, service, &repaired, None);
            }
            dispatch_broken(peer, service, body, serde_json::Error::custom(error))
        }
    }
}

/// As [`handle`], for a body that is a text, and that may be a part of `whole`.
fn handle_text<S: Service>(peer: &Peer, service: &S, body: &str, whole: Option<&Arc<String>>) -> bool {
    let mut incoming = Incoming::default();
    if Scanner::read(body, &mut incoming).is_some() {
        return dispatch(peer, service, &mut incoming, body, whole);
    }
    // A lone surrogate, which JavaScript can write, must not cost the whole message.
    let repaired = replace_lone_surrogates(body);
    let body = repaired.as_deref().unwrap_or(body);
    match decode::question(body) {
        Ok(mut incoming) => dispatch(peer, service, &mut incoming, body, whole),
        Err(_) => dispatch_unusual(peer, service, body),
    }
}

fn dispatch<'a, S: Service>(
    peer: &Peer,
    service: &S,
    incoming: &mut Incoming<'a, S::Params<'a>>,
    body: &str,
    whole: Option<&'a Arc<String>>,
) -> bool {
    match (incoming.method, incoming.id, &mut incoming.params) {
        (Some(CANCEL), None, _) => return dispatch_unusual(peer, service, body),
        (Some(method), None, Some(params)) => service.notification(method, params, whole),
        (Some(_), ..) => return dispatch_unusual(peer, service, body),
        (None, id, _) => response(peer, id, incoming.result, incoming.error),
    }
    true
}

/// Handles a request, or a message whose payload has another shape than the frequent ones.
fn dispatch_unusual<S: Service>(peer: &Peer, service: &S, body: &str) -> bool {
    let envelope = match decode::question::<Envelope<'_>>(body) {
        Ok(envelope) => envelope,
        Err(error) => return dispatch_broken(peer, service, body.as_bytes(), error),
    };
    match (envelope.method, envelope.id) {
        (Some(method), Some(id)) => {
            let responder = Responder::new(peer.clone(), id.to_owned());
            service.request(method, envelope.params.unwrap_or(RawValue::NULL), responder);
        }
        (Some(CANCEL), None) => cancel(peer, service, envelope.params.unwrap_or(RawValue::NULL)),
        (Some(method), None) => {
            service.unusual_notification(method, envelope.params.unwrap_or(RawValue::NULL));
        }
        (None, id) => response(peer, id, envelope.result, envelope.error),
    }
    true
}

/// Handles the cancellation of a request of the other side. One that is answered already is ignored.
fn cancel<S: Service>(peer: &Peer, service: &S, params: &RawValue) {
    match decode::question::<CancelParams<'_>>(params.get()) {
        Ok(CancelParams { id }) => {
            if let Some(id) = peer.cancel_open(id) {
                service.cancelled(id);
            }
        }
        Err(error) => tracing::warn!(%error, "a cancellation cannot be read"),
    }
}

/// Handles a body that does not decode: the request that it names fails.
fn dispatch_broken<S: Service>(peer: &Peer, service: &S, body: &[u8], error: serde_json::Error) -> bool {
    tracing::warn!(%error, bytes = body.len(), "a frame from the CLI cannot be read");
    if serde_json::from_slice::<AnyJson>(body).is_err() {
        if let Some(head) = Head::read(body) {
            let why = format!("the message is not JSON: {error}");
            unreadable(peer, service, &head, &why, |_| Completion::Unreadable(error));
        }
        return false;
    }
    // JSON, but not a message. Its id may still name a request.
    #[derive(Decode)]
    struct OnlyId<'a> {
        id: &'a RawValue,
        #[serde(default)]
        method: Option<&'a RawValue>,
    }
    match decode::question::<OnlyId<'_>>(&String::from_utf8_lossy(body)) {
        Ok(OnlyId { id, method: Some(method) }) => {
            let method = serde_json::from_str::<String>(method.get()).unwrap_or_default();
            let responder = Responder::new(peer.clone(), id.to_owned());
            service.unreadable_request(&method, responder, "the request cannot be read");
        }
        Ok(OnlyId { id, method: None }) => {
            if let Some(waiter) = take_pending(peer, id) {
                waiter.complete(Completion::Unreadable(error));
            }
        }
        Err(_) => {}
    }
    true
}

/// Removes the pending request with this id.
fn take_pending(peer: &Peer, id: &RawValue) -> Option<Waiter> {
    id.get().parse().ok().and_then(|id| peer.pending().remove(id))
}

fn response(peer: &Peer, id: Option<&RawValue>, result: Option<&RawValue>, error: Option<&RawValue>) {
    let Some(id) = id else {
        return fail_all(peer, error);
    };
    let Some(waiter) = take_pending(peer, id) else {
        // Usual after the future of a request was dropped.
        return tracing::debug!(id = id.get(), "a response to a request that is not pending");
    };
    waiter.complete(match error {
        Some(error) => Completion::Error(Failure::read(error)),
        None => Completion::Result(result.unwrap_or(RawValue::NULL)),
    });
}

/// Fails all pending requests: the CLI could not read a frame, and does not say which one.
fn fail_all(peer: &Peer, error: Option<&RawValue>) {
    let failure = match error {
        Some(error) => Failure::read(error),
        None => Failure::new(INTERNAL_ERROR, "a message without id, method and error"),
    };
    if error.is_none() {
        return tracing::warn!("the CLI sent a message that is neither a request nor a response");
    }
    tracing::error!(error = %failure.clone().into_error("?", None), "the CLI could not read a frame of this client");
    let waiters = peer.pending().take_all();
    for waiter in waiters {
        waiter.complete(Completion::Error(failure.clone()));
    }
}

/// Replaces `\uD800`-`\uDFFF` escapes without their other half by `\uFFFD`. Returns `None` if there is none.
fn replace_lone_surrogates(text: &str) -> Option<String> {
    let body = text.as_bytes();
    let mut replaced: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &body[at..]) {
        at += found;
        match surrogate(body, at) {
            None => at += 2,
            Some(half) if half < 0xDC00 && surrogate(body, at + 6).is_some_and(|low| low >= 0xDC00) => {
                at += 12;
            }
            Some(_) => {
                let replaced = replaced.get_or_insert_with(|| body.to_vec());
                replaced[at..at + 6].copy_from_slice(br"\ufffd");
                at += 6;
            }
        }
        if at >= body.len() {
            break;
        }
    }
    replaced.map(|text| String::from_utf8(text).expect("ASCII is replaced by ASCII"))
}

/// Returns the surrogate that the escape at `at` encodes.
fn surrogate(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(br"\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..0xE000).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_surrogates_are_replaced() {
        let repair = replace_lone_surrogates;
        assert_eq!(repair(r#""plain \n \\ud83d""#), None);
        assert_eq!(repair(r#""\ud83d\ude00""#), None);
        assert_eq!(repair(r#""a\ud83d b""#).as_deref(), Some(r#""a\ufffd b""#));
        assert_eq!(repair(r#""\ude00\ud83d\ud83d\ude00""#).as_deref(), Some(r#""\ufffd\ufffd\ud83d\ude00""#));
        assert_eq!(repair(r#""\udc00\ude00""#).as_deref(), Some(r#""\ufffd\ufffd""#));
        assert_eq!(repair(r#""abc\ud83d\ude00 \ud83d""#).as_deref(), Some(r#""abc\ud83d\ude00 \ufffd""#));
        assert_eq!(repair(r#""abc\ud83d \ud83d""#).as_deref(), Some(r#""abc\ufffd \ufffd""#));
        assert_eq!(repair(r#""\ud83d"#).as_deref(), Some(r#""\ufffd"#));
        assert_eq!(repair(r#""\ud8"#), None);
        assert_eq!(repair("\\"), None);
    }
}
