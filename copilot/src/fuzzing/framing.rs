//! Bytes to frames: however they are cut, the same frames come out, and a good frame is found behind anything.

use serde::de::IgnoredAny;

use crate::transport::framing::{Decoder, Next};

/// No body may be longer here, so that a length over the limit is tried as well.
const MAX_FRAME: usize = 1 << 14;
/// An input is at most this long: a header block of more is garbage, and where that ends depends on the cuts.
const MAX_INPUT: usize = 8 << 10;
/// What follows every input.
const LAST: &[u8] = b"{\"the\":\"end\"}";

/// The first byte says in what pieces the others arrive.
///
/// # Panics
///
/// When a promise of the framing is broken.
pub fn framing(data: &[u8]) {
    let Some((&step, input)) = data.split_first() else { return };
    let input = &input[..input.len().min(MAX_INPUT)];
    let last = [format!("Content-Length: {}\r\n\r\n", LAST.len()).as_bytes(), LAST].concat();
    let input = [input, &last].concat();
    let whole = decode(&input, input.len(), false);
    assert_eq!(whole.last().map(Vec::as_slice), Some(LAST), "the frame behind the input is lost");
    for (step, take) in [(input.len(), true), (usize::from(step) + 1, false), (usize::from(step) + 1, true)] {
        assert_eq!(decode(&input, step, take), whole, "in pieces of {step}, taken: {take}");
    }
}

/// The frames that are JSON, as the reader finds them.
fn decode(input: &[u8], step: usize, take: bool) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    let mut decoder = Decoder::new(MAX_FRAME);
    for piece in input.chunks(step) {
        decoder.room().extend_from_slice(piece);
        // Each turn hands out or skips something, so a decoder that stands still is seen as well.
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns <= 2 * input.len() + 10, "no end with what has arrived");
            let body = match decoder.next() {
                Next::More => break,
                Next::Skipped(_) => continue,
                Next::Frame(body) => body.to_vec(),
            };
            let taken = take.then(|| decoder.take());
            if serde_json::from_slice::<IgnoredAny>(&body).is_ok() {
                frames.push(body);
                continue;
            }
            if let Some((frame, range)) = taken {
                assert_eq!(frame[range.clone()], body, "what is taken is what was shown");
                decoder.put_back(frame, range);
            }
            decoder.reject();
        }
        assert!(decoder.room().capacity() < 1 << 20, "the buffer grows without a bound");
    }
    frames
}
