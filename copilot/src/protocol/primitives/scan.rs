//! Reads JSON of the usual form in one pass: objects without white space, whose names and short values have no escapes.
//!
//! Everything else is `None`, and is decoded by [`Reader`](super::decode::Reader). The CLI writes its messages in the usual form, so the members
//! around a payload cost little. A payload is checked (`skip.rs`) and not decoded.

use serde_json::value::RawValue;

use super::raw::raw_value;

/// A type that can be read from an object of the usual form. The members are read into their places, because large values
/// cost much when they are moved.
pub(crate) trait Scan<'a>: Default {
    /// The member without which there is no value; [`OTHER`] for none.
    const REQUIRED: u32 = OTHER;

    /// Reads the value of a member into its place. Returns the number of the member, which is less than [`OTHER`]; `None`
    /// where the value has another form, or another shape.
    fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32>;
}

/// The number of members that are not known. Only these may come more than once.
pub(crate) const OTHER: u32 = 31;

/// A position in a JSON text.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    /// Begins within a text that has no control characters in strings.
    pub(super) fn at(text: &'a str, at: usize) -> Self {
        Self { text, at }
    }

    /// Returns the end of the value that was skipped, in bytes.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    /// Reads a whole text into an empty value. Control characters are neither in strings nor, in the usual form, between
    /// them, so one check of the whole text is enough.
    pub(crate) fn read<T: Scan<'a>>(text: &'a str, value: &mut T) -> Option<()> {
        if has_control(text.as_bytes()) {
            return None;
        }
        let mut scanner = Self { text, at: 0 };
        scanner.object(value)?;
        (scanner.at == text.len()).then_some(())
    }

    /// Reads an object.
    pub(crate) fn object<T: Scan<'a>>(&mut self, value: &mut T) -> Option<()> {
        self.byte(b'{')?;
        let mut seen = 0_u32;
        if self.byte(b'}').is_none() {
            loop {
                let name = self.text()?;
                self.byte(b':')?;
                let member = 1 << value.member(name, self)?;
                if seen & member & !(1 << OTHER) != 0 {
                    return None;
                }
                seen |= member;
                if self.byte(b',').is_none() {
                    self.byte(b'}')?;
                    break;
                }
            }
        }
        (T::REQUIRED == OTHER || seen & 1 << T::REQUIRED != 0).then_some(())
    }

    /// Reads the value of a member that is not known.
    pub(crate) fn other(&mut self) -> Option<u32> {
        self.value()?;
        Some(OTHER)
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

    /// Reads a value of a form that [`skip`](Self::skip) does not support, or finds that it is not one. It may have no
    /// `\u` escape, which may be half of a pair.
    #[cold]
    fn unusual_value(&mut self) -> Option<Option<&'a RawValue>> {
        let mut values = serde_json::Deserializer::from_str(self.text.get(self.at..)?).into_iter();
        let value: Option<&RawValue> = values.next()?.ok()?;
        if value.is_some_and(|value| value.get().contains(r"\u")) {
            return None;
        }
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

/// Returns the number of bytes before the first quotation mark or backslash.
// A fifth of the instructions of a recorded turn are spent here, most of them in short strings.
#[inline(always)]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    /// Most strings end within so many bytes. For longer ones the call of a search with wider vectors is worth its cost.
    const NEAR: usize = 64;
    let length = match bytes.split_first_chunk::<NEAR>() {
        Some((near, far)) => find_near(near).or_else(|| Some(NEAR + memchr::memchr2(b'"', b'\\', far)?)),
        None => find_near(bytes),
    };
    length.unwrap_or(bytes.len())
}

/// Finds a quotation mark or a backslash in a short text, without a call.
#[inline]
fn find_near(bytes: &[u8]) -> Option<usize> {
    #[cfg(target_arch = "x86_64")]
    if let Some(search) = memchr::arch::x86_64::sse2::memchr::Two::new(b'"', b'\\') {
        return search.find(bytes);
    }
    memchr::memchr2(b'"', b'\\', bytes)
}

/// Returns whether there is a control character. The least byte of a block is found without a branch, so the compiler
/// compares many bytes with one instruction.
pub(super) fn has_control(bytes: &[u8]) -> bool {
    const BLOCK: usize = 256;
    let least = |block: &[u8]| block.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    blocks.iter().any(|block| least(block) < b' ') || least(rest) < b' '
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Members of the types that can be read.
    #[derive(Debug, Default, PartialEq)]
    struct Members<'a> {
        text: Option<&'a str>,
        flag: Option<bool>,
        value: Option<&'a str>,
    }

    impl<'a> Scan<'a> for Members<'a> {
        fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
            match name {
                "text" => self.text = Some(scanner.text()?),
                "flag" => {
                    self.flag = Some(scanner.flag()?);
                    return Some(1);
                }
                "null" => {
                    scanner.null().then_some(())?;
                    return Some(2);
                }
                "value" => {
                    self.value = Some(scanner.value()?.map_or("absent", RawValue::get));
                    return Some(3);
                }
                _ => return scanner.other(),
            }
            Some(0)
        }
    }

    /// A type with a member that must be there.
    #[derive(Debug, Default)]
    struct Tagged;

    impl<'a> Scan<'a> for Tagged {
        const REQUIRED: u32 = 3;

        fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
            scanner.other().map(|other| if name == "tag" { Self::REQUIRED } else { other })
        }
    }

    fn read(json: &str) -> Option<Members<'_>> {
        let mut members = Members::default();
        Scanner::read(json, &mut members).map(|()| members)
    }

    #[test]
    fn members_are_read_in_any_order() {
        let json = r#"{"flag":true,"value":{"a":["}",1.5]},"text":"é 7","null":null}"#;
        let expected = Members { text: Some("é 7"), flag: Some(true), value: Some(r#"{"a":["}",1.5]}"#) };
        assert_eq!(read(json), Some(expected));
        assert_eq!(read("{}"), Some(Members { text: None, flag: None, value: None }));
        assert_eq!(read(r#"{"value":null}"#).unwrap().value, Some("absent"));
        assert_eq!(read(r#"{"value":12}"#).unwrap().value, Some("12"));
        assert_eq!(read(r#"{"x":1,"x":2,"value":3}"#).unwrap().value, Some("3"));
        let tagged = |json| Scanner::read(json, &mut Tagged).is_some();
        assert!(tagged(r#"{"a":1,"tag":2}"#) && !tagged(r#"{"a":1}"#) && !tagged("{}"));
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
            r#"{"null":null,"null":null}"#,
            r#"{"value":"\ud83d"}"#,
            r#"{"value":[ "\uDe00"]}"#,
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
        fn a_control_character_is_found_at_every_place(length in 1_usize..800, at in any::<prop::sample::Index>(), byte: u8) {
            let mut bytes = vec![b'a'; length];
            bytes[at.index(length)] = byte;
            prop_assert_eq!(has_control(&bytes), byte < 0x20);
        }
    }
}
