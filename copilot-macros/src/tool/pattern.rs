//! Mistakes in a regular expression that need no parser: brackets that are not closed. Pure.
//!
//! The rest is checked when a session starts. Each pattern that `regex-lite` accepts is accepted here.

/// Returns the mistake of a pattern; `None` if its brackets fit.
pub(super) fn mistake(pattern: &str) -> Option<&'static str> {
    let mut open = 0_u32;
    let mut rest = pattern.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            '\\' if rest.next().is_none() => return Some("it ends with a single `\\`"),
            '(' => {
                open += 1;
                let mut flags = rest.clone();
                let is_flag = |next: &char| next.is_ascii_alphabetic() || *next == '-';
                if flags.next() == Some('?') && flags.take_while(is_flag).any(|flag| flag == 'x') {
                    // Comments may have any bracket.
                    return None;
                }
            }
            ')' => match open.checked_sub(1) {
                Some(fewer) => open = fewer,
                None => return Some("a `)` closes nothing"),
            },
            '[' => {
                rest.next_if_eq(&'^');
                // There it is a character of the class.
                rest.next_if_eq(&']');
                loop {
                    match rest.next() {
                        None => return Some("a `[` is not closed"),
                        Some(']') => break,
                        Some('\\') => drop(rest.next()),
                        // As in `[[:alpha:]]`.
                        Some('[') if rest.peek() == Some(&':') => {
                            rest.by_ref().find(|next| *next == ']');
                        }
                        Some(_) => {}
                    }
                }
            }
            _ => {}
        }
    }
    (open > 0).then_some("a `(` is not closed")
}

#[cfg(test)]
mod tests {
    use super::mistake;

    #[test]
    fn brackets_must_fit() {
        for (pattern, expected) in [
            ("([", "a `[` is not closed"),
            ("[]", "a `[` is not closed"),
            ("[^]", "a `[` is not closed"),
            (r"[a\]", "a `[` is not closed"),
            ("(a", "a `(` is not closed"),
            ("a)", "a `)` closes nothing"),
            (r"a\", r"it ends with a single `\`"),
        ] {
            assert_eq!(mistake(pattern), Some(expected), "{pattern}");
        }
        for pattern in [
            "",
            "[A-Z]+-[0-9]+",
            r"\(\[",
            r"\\",
            "[]()a]",
            "[^](]",
            "[-(]",
            r"[\](]",
            "[[:alpha:](]",
            "(?P<year>[0-9]{4})(?:-(x))",
            "(?x) a # not closed (",
            "(?x-s: a # )\n)",
            "a]",
        ] {
            assert_eq!(mistake(pattern), None, "{pattern}");
        }
    }
}
