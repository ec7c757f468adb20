//! A position in a JSON text, and how objects and lists are read from it. Of no type, so that it is compiled once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{IgnoredAny, Unexpected};
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Decode, Fault, Mode, Result};
use crate::protocol::primitives::raw::raw_value;
use crate::protocol::primitives::scan::{Scanner, has_control, plain_length};
use crate::protocol::primitives::unescape::unescaped;

/// A position in a JSON text.
#[derive(Debug)]
pub(crate) struct Reader<'de> {
    text: &'de str,
    at: usize,
    mode: Mode,
    /// How many objects and lists are open.
    depth: u8,
}

/// The most objects and lists that are open at a time, as in serde_json.
const DEEPEST: u8 = 127;

impl<'de> Reader<'de> {
    /// The number of members that may come more than once.
    pub(crate) const OTHER: u32 = 63;

    /// Returns the number of a member of a type whose members are those of another type from `first` on.
    pub(crate) fn within(first: u32, number: u32) -> u32 {
        Self::OTHER.min(first + number)
    }

    pub(super) fn new(text: &'de str, mode: Mode) -> serde_json::Result<Self> {
        // A text in several lines, or not JSON at all. Below, strings are not checked for control characters.
        if has_control(text.as_bytes()) {
            serde_json::from_str::<IgnoredAny>(text)?;
        }
        Ok(Self { text, at: 0, mode, depth: 0 })
    }

    /// Ends the text, which holds this one value.
    #[inline]
    pub(super) fn end<T>(mut self, value: Result<T>) -> serde_json::Result<T> {
        match value {
            Ok(value) if self.next_byte().is_none() => Ok(value),
            Ok(_) => Err(self.fail(None)),
            Err(fault) => Err(self.fail(Some(fault))),
        }
    }

    /// Returns the error of a value, or of the text behind it.
    #[cold]
    fn fail(&self, fault: Option<Fault>) -> serde_json::Error {
        fault.unwrap_or_else(|| self.syntax()).into_error(self.text)
    }

    /// Reads an object: `member` reads the value of each of its members, or returns `None` for one that is not known.
    pub(crate) fn object(
        &mut self,
        name: &str,
        member: &mut dyn FnMut(&str, &mut Self) -> Result<Option<u32>>,
    ) -> Result<()> {
        let mut seen = 0_u64;
        let mut each = |name: &str, reader: &mut Self| {
            match member(name, reader)? {
                None => reader.skip()?,
                Some(number) => {
                    let bit = 1 << number;
                    if seen & bit & !(1 << Self::OTHER) != 0 {
                        return Err(Fault::custom("the member is there twice"));
                    }
                    seen |= bit;
                }
            }
            Ok(())
        };
        self.entries(&|| format!("struct {name}"), &mut each)
    }

    /// Reads the entries of a map whose values are of one type.
    pub(crate) fn map(
        &mut self,
        reads_null: bool,
        entry: &mut dyn FnMut(&str, &mut Self) -> Result<()>,
    ) -> Result<()> {
        self.entries(&|| "a map".to_owned(), &mut |name, reader| {
            if !reads_null && reader.null() { Ok(()) } else { entry(name, reader) }
        })
    }

    fn entries(
        &mut self,
        expected: &dyn Fn() -> String,
        entry: &mut dyn FnMut(&str, &mut Self) -> Result<()>,
    ) -> Result<()> {
        if self.next_byte() != Some(b'{') {
            return Err(self.mismatch(&expected()));
        }
        self.open()?;
        if !self.is(b'}') {
            loop {
                if self.next_byte() != Some(b'"') {
                    return Err(self.syntax());
                }
                let name = self.text()?;
                self.expect(b':')?;
                self.next_byte();
                let (start, depth) = (self.at, self.depth);
                if let Err(fault) = entry(&name, self) {
                    self.leave_out(start, &name, fault)?;
                    self.depth = depth;
                }
                if self.is(b',') {
                    continue;
                }
                self.expect(b'}')?;
                break;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Leaves out the member that cannot be read, where it may be.
    #[cold]
    fn leave_out(&mut self, start: usize, name: &str, fault: Fault) -> Result<()> {
        let may_be = self.mode == Mode::Event && fault.can_be_left_out();
        let fault = fault.within(name);
        if !may_be {
            return Err(fault);
        }
        tracing::debug!(error = %fault, "a member is left out");
        self.at = start;
        self.skip()
    }

    /// Reads a list.
    pub(crate) fn list(
        &mut self,
        reads_null: bool,
        item: &mut dyn FnMut(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if self.next_byte() != Some(b'[') {
            return Err(self.mismatch("a sequence"));
        }
        self.open()?;
        let skips_null = !reads_null && self.mode != Mode::Question;
        let mut index = 0_usize;
        if !self.is(b']') {
            loop {
                self.next_byte();
                if !(skips_null && self.null()) {
                    item(self).map_err(|fault| fault.within(&format!("[{index}]")))?;
                }
                index += 1;
                if self.is(b',') {
                    continue;
                }
                self.expect(b']')?;
                break;
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Begins an object or list.
    fn open(&mut self) -> Result<()> {
        if self.depth == DEEPEST {
            return Err(Fault::custom("recursion limit exceeded"));
        }
        self.at += 1;
        self.depth += 1;
        Ok(())
    }

    /// Reads a member into its place. `null` leaves the place as it is. Not inlined: most members are of a few
    /// types, which share one copy each.
    #[inline(never)]
    pub(crate) fn put<T: Decode<'de>>(&mut self, number: u32, place: &mut T) -> Result<Option<u32>> {
        self.put_with(number, place, T::decode)
    }

    /// Reads a member into its place with a function.
    pub(crate) fn put_with<T: Decode<'de>>(
        &mut self,
        number: u32,
        place: &mut T,
        read: fn(&mut Self) -> Result<T>,
    ) -> Result<Option<u32>> {
        if self.null() {
            return Ok(Some(Self::OTHER));
        }
        *place = read(self).map_err(|fault| fault.in_member(T::HAS_ABSENT_FORM))?;
        Ok(Some(number))
    }

    /// Reads a member that has no place yet; [`present`](super::present) takes it, or what it is where it was not sent.
    pub(crate) fn required<T: Decode<'de>>(
        &mut self,
        number: u32,
        place: &mut Option<T>,
    ) -> Result<Option<u32>> {
        if !T::READS_NULL && self.null() {
            return Ok(Some(Self::OTHER));
        }
        let read = T::decode(self).map_err(|fault| fault.in_member(T::absent().is_some()));
        *place = Some(read?);
        Ok(Some(number))
    }

    /// Keeps a member that has no place in the type.
    pub(crate) fn rest(&mut self, name: &str, rest: &mut BTreeMap<String, Value>) -> Result<Option<u32>> {
        let value = self.by_serde()?;
        rest.insert(name.to_owned(), value);
        Ok(Some(Self::OTHER))
    }

    /// Reads a text. Borrowed where it has no escapes.
    pub(crate) fn text(&mut self) -> Result<Cow<'de, str>> {
        if self.next_byte() != Some(b'"') {
            return Err(self.mismatch("a string"));
        }
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let (mut at, mut has_escapes) = (start + 1, false);
        loop {
            at += plain_length(bytes.get(at..).unwrap_or_default());
            match bytes.get(at) {
                Some(b'"') => break,
                // The byte after a backslash is neither the end of the text nor the beginning of an escape.
                Some(_) => {
                    has_escapes = true;
                    at += 2;
                }
                None => return Err(self.syntax()),
            }
        }
        if !has_escapes {
            self.at = at + 1;
            return Ok(Cow::Borrowed(&self.text[start + 1..at]));
        }
        let quoted = self.text.get(start..=at).ok_or_else(|| self.syntax())?;
        self.at = at + 1;
        match unescaped(quoted) {
            Some(text) => Ok(Cow::Owned(text)),
            None => serde_json::from_str::<String>(quoted).map(Cow::Owned).map_err(Fault::from),
        }
    }

    /// Reads `null` if it is next, and returns whether it was.
    pub(crate) fn null(&mut self) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(b"null");
        if found {
            self.at += 4;
        }
        found
    }

    /// Reads a value as text.
    pub(crate) fn raw(&mut self) -> Result<&'de RawValue> {
        self.next_byte();
        let start = self.at;
        self.skip()?;
        let text = &self.text[start..self.at];
        match raw_value(text) {
            Some(raw) => Ok(raw),
            None => serde_json::from_str(text).map_err(Fault::from),
        }
    }

    /// Reads a value of a type that only serde knows.
    pub(crate) fn by_serde<T: Deserialize<'de>>(&mut self) -> Result<T> {
        let mut values = serde_json::Deserializer::from_str(&self.text[self.at..]).into_iter();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(error)) => Err(error.into()),
            None => Err(self.syntax()),
        }
    }

    /// Returns the text of the value that is next, which stays so.
    pub(crate) fn peek(&mut self) -> Result<&'de str> {
        self.next_byte();
        let start = self.at;
        self.skip()?;
        let text = &self.text[start..self.at];
        self.at = start;
        Ok(text)
    }

    /// Skips a value.
    pub(crate) fn skip(&mut self) -> Result<()> {
        let mut scanner = Scanner::at(self.text, self.at);
        if scanner.skip().is_some() {
            self.at = scanner.position();
            return Ok(());
        }
        // White space, or an escape of a surrogate.
        self.by_serde::<IgnoredAny>().map(drop)
    }

    /// Reads a number of digits alone, as most counts are.
    pub(super) fn digits(&mut self) -> Option<u64> {
        /// So many digits are never too large.
        const MOST: usize = 19;
        self.next_byte();
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at(length);
        let is_plain = match digits {
            [] => false,
            [b'0', ..] => length == 1,
            _ => length <= MOST,
        };
        if !is_plain || matches!(rest, [b'.' | b'e' | b'E', ..]) {
            return None;
        }
        self.at += length;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }

    /// Skips the digits and signs of a number, and returns it.
    pub(super) fn number(&mut self) -> Option<&'de str> {
        self.next_byte();
        let mut scanner = Scanner::at(self.text, self.at);
        scanner.skip_number()?;
        let number = &self.text[self.at..scanner.position()];
        self.at = scanner.position();
        Some(number)
    }

    /// Reads a word of JSON if it is next, and returns whether it was.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Skips white space, and returns the byte that is next.
    #[inline]
    pub(crate) fn next_byte(&mut self) -> Option<u8> {
        loop {
            let next = self.text.as_bytes().get(self.at).copied();
            if !matches!(next, Some(b' ' | b'\n' | b'\t' | b'\r')) {
                return next;
            }
            self.at += 1;
        }
    }

    /// Reads a byte if it is next, and returns whether it was.
    fn is(&mut self, byte: u8) -> bool {
        let found = self.next_byte() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        if self.is(byte) { Ok(()) } else { Err(self.syntax()) }
    }

    /// Reports that the value which is next is of another type.
    #[cold]
    pub(crate) fn mismatch(&mut self, expected: &str) -> Fault {
        match self.next_byte() {
            Some(b'{') => return Fault::mismatch(Unexpected::Map, expected),
            Some(b'[') => return Fault::mismatch(Unexpected::Seq, expected),
            _ => {}
        }
        let value = match self.peek().and_then(|text| serde_json::from_str(text).map_err(Fault::from)) {
            Ok(value) => value,
            Err(fault) => return fault,
        };
        let found = match &value {
            Value::Null => Unexpected::Other("null"),
            Value::Bool(flag) => Unexpected::Bool(*flag),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => Unexpected::Unsigned(number),
                (_, Some(number), _) => Unexpected::Signed(number),
                (.., number) => Unexpected::Float(number.unwrap_or_default()),
            },
            Value::String(text) => Unexpected::Str(text),
            // These are handled above.
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        };
        Fault::mismatch(found, expected)
    }

    #[cold]
    fn syntax(&self) -> Fault {
        Fault::syntax(self.text)
    }
}
