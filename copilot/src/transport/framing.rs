//! `Content-Length` framing: the reading side, without I/O. `rpc/writer.rs` writes frames.
//!
//! A frame is a header block, an empty line and a body, whose length in bytes the header gives. [`Decoder`] holds the bytes
//! that were read and finds frames in them, in place. Its invariants: it never holds more than one frame beyond the bytes
//! that were read, never allocates memory because of a header alone, and finds the next valid frame after malformed
//! bytes. The last one depends on JSON: a raw line break cannot occur inside a JSON string, so the text of a header block
//! never occurs inside a well-formed body.

use std::fmt;
use std::ops::Range;

use memchr::memmem;

/// The default limit of a body: 256 MiB.
pub(crate) const DEFAULT_MAX_FRAME: usize = 256 << 20;

/// A header block longer than this is discarded.
const MAX_HEADER: usize = 16 << 10;
/// The longest header that is searched for inside a body, so that a body with many line ends costs little.
const LONGEST_HEADER: usize = 256;
/// How many bytes of unterminated garbage are kept, because a header may begin in them.
const KEEP_OF_GARBAGE: usize = 1 << 10;
/// The initial size of the buffer, and the minimal room of a read.
const CHUNK: usize = 64 << 10;
/// A buffer that has grown past this is freed once it is empty.
const KEEP_CAPACITY: usize = 1 << 20;
/// How many bytes of a body over the limit are awaited and returned. Fewer mean that the next header followed earlier.
pub(crate) const HEAD: usize = 4 << 10;
/// A body of at least this size can be taken with its buffer: see [`Decoder::take`].
pub(crate) const LARGE: usize = KEEP_CAPACITY;

const NAME: &[u8] = b"content-length:";
const END: &[u8] = b"\r\n\r\n";

/// The next part of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next<'a> {
    /// A whole body.
    Frame(&'a [u8]),
    /// Bytes that are not a whole frame were discarded, with the beginning of the body if there was one.
    Skipped(Malformed, &'a [u8]),
    /// More bytes are needed.
    More,
}

/// The reason why bytes were discarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// This many bytes were in the place of a header block.
    Garbage(usize),
    /// A header announced a body of this length, over the limit.
    TooLong(u64),
    /// Only this many bytes of a body arrived before the next header.
    CutOff(usize),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Garbage(bytes) => write!(f, "{bytes} bytes that are not part of any frame"),
            Self::TooLong(length) => write!(f, "a frame of {length} bytes, which is over the limit"),
            Self::CutOff(bytes) => write!(f, "a frame that was cut off after {bytes} bytes"),
        }
    }
}

/// Finds frames in a stream of bytes.
#[derive(Debug)]
pub(crate) struct Decoder {
    buf: Vec<u8>,
    /// The position of the first byte that was not returned.
    start: usize,
    /// The body that was returned last, for [`Decoder::reject`].
    last: Range<usize>,
    /// The incomplete body.
    wanted: Option<Range<usize>>,
    /// The end of the part of that body that was searched for a header, which would mean that the body is cut off.
    scanned: usize,
    /// The body over the limit that is being discarded.
    oversize: Option<Oversize>,
    max: usize,
}

/// A body over the limit.
#[derive(Clone, Copy, Debug)]
struct Oversize {
    length: u64,
    /// The number of its bytes from `start` on.
    left: u64,
    reported: bool,
}

impl Decoder {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            buf: Vec::with_capacity(CHUNK),
            start: 0,
            last: 0..0,
            wanted: None,
            scanned: 0,
            oversize: None,
            max,
        }
    }

    /// Returns the buffer for the next read, which appends to it; it has room for at least one byte.
    pub(crate) fn room(&mut self) -> &mut Vec<u8> {
        self.last = 0..0;
        if self.start == self.buf.len() && self.wanted.is_none() {
            self.buf.clear();
            (self.start, self.scanned) = (0, 0);
            if self.buf.capacity() > KEEP_CAPACITY {
                self.buf = Vec::with_capacity(CHUNK);
            }
        } else if self.start > 0 && self.buf.capacity() - self.buf.len() < CHUNK {
            self.buf.drain(..self.start);
            if let Some(wanted) = &mut self.wanted {
                *wanted = wanted.start - self.start..wanted.end - self.start;
            }
            self.scanned = self.scanned.saturating_sub(self.start);
            self.start = 0;
        }
        let missing = self.wanted.as_ref().map_or(usize::MAX, |wanted| wanted.end - self.buf.len());
        if self.buf.capacity() - self.buf.len() < missing.clamp(1, CHUNK / 2) {
            // Room for the rest of an announced body, but at most as many bytes as have arrived already. Exactly that,
            // because a receiver may retain the buffer with the message.
            let announced = if self.wanted.is_some() { missing.min(self.buf.len()) } else { 0 };
            self.buf.reserve_exact(announced.max(CHUNK / 2));
        }
        &mut self.buf
    }

    /// Returns the next frame, if it is complete.
    pub(crate) fn next(&mut self) -> Next<'_> {
        if let Some(oversize) = self.oversize.take() {
            match self.discard(oversize) {
                Discarded::Head(head) => {
                    return Next::Skipped(Malformed::TooLong(oversize.length), &self.buf[head]);
                }
                Discarded::Some => return Next::More,
                Discarded::All => {}
            }
        }
        let body = match self.wanted.take() {
            Some(body) => body,
            None => match self.header() {
                Ok(Some(body)) => {
                    self.scanned = body.start;
                    body
                }
                Ok(None) => return Next::More,
                Err(Malformed::TooLong(_)) => return self.next(),
                Err(malformed) => return Next::Skipped(malformed, &[]),
            },
        };
        if self.buf.len() < body.end {
            // A writer that was cut off leaves a body without its end, for which later frames must not wait.
            if let Some(at) = self.header_in(body.start, self.scanned) {
                self.start = at;
                return Next::Skipped(Malformed::CutOff(at - body.start), &self.buf[body.start..at]);
            }
            self.scanned = self.buf.len();
            self.wanted = Some(body);
            return Next::More;
        }
        self.start = body.end;
        self.last = body.clone();
        Next::Frame(&self.buf[body])
    }

    /// Discards bytes of a body over the limit. Its beginning is returned first, once it has arrived. A header in it means
    /// that the body is cut off.
    fn discard(&mut self, mut oversize: Oversize) -> Discarded {
        let (found, start) = (self.header_in(self.start, self.scanned), self.start);
        let here = found.unwrap_or(self.buf.len()) - start;
        let left = usize::try_from(oversize.left).unwrap_or(usize::MAX);
        if !oversize.reported {
            if found.is_none() && here < HEAD.min(left) {
                self.scanned = self.buf.len();
                self.oversize = Some(oversize);
                return Discarded::Some;
            }
            oversize.reported = true;
            self.oversize = Some(oversize);
            return Discarded::Head(start..start + here.min(HEAD).min(left));
        }
        if here >= left {
            self.start += left;
            return Discarded::All;
        }
        if let Some(at) = found {
            self.start = at;
            return Discarded::All;
        }
        // A header may begin in the last bytes.
        let discarded = here.saturating_sub(LONGEST_HEADER);
        self.start += discarded;
        oversize.left -= discarded as u64;
        self.scanned = self.buf.len();
        self.oversize = Some(oversize);
        Discarded::Some
    }

    /// Returns the buffer that has the last frame, and the range of its body, so that a large message need not be copied.
    pub(crate) fn take(&mut self) -> (Vec<u8>, Range<usize>) {
        let mut rest = Vec::with_capacity(CHUNK.max(self.buf.len() - self.start));
        rest.extend_from_slice(&self.buf[self.start..]);
        let mut frame = std::mem::replace(&mut self.buf, rest);
        frame.truncate(self.start);
        self.start = 0;
        (frame, std::mem::replace(&mut self.last, 0..0))
    }

    /// Restores the result of [`Decoder::take`], for [`Decoder::reject`].
    pub(crate) fn put_back(&mut self, mut frame: Vec<u8>, body: Range<usize>) {
        frame.extend_from_slice(&self.buf[self.start..]);
        self.buf = frame;
        self.start = body.end;
        self.last = body;
    }

    /// Rejects the last frame, because it is not JSON and its length may be wrong: decoding continues at a header block
    /// inside it, or at one that begins in it.
    pub(crate) fn reject(&mut self) {
        let last = std::mem::replace(&mut self.last, 0..0);
        self.start = match self.header_in(last.start, last.start) {
            Some(at) => at,
            // The beginning of a header may be the end of this body.
            None => last.start.max(last.end.saturating_sub(LONGEST_HEADER)),
        };
    }

    /// Returns the position of the first header in the body from `start` on; up to `scanned` there is none.
    fn header_in(&self, start: usize, scanned: usize) -> Option<usize> {
        let from = scanned.saturating_sub(END.len() - 1).max(start);
        memmem::find_iter(&self.buf[from..], END).find_map(|end| {
            let end = from + end;
            let begin = end.saturating_sub(LONGEST_HEADER).max(start);
            content_length(&self.buf[begin..end]).map(|(at, _)| begin + at)
        })
    }

    /// Reads the header block at `start`. Returns the range of the body; `None` if the block is incomplete.
    fn header(&mut self) -> Result<Option<Range<usize>>, Malformed> {
        let rest = &self.buf[self.start..];
        if let Some((length, header)) = usual_header(rest).filter(|(length, _)| *length <= self.max) {
            let body = self.start + header;
            return Ok(Some(body..body + length));
        }
        let Some(end) = memmem::find(rest, END) else {
            if rest.len() > MAX_HEADER {
                let skipped = rest.len() - KEEP_OF_GARBAGE;
                self.start += skipped;
                return Err(Malformed::Garbage(skipped));
            }
            return Ok(None);
        };
        let block = &rest[..end];
        let body = self.start + end + END.len();
        let Some((at, length)) = content_length(block) else {
            self.start = body;
            return Err(Malformed::Garbage(end + END.len()));
        };
        if length > self.max as u64 {
            (self.start, self.scanned) = (body, body);
            self.oversize = Some(Oversize { length, left: length, reported: false });
            return Err(Malformed::TooLong(length));
        }
        let garbage = garbage_before(block, at);
        if garbage > 0 {
            self.start += garbage;
            return Err(Malformed::Garbage(garbage));
        }
        let length = usize::try_from(length).expect("the limit is a usize");
        Ok(Some(body..body + length))
    }
}

/// The discarded part of a body over the limit.
enum Discarded {
    /// Nothing yet: the beginning, to be returned.
    Head(Range<usize>),
    /// The bytes that have arrived.
    Some,
    /// The whole body.
    All,
}

/// Returns the value of a header block that is only `Content-Length: `, digits and the empty line, and the size of the
/// block.
fn usual_header(rest: &[u8]) -> Option<(usize, usize)> {
    /// More digits than this are left to the general search.
    const DIGITS: usize = 9;
    let value = rest.strip_prefix(b"Content-Length: ")?;
    let digits = value.iter().take(DIGITS).take_while(|byte| byte.is_ascii_digit()).count();
    let (value, end) = value.split_at(digits);
    let is_whole = digits > 0 && end.starts_with(END);
    let length = value.iter().fold(0, |length, digit| 10 * length + usize::from(digit - b'0'));
    is_whole.then_some((length, rest.len() - end.len() + END.len()))
}

/// Returns the position and the value of the last `Content-Length` of a header block.
fn content_length(block: &[u8]) -> Option<(usize, u64)> {
    let mut end = block.len();
    // Blocks are short, so a backward search for the colon is sufficient.
    while let Some(colon) = memchr::memrchr(b':', &block[..end]) {
        end = colon;
        let Some(at) = (colon + 1).checked_sub(NAME.len()) else { continue };
        if !block[at..=colon].eq_ignore_ascii_case(NAME) {
            continue;
        }
        let value = &block[colon + 1..];
        let value = &value[..memchr::memchr2(b'\r', b'\n', value).unwrap_or(value.len())];
        let value = value.trim_ascii();
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            continue;
        }
        let length = value
            .iter()
            .fold(0_u64, |length, digit| length.saturating_mul(10).saturating_add(u64::from(digit - b'0')));
        return Some((at, length));
    }
    None
}

/// Returns the number of bytes before the first line of the header at `at`.
fn garbage_before(block: &[u8], at: usize) -> usize {
    let line = memchr::memrchr(b'\n', &block[..at]).map_or(0, |newline| newline + 1);
    if line != at {
        return at;
    }
    // Lines before it are headers too if they have the form `Name: value`.
    let mut first = at;
    while first > 0 {
        let previous = &block[..first - 1];
        let start = memchr::memrchr(b'\n', previous).map_or(0, |newline| newline + 1);
        let name = previous[start..].split(|&byte| byte == b':').next().unwrap_or_default();
        let header = previous[start..].contains(&b':')
            && !name.is_empty()
            && name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !header {
            break;
        }
        first = start;
    }
    first
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Feeds `input` in pieces of `step` bytes and returns the frames and what was skipped.
    fn decode(input: &[u8], step: usize, max: usize) -> (Vec<String>, Vec<Malformed>) {
        decode_pieces(input, &[step], max)
    }

    /// The same in pieces of these sizes, over and over, whether frames are read in place or taken.
    fn decode_pieces(input: &[u8], steps: &[usize], max: usize) -> (Vec<String>, Vec<Malformed>) {
        let [in_place, taken] = [false, true].map(|take| decode_either(input, steps, max, take));
        assert_eq!(in_place, taken);
        in_place
    }

    fn decode_either(
        mut input: &[u8],
        steps: &[usize],
        max: usize,
        take: bool,
    ) -> (Vec<String>, Vec<Malformed>) {
        let (mut frames, mut skipped) = (Vec::new(), Vec::new());
        let mut decoder = Decoder::new(max);
        let mut steps = steps.iter().cycle();
        while !input.is_empty() {
            let (piece, rest) = input.split_at(input.len().min(*steps.next().unwrap()));
            input = rest;
            decoder.room().extend_from_slice(piece);
            loop {
                let body = match decoder.next() {
                    Next::More => break,
                    Next::Skipped(malformed, _) => {
                        skipped.push(malformed);
                        continue;
                    }
                    Next::Frame(body) => body.to_vec(),
                };
                let taken = take.then(|| decoder.take());
                if let Some((frame, range)) = &taken {
                    assert_eq!(frame[range.clone()], body);
                }
                if serde_json::from_slice::<serde_json::Value>(&body).is_ok() {
                    frames.push(String::from_utf8(body).unwrap());
                    continue;
                }
                if let Some((frame, range)) = taken {
                    decoder.put_back(frame, range);
                }
                decoder.reject();
            }
        }
        (frames, skipped)
    }

    fn frame(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn frames_survive_any_cut() {
        let input = [frame("{\"a\":1}"), frame("\"é\""), frame("[]")].concat();
        for step in 1..=input.len() {
            let (frames, skipped) = decode(input.as_bytes(), step, 1000);
            assert_eq!(frames, ["{\"a\":1}", "\"é\"", "[]"], "in pieces of {step}");
            assert_eq!(skipped, []);
        }
    }

    #[test]
    fn a_usual_header_is_read_as_any_other() {
        for header in
            ["Content-Length: 7\r\n\r\n", "Content-Length: 007\r\n\r\n", "Content-Length: 999999999\r\n\r\n"]
        {
            let (length, size) = usual_header(format!("{header}{{}}").as_bytes()).unwrap();
            assert_eq!(size, header.len());
            let (at, general) = content_length(header.trim_ascii_end().as_bytes()).unwrap();
            assert_eq!((at, general), (0, length as u64));
        }
        let others = [
            "",
            "Content-Length: ",
            "Content-Length: 7",
            "Content-Length: 7\r\n\r",
            "Content-Length: \r\n\r\n",
            "Content-Length: 7\r\nX: 1\r\n\r\n",
            "Content-Length:7\r\n\r\n",
            "content-length: 7\r\n\r\n",
            "Content-Length: 1234567890\r\n\r\n",
            "Content-Length: 7x\r\n\r\n",
        ];
        for other in others {
            assert_eq!(usual_header(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn headers_come_in_any_order_and_case() {
        let input = "Content-Type: x/y; charset=utf-8\r\ncontent-LENGTH:2\r\nX-More: 1\r\n\r\n{}";
        assert_eq!(decode(input.as_bytes(), 7, 1000), (vec!["{}".to_owned()], vec![]));
    }

    #[test]
    fn good_frames_follow_garbage() {
        for garbage in [
            "Warning: no colour\n",
            "garbage\r\n\r\n",
            "Content-Length: x\r\n\r\n",
            "Content-Length: -4\r\n\r\n",
            "no line end",
            "{\"a\":1}",
        ] {
            let input = [garbage.to_owned(), frame("[1]"), frame("[2]")].concat();
            for step in [1, 3, input.len()] {
                let (frames, skipped) = decode(input.as_bytes(), step, 1000);
                assert_eq!(frames, ["[1]", "[2]"], "after {garbage:?} in pieces of {step}");
                assert!(!skipped.is_empty() || garbage.starts_with("Warning:"), "{garbage:?} is reported");
            }
        }
    }

    #[test]
    fn a_length_that_is_too_short_or_too_long_costs_one_frame() {
        for wrong in ["Content-Length: 3\r\n\r\n[1,2,3]", "Content-Length: 40\r\n\r\n[1,2,3]"] {
            let input = [wrong.to_owned(), frame("[4]"), frame("[5]")].concat();
            for step in [1, 5, input.len()] {
                assert_eq!(decode(input.as_bytes(), step, 1000).0, ["[4]", "[5]"], "{wrong:?} by {step}");
            }
        }
    }

    /// Found by fuzzing: the beginning of the next header was forgotten when it was long and had not arrived whole.
    #[test]
    fn a_length_that_reaches_into_the_next_header_costs_one_frame() {
        let other = "Content-Type: application/vscode-jsonrpc; charset=utf-8\r\n";
        let next = format!("Content-Length: 3\r\n{other}\r\n[4]");
        for reach in 0..next.len() - 3 {
            let wrong = format!("Content-Length: {}\r\n\r\n[1,2,3]", 7 + reach);
            let input = [wrong, next.clone(), frame("[5]")].concat();
            for step in 1..=input.len() {
                let frames = decode(input.as_bytes(), step, 1000).0;
                let found = frames.strip_prefix(&["[1,2,3]".to_owned()][..]).filter(|_| reach == 0);
                assert_eq!(found.unwrap_or(&frames), ["[4]", "[5]"], "reaching {reach} far, by {step}");
            }
        }
    }

    #[test]
    fn a_body_that_is_cut_off_does_not_hold_up_what_follows() {
        let cut_off = "Content-Length: 900\r\n\r\n{\"text\":\"a line\\r\\n\\r\\nand";
        let input = [cut_off.to_owned(), frame("[1]"), frame("[2]")].concat();
        for step in 1..=input.len() {
            let (frames, skipped) = decode(input.as_bytes(), step, 1000);
            assert_eq!(frames, ["[1]", "[2]"], "in pieces of {step}");
            assert_eq!(skipped.len(), 1, "{skipped:?}");
        }
        // Line ends between the values of a body are no header.
        let spaced = frame("{\"a\":\r\n\r\n[1,\r\n\r\n2]}");
        for step in 1..=spaced.len() {
            assert_eq!(decode(spaced.as_bytes(), step, 1000).0.len(), 1, "in pieces of {step}");
        }
    }

    #[test]
    fn a_body_full_of_line_ends_is_rejected_quickly() {
        let body = "\r\n\r\n:".repeat(40_000);
        let input = [frame(&body), frame("[1]")].concat();
        assert_eq!(decode(input.as_bytes(), 64 << 10, 1 << 20).0, ["[1]"]);
    }

    #[test]
    fn an_absurd_length_asks_for_no_memory() {
        for length in ["1001", "99999999999999999999999999"] {
            let input = format!("Content-Length: {length}\r\n\r\n{}", frame("[1]"));
            let (frames, skipped) = decode(input.as_bytes(), 4, 1000);
            assert_eq!(frames, ["[1]"]);
            assert!(matches!(skipped[0], Malformed::TooLong(_)), "{skipped:?}");
        }
        let mut decoder = Decoder::new(DEFAULT_MAX_FRAME);
        decoder.room().extend_from_slice(b"Content-Length: 200000000\r\n\r\n{");
        assert_eq!(decoder.next(), Next::More);
        assert!(decoder.room().capacity() < 1 << 20);
    }

    #[test]
    fn the_beginning_of_a_body_over_the_limit_is_handed_out_and_the_rest_passed_over() {
        let long = format!("{{\"id\":1,\"a\":\"{}\"}}", "x".repeat(300_000));
        let input = [frame(&long), frame("[1]"), frame(&long[..1001]), frame("[2]")].concat();
        for step in [1, 700, 65_536, input.len()] {
            let (mut frames, mut heads) = (Vec::new(), Vec::new());
            let mut decoder = Decoder::new(1000);
            for piece in input.as_bytes().chunks(step) {
                decoder.room().extend_from_slice(piece);
                loop {
                    match decoder.next() {
                        Next::More => break,
                        Next::Skipped(malformed, head) => {
                            assert!(long.as_bytes().starts_with(head));
                            heads.push((malformed, head.len()));
                        }
                        Next::Frame(body) => frames.push(body.to_vec()),
                    }
                }
                assert!(step > 65_536 || decoder.buf.capacity() < 1 << 20, "{}", decoder.buf.capacity());
            }
            assert_eq!(frames, [b"[1]", b"[2]"], "in pieces of {step}");
            let long = Malformed::TooLong(long.len() as u64);
            assert_eq!(heads, [(long, HEAD), (Malformed::TooLong(1001), 1001)], "in pieces of {step}");
        }
    }

    #[test]
    fn the_buffer_grows_a_few_times_for_a_large_body_and_ends_with_it() {
        let input = frame(&"x".repeat(4 << 20));
        let mut decoder = Decoder::new(DEFAULT_MAX_FRAME);
        let mut capacities = Vec::new();
        for piece in input.as_bytes().chunks(CHUNK / 2) {
            assert_eq!(decoder.next(), Next::More);
            let buf = decoder.room();
            assert!(buf.capacity() - buf.len() >= piece.len());
            buf.extend_from_slice(piece);
            capacities.push(buf.capacity());
        }
        assert!(matches!(decoder.next(), Next::Frame(_)));
        capacities.dedup();
        assert!(capacities.len() <= 8, "{capacities:?}");
        assert!(capacities.last().is_some_and(|last| last - input.len() <= CHUNK / 2), "{capacities:?}");
    }

    #[test]
    fn a_large_buffer_is_given_back() {
        let mut decoder = Decoder::new(DEFAULT_MAX_FRAME);
        decoder.room().extend_from_slice(frame(&"x".repeat(3 * KEEP_CAPACITY)).as_bytes());
        assert!(matches!(decoder.next(), Next::Frame(_)));
        assert_eq!(decoder.next(), Next::More);
        assert!(decoder.room().capacity() <= KEEP_CAPACITY, "{}", decoder.buf.capacity());
    }

    #[test]
    fn endless_garbage_is_not_kept() {
        let mut decoder = Decoder::new(1000);
        for _ in 0..1000 {
            decoder.room().extend_from_slice(&[b'x'; 4096]);
            while decoder.next() != Next::More {}
        }
        assert!(decoder.buf.capacity() < 1 << 20, "{}", decoder.buf.capacity());
    }

    /// Something on the wire.
    #[derive(Clone, Debug)]
    enum Item {
        Good(String),
        Garbage(Vec<u8>),
        /// A body under a length that is off by this.
        Wrong(String, i64),
        /// A frame that ends after this share of it, in its header or in its body.
        CutOff(String, f64),
        /// A body that is longer than any may be, of which nothing comes.
        TooLong(u64),
    }

    fn body(kind: &'static str) -> impl Strategy<Value = String> {
        // Any text, and text that looks like a header once it is no longer escaped.
        let text = prop_oneof![
            any::<String>(),
            "[a-z\r\n:\"\\\\é]{0,300}",
            Just("\r\n\r\nContent-Length: 3\r\n\r\n".to_owned())
        ];
        text.prop_map(move |text| serde_json::json!({ kind: text }).to_string())
    }

    fn item() -> impl Strategy<Value = Item> {
        let header =
            |bytes: &Vec<u8>| !bytes.to_ascii_lowercase().windows(NAME.len()).any(|part| part == NAME);
        let bytes = prop_oneof![
            5 => vec(any::<u8>(), 0..100),
            5 => vec(proptest::sample::select(b"\r\n:x {}".to_vec()), 0..100),
            1 => (16_000..18_000_usize).prop_map(|length| b"x".repeat(length)),
        ];
        prop_oneof![
            4 => body("good").prop_map(Item::Good),
            1 => bytes.prop_filter("a header", header).prop_map(Item::Garbage),
            1 => (body("bad"), prop_oneof![-20..0_i64, 1..20_i64, 1000..5000_i64]).prop_map(|(body, by)| Item::Wrong(body, by)),
            1 => (body("bad"), 0.0..1.0).prop_map(|(body, share)| Item::CutOff(body, share)),
            1 => ((1 << 20) + 1..=u64::MAX).prop_map(Item::TooLong),
        ]
    }

    proptest! {
        #[test]
        fn good_frames_come_out_whole_and_in_order_whatever_is_between_them(
            items in vec(item(), 0..20),
            steps in vec(prop_oneof![1..4_usize, 1..100_usize, 1..70_000_usize], 1..5),
        ) {
            let mut input = Vec::new();
            for item in &items {
                match item {
                    Item::Good(body) => input.extend_from_slice(frame(body).as_bytes()),
                    Item::Garbage(bytes) => input.extend_from_slice(bytes),
                    Item::TooLong(length) => {
                        input.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
                    }
                    Item::Wrong(body, by) => {
                        let length = (body.len() as i64 + by).max(0);
                        input.extend_from_slice(format!("Content-Length: {length}\r\n\r\n{body}").as_bytes());
                    }
                    Item::CutOff(body, share) => {
                        let frame = frame(body);
                        let end = (frame.len() as f64 * share) as usize;
                        input.extend_from_slice(&frame.as_bytes()[..end]);
                    }
                }
            }
            let good: Vec<_> = items
                .iter()
                .filter_map(|item| match item {
                    Item::Good(body) => Some(body.clone()),
                    _ => None,
                })
                .collect();
            let mut frames = decode_pieces(&input, &steps, 1 << 20).0;
            // Behind a header that is cut off, or where a length is wrong, other bytes may happen to be JSON.
            frames.retain(|body| body.starts_with("{\"good"));
            prop_assert_eq!(frames, good);
        }
    }
}
