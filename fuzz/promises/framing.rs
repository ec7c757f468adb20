//! Bytes to frames: a good frame is found behind anything, and where nothing is malformed all frames come out, however
//! the bytes are cut.

use serde::de::IgnoredAny;

use crate::transport::framing::{Decoder, Next};

/// No body may be longer here, so that a length over the limit is tried as well.
const MAX_FRAME: usize = 1 << 14;
/// What follows every input.
const LAST: &[u8] = b"{\"the\":\"end\"}";

/// The first byte says in what pieces the others arrive.
///
/// # Panics
///
/// When a promise of the framing is broken.
pub fn framing(data: &[u8]) {
    let Some((&step, input)) = data.split_first() else { return };
    let last = [format!("Content-Length: {}\r\n\r\n", LAST.len()).as_bytes(), LAST].concat();
    let input = [input, &last].concat();
    let whole = decode(&input, input.len(), false);
    let cut = decode(&input, usize::from(step) + 1, false);
    for decoded in [&whole, &cut] {
        assert_eq!(
            decoded.frames.last().map(Vec::as_slice),
            Some(LAST),
            "the frame behind the input is lost"
        );
    }
    assert_eq!(decode(&input, input.len(), true), whole, "taken");
    assert_eq!(decode(&input, usize::from(step) + 1, true), cut, "taken, and cut");
    if whole.malformed == 0 {
        assert_eq!(whole, cut, "in pieces of {}", usize::from(step) + 1);
    }
}

/// What comes out.
#[derive(Debug, Default, PartialEq)]
struct Decoded {
    /// The bodies that are JSON.
    frames: Vec<Vec<u8>>,
    /// How often something was none.
    malformed: usize,
}

/// Goes through the input as the reader does.
fn decode(input: &[u8], step: usize, take: bool) -> Decoded {
    let mut decoded = Decoded::default();
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
                assert_eq!(frame[range.clone()], body, "what is taken is what was shown");
                decoder.put_back(frame, range);
            }
            decoder.reject();
        }
        assert!(decoder.room().capacity() < 1 << 20, "the buffer grows without a bound");
    }
    decoded
}
