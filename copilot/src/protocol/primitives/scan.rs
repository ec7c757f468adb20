//! Reads JSON of the usual form in one pass: objects without white space, whose names and short values have no escapes.
//!
//! Everything else is `None`, and is decoded with serde. The CLI writes its messages in the usual form, so the members
//! around a payload cost little. A payload is checked (`skip.rs`) and not decoded.

use serde_json::value::RawValue;

use super::raw::raw_value;

/// A type that can be read from JSON of the usual form.
pub(crate) trait Scan<'a>: Sized {
    /// Reads a value; `None` where it has another form, or another shape.
    fn scan(scanner: &mut Scanner<'a>) -> Option<Self>;
}

/// A position in a JSON text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    /// Reads a whole text. Control characters are neither in strings nor, in the usual form, between them, so one check
    /// of the whole text is enough.
    pub(crate) fn read<T: Scan<'a>>(text: &'a str) -> Option<T> {
        if has_control(text.as_bytes()) {
            return None;
        }
        let mut scanner = Self { text, at: 0 };
        let value = T::scan(&mut scanner)?;
        (scanner.at == text.len()).then_some(value)
    }

    /// Reads an object, with a call of `member` for each name, which reads the value.
    pub(crate) fn object(&mut self, mut member: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.byte(b'{')?;
        if self.byte(b'}').is_some() {
            return Some(());
        }
        loop {
            let name = self.text()?;
            self.byte(b':')?;
            member(self, name)?;
            if self.byte(b',').is_none() {
                return self.byte(b'}');
            }
        }
    }

    /// Reads a string without escapes.
    pub(crate) fn text(&mut self) -> Option<&'a str> {
        self.byte(b'"')?;
        let start = self.at;
        let length = plain_length(&self.text.as_bytes()[start..]);
        self.at += length;
        self.byte(b'"')?;
        self.text.get(start..start + length)
    }

    /// Reads a string without escapes, with its quotation marks.
    pub(crate) fn quoted(&mut self) -> Option<&'a str> {
        let start = self.at;
        self.text()?;
        self.text.get(start..self.at)
    }

    /// Reads `null` if it is next, and returns whether it was.
    pub(crate) fn null(&mut self) -> bool {
        self.word("null")
    }

    /// Reads `true` or `false`.
    pub(crate) fn flag(&mut self) -> Option<bool> {
        match self.word("true") {
            false => self.word("false").then_some(false),
            is_true => Some(is_true),
        }
    }

    /// Reads a value of any type; `null` is absent.
    pub(crate) fn value(&mut self) -> Option<Option<&'a RawValue>> {
        let start = self.at;
        if self.null() {
            return Some(None);
        }
        if self.skip().is_some()
            && let Some(value) = self.text.get(start..self.at).and_then(raw_value)
        {
            return Some(Some(value));
        }
        self.at = start;
        self.unusual_value()
    }

    /// Reads a value of a form that [`skip`](Self::skip) does not support, or finds that it is not one.
    #[cold]
    fn unusual_value(&mut self) -> Option<Option<&'a RawValue>> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value: Option<&RawValue> = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    pub(super) fn word(&mut self, word: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    pub(super) fn byte(&mut self, byte: u8) -> Option<()> {
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found.then_some(())
    }
}

/// Puts a value into an empty place; `None` where a member comes twice.
pub(crate) fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Returns the number of bytes before the first quotation mark or backslash.
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    const STEP: usize = size_of::<u64>();
    /// Ids, most names and most values are shorter; for longer ones the call of a vectorized search is worth its cost.
    const SHORT: usize = 6 * STEP;
    let mut at = 0;
    // Eight bytes at a time: the lowest one that is found is exact.
    while at < SHORT
        && let Some(chunk) = bytes.get(at..at + STEP)
    {
        let word = u64::from_le_bytes(chunk.try_into().expect("the chunk has eight bytes"));
        let found = (is_zero(word ^ repeat(b'"')) | is_zero(word ^ repeat(b'\\'))) & repeat(0x80);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += STEP;
    }
    let rest = &bytes[at..];
    at + memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len())
}

/// Returns whether there is a control character. All bytes of a block are compared, so that the compiler compares many of
/// them with one instruction.
fn has_control(bytes: &[u8]) -> bool {
    const BLOCK: usize = 64;
    let is_control = |block: &[u8]| block.iter().fold(false, |found, byte| found | (*byte < 0x20));
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    blocks.iter().any(|block| is_control(block)) || is_control(rest)
}

/// Returns a word with this byte in each place.
const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Sets the highest bit of each zero byte. Bits above the lowest one that is set may be wrong.
const fn is_zero(word: u64) -> u64 {
    word.wrapping_sub(repeat(1)) & !word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The value of the member `a`, in the order of the types that can be read.
    #[derive(Debug, PartialEq)]
    struct Members<'a> {
        text: Option<&'a str>,
        flag: Option<bool>,
        value: Option<&'a str>,
    }

    impl<'a> Scan<'a> for Members<'a> {
        fn scan(scanner: &mut Scanner<'a>) -> Option<Self> {
            let (mut text, mut flag, mut value) = (None, None, None);
            scanner.object(|scanner, name| match name {
                "text" => once(&mut text, scanner.text()?),
                "flag" => once(&mut flag, scanner.flag()?),
                "null" => scanner.null().then_some(()),
                _ => once(&mut value, scanner.value()?.map_or("absent", RawValue::get)),
            })?;
            Some(Self { text, flag, value })
        }
    }

    fn read(json: &str) -> Option<Members<'_>> {
        Scanner::read(json)
    }

    #[test]
    fn members_are_read_in_any_order() {
        let json = r#"{"flag":true,"value":{"a":["}",1.5]},"text":"é 7","null":null}"#;
        let expected = Members { text: Some("é 7"), flag: Some(true), value: Some(r#"{"a":["}",1.5]}"#) };
        assert_eq!(read(json), Some(expected));
        assert_eq!(read("{}"), Some(Members { text: None, flag: None, value: None }));
        assert_eq!(read(r#"{"value":null}"#).unwrap().value, Some("absent"));
        assert_eq!(read(r#"{"value":12}"#).unwrap().value, Some("12"));
    }

    #[test]
    fn another_form_is_left_to_serde() {
        let others = [
            "",
            "{",
            "[]",
            r#"{"text":"a""#,
            r#"{"text":"a"}x"#,
            r#"{"text":"a"} "#,
            r#"{ "text":"a"}"#,
            r#"{"text":"a",}"#,
            r#"{"text":"a","text":"b"}"#,
            r#"{"text":"\u0061"}"#,
            "{\"text\":\"a\nb\"}",
            r#"{"text":1}"#,
            r#"{"flag":1}"#,
            r#"{"value":{"a":}}"#,
            r#"{"value":"a}"#,
            r#"{"value":01}"#,
            r#"{"te\u0078t":"a"}"#,
        ];
        for json in others {
            assert_eq!(read(json), None, "{json}");
        }
    }

    proptest! {
        #[test]
        fn the_end_of_a_string_is_exact(text in "([^\"]{0,200}|[^\"]{0,20}|).{0,40}", before in 0_usize..9) {
            let bytes = &text.as_bytes()[before.min(text.len())..];
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\'));
            prop_assert_eq!(plain_length(bytes), expected.unwrap_or(bytes.len()));
        }

        #[test]
        fn a_control_character_is_found_at_every_place(length in 1_usize..300, at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = vec![b'a'; length];
            bytes[at.index(length)] = byte;
            prop_assert_eq!(has_control(&bytes), byte < 0x20);
        }
    }
}
