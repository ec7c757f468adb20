//! Reads JSON of the usual form in one pass: objects without white space, whose names and short values have no escapes.
//!
//! Everything else is `None`, and is decoded with serde. The CLI writes its messages in the usual form, so the members
//! around a payload cost little; payloads themselves are checked by `serde_json`.

use serde_json::value::RawValue;

/// A type that can be read from JSON of the usual form.
pub(crate) trait Scan<'a>: Sized {
    /// Reads a value; `None` where it has another form, or another shape.
    fn scan(scanner: &mut Scanner<'a>) -> Option<Self>;
}

/// A position in a JSON text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Reads a whole text.
    pub(crate) fn read<T: Scan<'a>>(text: &'a str) -> Option<T> {
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
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value: Option<&RawValue> = values.next()?.ok()?;
        self.at += values.byte_offset();
        Some(value)
    }

    fn word(&mut self, word: &str) -> bool {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        if found {
            self.at += word.len();
        }
        found
    }

    fn byte(&mut self, byte: u8) -> Option<()> {
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found.then_some(())
    }
}

/// Puts a value into an empty place; `None` where a member comes twice.
pub(crate) fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// Returns the number of bytes before the first one that is a quotation mark, a backslash or a control character.
fn plain_length(bytes: &[u8]) -> usize {
    const STEP: usize = size_of::<u64>();
    let mut at = 0;
    // Eight bytes at a time: the lowest one that is found is exact.
    while let Some(chunk) = bytes.get(at..at + STEP) {
        let word = u64::from_le_bytes(chunk.try_into().expect("the chunk has eight bytes"));
        let found = (is_zero(word ^ repeat(b'"')) | is_zero(word ^ repeat(b'\\')) | is_less(word, 0x20))
            & repeat(0x80);
        if found != 0 {
            return at + found.trailing_zeros() as usize / 8;
        }
        at += STEP;
    }
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20)).unwrap_or(rest.len())
}

/// Returns a word with this byte in each place.
const fn repeat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Sets the highest bit of each zero byte. Bits above the lowest one that is set may be wrong.
const fn is_zero(word: u64) -> u64 {
    is_less(word, 1)
}

/// Sets the highest bit of each byte that is less than `limit`. Bits above the lowest one that is set may be wrong.
const fn is_less(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(repeat(limit)) & !word
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
        fn the_end_of_a_string_is_exact(text in "(?s).{0,40}", before in 0_usize..9) {
            let bytes = &text.as_bytes()[before.min(text.len())..];
            let expected = bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20));
            prop_assert_eq!(plain_length(bytes), expected.unwrap_or(bytes.len()));
        }
    }
}
