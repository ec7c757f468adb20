//! Strings of JSON with escapes, decoded into memory of their own size. Pure.
//!
//! serde_json collects such a string in a buffer that doubles, and copies it: up to three times its size.

/// Returns the text of a JSON string, which stands between quotation marks; `None` where it is not well-formed.
pub(super) fn unescaped(json: &str) -> Option<String> {
    let mut rest = json.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::with_capacity(rest.len());
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        text.push_str(&rest[..at]);
        let escape = *rest.as_bytes().get(at + 1)?;
        // The byte is ASCII in every escape, so the next one begins a character.
        let after = rest.get(at + 2..)?;
        let (character, after) = match escape {
            b'"' | b'\\' | b'/' => (char::from(escape), after),
            b'b' => ('\u{8}', after),
            b'f' => ('\u{c}', after),
            b'n' => ('\n', after),
            b'r' => ('\r', after),
            b't' => ('\t', after),
            b'u' => unicode(after)?,
            _ => return None,
        };
        text.push(character);
        rest = after;
    }
    text.push_str(rest);
    text.shrink_to_fit();
    Some(text)
}

/// Returns the character that four hexadecimal digits name, or two such groups that are the halves of a surrogate pair.
fn unicode(rest: &str) -> Option<(char, &str)> {
    let (high, rest) = unit(rest)?;
    if !(0xD800..0xDC00).contains(&high) {
        return Some((char::from_u32(high)?, rest));
    }
    let (low, rest) = unit(rest.strip_prefix("\\u")?)?;
    let low = low.checked_sub(0xDC00).filter(|low| *low < 0x400)?;
    Some((char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + low)?, rest))
}

fn unit(rest: &str) -> Option<(u32, &str)> {
    let digits = rest.get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    Some((u32::from_str_radix(digits, 16).ok()?, &rest[4..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_not_a_string_has_no_text() {
        let all = [
            "",
            "\"",
            "a",
            r#""\"#,
            r#""\""#,
            r#""\x""#,
            r#""\u12""#,
            r#""\u+123""#,
            r#""\ud83d""#,
            r#""\ud83d\n""#,
            r#""\ud83d\ud83d""#,
            r#""\ude00""#,
            r#""\é""#,
        ];
        for json in all {
            assert_eq!(unescaped(json), None, "{json}");
        }
        assert_eq!(unescaped(r#""\ud83D\uDE00\u00e9\/""#).as_deref(), Some("😀é/"));
    }

    proptest! {
        #[test]
        fn a_string_is_decoded_as_by_serde(
            parts in proptest::collection::vec(
                prop_oneof![
                    "(?s).{0,9}".prop_map(|text| serde_json::to_string(&text).unwrap()),
                    "[\\\\\"nu/dD8cCeE0]{0,9}".prop_map(|text| format!("\"{text}\"")),
                ],
                0..5,
            )
        ) {
            let inner: String = parts.iter().map(|part| &part[1..part.len() - 1]).collect();
            let json = format!("\"{inner}\"");
            if let Ok(text) = serde_json::from_str::<String>(&json) {
                prop_assert_eq!(unescaped(&json), Some(text));
            }
        }
    }
}
