//! Bytes to frames: a valid frame is found after any input, and without malformed parts all frames are found,
//! independent of the pieces in which the bytes arrive.

use serde::de::IgnoredAny;

use crate::transport::framing::{Decoder, Next};

/// The limit of a body, small enough that some inputs exceed it.
const MAX_FRAME: usize = 1 << 14;
/// The body of the frame after every input.
const LAST: &[u8] = b"{\"the\":\"end\"}";

/// Decodes the input after its first byte, which is the size of the pieces in which it arrives.
///
/// # Panics
///
/// Panics when a promise of the framing is broken.
pub fn framing(data: &[u8]) {
    let Some((&step, input)) = data.split_first() else { return };
    let last = [format!("Content-Length: {}\r\n\r\n", LAST.len()).as_bytes(), LAST].concat();
    let input = [input, &last].concat();
    let whole = decode(&input, input.len(), false);
    let cut = decode(&input, usize::from(step) + 1, false);
    for decoded in [&whole, &cut] {
        assert_eq!(decoded.frames.last().map(Vec::as_slice), Some(LAST), "the frame after the input is lost");
    }
    assert_eq!(decode(&input, input.len(), true), whole, "taken");
    assert_eq!(decode(&input, usize::from(step) + 1, true), cut, "taken, and cut");
    if whole.malformed == 0 {
        assert_eq!(whole, cut, "in pieces of {}", usize::from(step) + 1);
    }
}

/// The result of the decoder.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    /// The bodies that are JSON.
    frames: Vec<Vec<u8>>,
    /// The number of malformed parts.
    malformed: usize,
}

/// Decodes the input in the same way as the reader.
fn decode(input: &[u8], step: usize, take: bool) -> Decoded {
    let mut decoded = Decoded::default();
    let mut decoder = Decoder::new(MAX_FRAME);
    for piece in input.chunks(step) {
        decoder.room().extend_from_slice(piece);
        // Each turn returns or skips a part, so a decoder without progress is detected.
        let mut turns = 0;
        loop {
            turns += 1;
            assert!(turns <= 2 * input.len() + 10, "the decoder makes no progress");
            let body = match decoder.next() {
                Next::More => break,
                Next::Skipped(..) => {
                    decoded.malformed += 1;
                    continue;
                }
                Next::Frame(body) => body.to_vec(),
            };
            let taken = take.then(|| decoder.take());
            if serde_json::from_slice::<IgnoredAny>(&body).is_ok() {
                decoded.frames.push(body);
                continue;
            }
            decoded.malformed += 1;
            if let Some((frame, range)) = taken {
                assert_eq!(frame[range.clone()], body, "the taken body differs from the frame");
                decoder.put_back(frame, range);
            }
            decoder.reject();
        }
        assert!(decoder.room().capacity() < 1 << 20, "the buffer grows without a bound");
    }
    decoded
}
