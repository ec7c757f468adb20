//! Finds the end of a JSON value without white space, and checks the value by the grammar of JSON. Strings of the
//! text have no control characters, which `Scanner::read` and `Reader::new` check for the whole of it.

use super::scan::{Scanner, plain_length};

impl Scanner<'_> {
    /// Skips one value; `None` where it is invalid, has white space outside of strings, is nested deeper than 64 levels,
    /// or has an escape of a surrogate, which may be alone.
    pub(super) fn skip(&mut self) -> Option<()> {
        let mut open = Open::default();
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' => {
                    self.at += 1;
                    if self.byte(b'}').is_none() {
                        open.push(true)?;
                        self.skip_name()?;
                        continue;
                    }
                }
                b'[' => {
                    self.at += 1;
                    if self.byte(b']').is_none() {
                        open.push(false)?;
                        continue;
                    }
                }
                b't' => self.word("true").then_some(())?,
                b'f' => self.word("false").then_some(())?,
                b'n' => self.word("null").then_some(())?,
                _ => self.skip_number()?,
            }
            // A value has ended, and with it perhaps the containers around it.
            loop {
                let Some(is_object) = open.last() else { return Some(()) };
                match (self.peek()?, is_object) {
                    (b',', _) => {
                        self.at += 1;
                        if is_object {
                            self.skip_name()?;
                        }
                        break;
                    }
                    (b'}', true) | (b']', false) => {
                        self.at += 1;
                        open.pop();
                    }
                    _ => return None,
                }
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_name(&mut self) -> Option<()> {
        self.skip_string()?;
        self.byte(b':')
    }

    fn skip_string(&mut self) -> Option<()> {
        self.byte(b'"')?;
        let (bytes, mut at) = (self.text.as_bytes(), self.at);
        loop {
            at += plain_length(bytes.get(at..)?);
            match bytes.get(at)? {
                b'"' => {
                    self.at = at + 1;
                    return Some(());
                }
                // A backslash.
                _ => at = end_of_escape(bytes, at + 1)?,
            }
        }
    }

    pub(super) fn skip_number(&mut self) -> Option<()> {
        let _ = self.byte(b'-');
        if self.byte(b'0').is_none() {
            self.skip_digits()?;
        }
        if self.byte(b'.').is_some() {
            self.skip_digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.skip_digits()?;
        }
        Some(())
    }

    /// Skips at least one digit.
    fn skip_digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Returns the end of an escape, whose backslash is before `at`.
#[inline]
fn end_of_escape(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at)? {
        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(at + 1),
        b'u' => end_of_number(bytes, at + 1),
        _ => None,
    }
}

/// Returns the end of the four digits of an escape.
#[cold]
fn end_of_number(bytes: &[u8], at: usize) -> Option<usize> {
    let digits = bytes.get(at..at + 4)?;
    let is_surrogate = matches!(digits, [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]);
    (!is_surrogate && digits.iter().all(u8::is_ascii_hexdigit)).then_some(at + 4)
}

/// The containers that are open: one bit each, set for an object, the innermost one lowest.
#[derive(Default)]
struct Open {
    kinds: u64,
    depth: u32,
}

impl Open {
    fn push(&mut self, is_object: bool) -> Option<()> {
        self.kinds = self.kinds << 1 | u64::from(is_object);
        self.depth += 1;
        (self.depth <= u64::BITS).then_some(())
    }

    fn pop(&mut self) {
        self.kinds >>= 1;
        self.depth -= 1;
    }

    /// Returns whether the innermost container is an object; `None` without one.
    fn last(&self) -> Option<bool> {
        (self.depth > 0).then_some(self.kinds & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;
    use serde_json::Value;

    use super::*;

    /// The length of the value that the text begins with.
    fn skipped(text: &str) -> Option<usize> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.skip().map(|()| scanner.at)
    }

    /// The same by serde.
    fn decoded(text: &str) -> Option<usize> {
        let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
        values.next()?.ok()?;
        Some(values.byte_offset())
    }

    #[test]
    fn valid_values_are_skipped_to_their_end() {
        for json in [
            "0",
            "-0",
            "12.50",
            "1e9",
            "-1E+20",
            "1.5e-3",
            "true",
            "false",
            "null",
            "\"\"",
            r#""a\"\u00e9\ud7ff\uE000\/""#,
            "[]",
            "{}",
            r#"{"a":[1,{"b":null},"}"],"":0}"#,
            "[[[]],{}]",
        ] {
            assert_eq!(skipped(json), Some(json.len()), "{json}");
            assert_eq!(skipped(&format!("{json},")), Some(json.len()), "{json}");
        }
        // Half of a pair, perhaps.
        for json in [r#""\ud800""#, r#""\uDfFF""#, r#""\uD83D\uDE00""#] {
            assert_eq!((skipped(json), decoded(json)), (None, Some(json.len())), "{json}");
        }
        let nested = |depth| "[".repeat(depth) + "0" + &"]".repeat(depth);
        assert_eq!((skipped(&nested(64)), skipped(&nested(65))), (Some(129), None));
    }

    #[test]
    fn what_is_not_json_is_not_skipped() {
        for json in [
            "",
            "-",
            ".5",
            "1.",
            "1e",
            "t",
            "nul",
            "\"",
            r#""\x""#,
            r#""\u12g4""#,
            r#""\u123"#,
            "[",
            "[1",
            "[1,]",
            "[,]",
            "{",
            "{1:2}",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "[}",
            "{]",
            "[1}",
            "}",
            "'a'",
        ] {
            assert_eq!((skipped(json), decoded(json)), (None, None), "{json}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "(?s).{0,80}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map("(?s).{0,12}", inner, 0..6)
                    .prop_map(|members| members.into_iter().collect::<Value>()),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_is_skipped_as_serde_does_it(value in value(), at in any::<prop::sample::Index>(), byte in "[ -~]") {
            let text = value.to_string();
            prop_assert_eq!(skipped(&text), Some(text.len()));
            // With one character in another place, a value that is skipped is one that serde decodes.
            let at = at.index(text.len());
            if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
                let changed = [&text[..at], &byte, &text[at + 1..]].concat();
                if skipped(&changed) == Some(changed.len()) {
                    prop_assert_eq!(decoded(&changed), Some(changed.len()), "{}", changed);
                }
            }
        }
    }
}
