//! What arrives: bytes to frames, frames to the waiting call or the service.
//!
//! One task reads. It runs no user's code and waits for nobody, except that it pauses while far too much waits to
//! leave.

use std::borrow::Cow;
use std::sync::Arc;

use memchr::memmem;
use serde_json::value::RawValue;
use tokio::io::AsyncReadExt;

use super::head::Head;
use super::message::{AnyJson, CANCEL, CancelParams, Envelope, Failure, INTERNAL_ERROR, Incoming};
use super::pending::{Answer, Waiter};
use super::{Peer, Responder, Service};
use crate::protocol::decode;
use crate::transport::ReadHalf;
use crate::transport::framing::{Decoder, HEAD, LARGE, Malformed, Next};

/// Reads until the stream ends; returns what ended it, `None` for a plain end of file.
pub(crate) async fn read<S: Service>(
    peer: &Peer,
    mut reader: ReadHalf,
    service: &S,
    max_frame: usize,
) -> Option<std::io::Error> {
    let mut decoder = Decoder::new(max_frame);
    let escapes = memmem::Finder::new(br"\u");
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
                Next::Frame(body) if body.len() >= LARGE => large(peer, service, &escapes, &mut decoder),
                Next::Frame(body) => {
                    if !handle(peer, service, &escapes, body, None) {
                        decoder.reject();
                    }
                }
            }
        }
        service.caught_up();
    }
}

/// A message that was skipped ends the call that it answers, and a request is answered; of anything else the service
/// learns.
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
        return unreadable(peer, service, &head, &why, |why| Answer::Skipped { why: why.into(), sure: true });
    }
    if !is_message {
        return;
    }
    // An answer, but to which call? One of these would wait indefinitely.
    let (waiters, why) = (peer.pending().take_all(), Arc::<str>::from(why));
    for waiter in waiters {
        waiter.finish(Answer::Skipped { why: Arc::clone(&why), sure: false });
    }
}

/// A message of which only the beginning can be read.
fn unreadable<S: Service>(
    peer: &Peer,
    service: &S,
    head: &Head<'_>,
    why: &str,
    answer: impl FnOnce(&str) -> Answer<&'static RawValue>,
) {
    let asks = head.asks || head.method.is_some();
    match head.id {
        Some(id) if asks => {
            let method = head.method.as_deref().unwrap_or_default();
            service.unreadable_request(method, Responder::new(peer.clone(), id.to_owned()), why);
        }
        Some(id) => {
            if let Some(waiter) = waiting(peer, id) {
                waiter.finish(answer(why));
            }
        }
        None if asks => service.skipped(head, why),
        None => {}
    }
}

/// Handles a large body in a buffer of its own, which whoever keeps a part of it can keep instead of a copy.
fn large<S: Service>(peer: &Peer, service: &S, escapes: &memmem::Finder<'_>, decoder: &mut Decoder) {
    let (frame, body) = decoder.take();
    let rejected = match String::from_utf8(frame) {
        Ok(text) => {
            let text = Arc::new(text);
            let good = handle(peer, service, escapes, &text.as_bytes()[body.clone()], Some(&text));
            // Invalid JSON is never retained.
            if good { None } else { Arc::into_inner(text).map(String::into_bytes) }
        }
        Err(error) => {
            let frame = error.into_bytes();
            let good = handle(peer, service, escapes, &frame[body.clone()], None);
            (!good).then_some(frame)
        }
    };
    if let Some(frame) = rejected {
        decoder.put_back(frame, body);
        decoder.reject();
    }
}

/// Handles one body, which may be a part of `whole`; `false` when it is no JSON at all.
fn handle<S: Service>(
    peer: &Peer,
    service: &S,
    escapes: &memmem::Finder<'_>,
    body: &[u8],
    whole: Option<&Arc<String>>,
) -> bool {
    // Half a character, as JavaScript can write it, must not cost the message that it stands in.
    let mended = escapes.find(body).and_then(|_| mend_surrogates(body));
    dispatch(peer, service, mended.as_deref().unwrap_or(body), whole)
}

fn dispatch<S: Service>(peer: &Peer, service: &S, body: &[u8], whole: Option<&Arc<String>>) -> bool {
    if let Ok(incoming) = serde_json::from_slice::<Incoming<'_, S::Params<'_>>>(body) {
        match (incoming.method, incoming.id, incoming.params) {
            (Some(CANCEL), None, _) => return dispatch_unusual(peer, service, body),
            (Some(method), None, Some(params)) => service.notification(method, params, whole),
            (Some(_), ..) => return dispatch_unusual(peer, service, body),
            (None, id, _) => response(peer, id, incoming.result, incoming.error),
        }
        return true;
    }
    dispatch_unusual(peer, service, body)
}

/// A request, or a message whose payload has another shape than the frequent ones.
fn dispatch_unusual<S: Service>(peer: &Peer, service: &S, body: &[u8]) -> bool {
    let envelope = match serde_json::from_slice::<Envelope<'_>>(body) {
        Ok(envelope) => envelope,
        Err(error) => return dispatch_broken(peer, service, body, error),
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

/// The other side takes a request back. One that is answered already is none of its business any more.
fn cancel<S: Service>(peer: &Peer, service: &S, params: &RawValue) {
    match decode::question::<CancelParams<'_>>(params.get()) {
        Ok(CancelParams { id }) => {
            if let Some(id) = peer.cancel_asked(id) {
                service.cancelled(id);
            }
        }
        Err(error) => tracing::warn!(%error, "a cancellation cannot be read"),
    }
}

/// A body that does not decode: with its text mended it may, else whoever it concerns learns that much.
fn dispatch_broken<S: Service>(peer: &Peer, service: &S, body: &[u8], error: serde_json::Error) -> bool {
    if let Cow::Owned(mended) = String::from_utf8_lossy(body)
        && serde_json::from_str::<Envelope<'_>>(&mended).is_ok()
    {
        return dispatch(peer, service, mended.as_bytes(), None);
    }
    tracing::warn!(%error, bytes = body.len(), "a frame from the CLI cannot be read");
    if serde_json::from_slice::<AnyJson>(body).is_err() {
        if let Some(head) = Head::read(body) {
            let why = format!("the message is not JSON: {error}");
            unreadable(peer, service, &head, &why, |_| Answer::Unreadable(error));
        }
        return false;
    }
    // JSON, but not a message. Its id may still say who waits for it.
    #[derive(serde::Deserialize)]
    struct OnlyId<'a> {
        #[serde(borrow)]
        id: &'a RawValue,
        #[serde(borrow, default)]
        method: Option<&'a RawValue>,
    }
    match serde_json::from_slice::<OnlyId<'_>>(body) {
        Ok(OnlyId { id, method: Some(method) }) => {
            let method = serde_json::from_str::<String>(method.get()).unwrap_or_default();
            let responder = Responder::new(peer.clone(), id.to_owned());
            service.unreadable_request(&method, responder, "the request cannot be read");
        }
        Ok(OnlyId { id, method: None }) => {
            if let Some(waiter) = waiting(peer, id) {
                waiter.finish(Answer::Unreadable(error));
            }
        }
        Err(_) => {}
    }
    true
}

/// Takes out the call that the answer with this id is for.
fn waiting(peer: &Peer, id: &RawValue) -> Option<Waiter> {
    id.get().parse().ok().and_then(|id| peer.pending().remove(id))
}

fn response(peer: &Peer, id: Option<&RawValue>, result: Option<&RawValue>, error: Option<&RawValue>) {
    let Some(id) = id else {
        return refuse_all(peer, error);
    };
    let Some(waiter) = waiting(peer, id) else {
        // Usual after a call was dropped.
        return tracing::debug!(id = id.get(), "an answer that nobody waits for");
    };
    waiter.finish(match error {
        Some(error) => Answer::Refused(Failure::read(error)),
        None => Answer::Result(result.unwrap_or(RawValue::NULL)),
    });
}

/// The CLI could not read one of our frames and does not say which: nobody would ever be answered, so all are told.
fn refuse_all(peer: &Peer, error: Option<&RawValue>) {
    let failure = match error {
        Some(error) => Failure::read(error),
        None => Failure { code: INTERNAL_ERROR, message: "a message without id, method and error".into() },
    };
    if error.is_none() {
        return tracing::warn!("the CLI sent a message that is neither request nor answer");
    }
    tracing::error!(error = %failure.clone().into_error("?", None), "the CLI could not read a frame of ours");
    let waiters = peer.pending().take_all();
    for waiter in waiters {
        waiter.finish(Answer::Refused(failure.clone()));
    }
}

/// Replaces `\uD800`-`\uDFFF` escapes without their other half by `\uFFFD`; `None` when there is none.
fn mend_surrogates(body: &[u8]) -> Option<Vec<u8>> {
    let mut mended: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &body[at..]) {
        at += found;
        match surrogate(body, at) {
            None => at += 2,
            Some(half) if half < 0xDC00 && surrogate(body, at + 6).is_some_and(|low| low >= 0xDC00) => {
                at += 12;
            }
            Some(_) => {
                let mended = mended.get_or_insert_with(|| body.to_vec());
                mended[at..at + 6].copy_from_slice(br"\ufffd");
                at += 6;
            }
        }
        if at >= body.len() {
            break;
        }
    }
    mended
}

/// The surrogate that the escape at `at` stands for.
fn surrogate(body: &[u8], at: usize) -> Option<u16> {
    let digits = body.get(at..at + 6)?.strip_prefix(br"\u")?;
    let digits = std::str::from_utf8(digits).ok()?;
    u16::from_str_radix(digits, 16).ok().filter(|unit| (0xD800..0xE000).contains(unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lone_surrogates_are_mended() {
        let mend =
            |text: &str| mend_surrogates(text.as_bytes()).map(|mended| String::from_utf8(mended).unwrap());
        assert_eq!(mend(r#""plain \n \\ud83d""#), None);
        assert_eq!(mend(r#""\ud83d\ude00""#), None);
        assert_eq!(mend(r#""a\ud83d b""#).as_deref(), Some(r#""a\ufffd b""#));
        assert_eq!(mend(r#""\ude00\ud83d\ud83d\ude00""#).as_deref(), Some(r#""\ufffd\ufffd\ud83d\ude00""#));
        assert_eq!(mend(r#""\udc00\ude00""#).as_deref(), Some(r#""\ufffd\ufffd""#));
        assert_eq!(mend(r#""abc\ud83d\ude00 \ud83d""#).as_deref(), Some(r#""abc\ud83d\ude00 \ufffd""#));
        assert_eq!(mend(r#""abc\ud83d \ud83d""#).as_deref(), Some(r#""abc\ufffd \ufffd""#));
        assert_eq!(mend(r#""\ud83d"#).as_deref(), Some(r#""\ufffd"#));
        assert_eq!(mend(r#""\ud8"#), None);
        assert_eq!(mend("\\"), None);
    }
}
