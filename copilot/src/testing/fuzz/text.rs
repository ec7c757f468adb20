//! Text for generated arguments: hostile text, samples of formats, and text that matches a pattern.

use fastrand::Rng;
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Text that programs handle wrongly: empty, invisible and combining characters, both directions, control characters,
/// and the syntax of other languages.
const HOSTILE: &[&str] = &[
    "",
    " ",
    "\0",
    "\n",
    "\u{feff}",
    "\u{202e}evil",
    "שלום",
    "e\u{301}\u{301}\u{301}",
    "👩\u{200d}👩\u{200d}👧",
    "ß",
    "İ",
    "\u{ffff}",
    "\u{10ffff}",
    "null",
    "true",
    "0",
    "-1",
    "NaN",
    "1e999",
    "../../etc/passwd",
    "C:\\",
    "--help",
    "'; DROP TABLE users; --",
    "$(id)",
    "%s%n",
    "{}",
    "{\"a\":",
    "\\",
    "\"",
    "<script>",
    "a\r\nb",
    "**",
    "\u{1b}[31m",
];

/// Characters of one to four bytes.
const CHARACTERS: &[char] =
    &['a', 'b', 'Z', '0', '9', ' ', '_', '-', '.', '/', '\n', '"', 'é', 'ي', '漢', '🦀', '\u{301}'];

/// The greatest length of text without an upper limit.
const LONG: usize = 5_000;

/// The number of repetitions beyond the least one, where a pattern sets no limit.
const REPETITIONS: u32 = 3;

/// Samples of the formats, the simplest first.
const FORMATS: &[(&[&str], &[&str])] = &[
    (&["date"], &["2026-01-31", "2000-02-29", "1970-01-01", "1900-12-31"]),
    (
        &["date-time"],
        &[
            "2026-01-31T10:00:00Z",
            "2000-02-29T23:59:59+14:00",
            "1970-01-01T00:00:00.000001Z",
            "1999-12-31T23:59:59-09:30",
        ],
    ),
    (&["partial-date-time"], &["2026-01-31T10:00:00", "2000-02-29T23:59:59.5"]),
    (&["zoned-date-time"], &["2026-01-31T10:00:00+01:00[Europe/Oslo]"]),
    (&["time"], &["10:00:00Z", "23:59:59.999Z"]),
    (&["partial-time"], &["10:00:00", "23:59:59.999"]),
    (&["duration"], &["PT1H", "PT0S", "P1DT2H3M4S"]),
    (&["email", "idn-email"], &["a@example.com", "first.last+tag@sub.example.com"]),
    (&["hostname", "idn-hostname"], &["a.example", "xn--bcher-kva.example"]),
    (&["ip", "ipv4"], &["192.0.2.1", "0.0.0.0", "255.255.255.255"]),
    (&["ip", "ipv6"], &["::1", "::", "2001:db8::1", "::ffff:192.0.2.1"]),
    (
        &["uri", "iri", "uri-reference", "iri-reference"],
        &["https://a.example/", "http://user@a.example:65535/p?q=%20#f", "urn:a:b", "file:///"],
    ),
    (&["uri-reference", "iri-reference"], &["../a", ""]),
    (&["uri-template"], &["/a/{b}"]),
    (&["uuid"], &["67e55044-10b1-426f-9247-bb680e5fe0c8", "00000000-0000-0000-0000-000000000000"]),
    (&["regex"], &["a", "^a+$", ""]),
    (&["json-pointer"], &["/a/0", ""]),
    (&["relative-json-pointer"], &["0"]),
    (&["char"], &["a", "0", "\0", "漢", "\u{10ffff}"]),
];

/// Returns samples of a format; none for an unknown format.
pub(super) fn samples(format: &str) -> Vec<&'static str> {
    let of_format = FORMATS.iter().filter(|(names, _)| names.contains(&format));
    of_format.flat_map(|(_, samples)| samples.iter().copied()).collect()
}

/// Returns the simpler samples of the formats of a text; `None` if the text is not a sample.
pub(super) fn simpler_samples(text: &str) -> Option<&'static [&'static str]> {
    // Short samples are ordinary text too.
    let (_, samples) = FORMATS.iter().find(|(_, samples)| text.len() > 3 && samples.contains(&text))?;
    let index = samples.iter().position(|sample| *sample == text)?;
    Some(&samples[..index])
}

/// Makes text with a length between two limits, in characters.
pub(super) fn any(rng: &mut Rng, least: usize, most: Option<usize>) -> String {
    let most = most.unwrap_or(usize::MAX);
    let fits = |text: &&&str| (least..=most).contains(&text.chars().count());
    let hostile: Vec<&str> = HOSTILE.iter().filter(fits).copied().collect();
    if !hostile.is_empty() && rng.u8(..3) == 0 {
        return hostile[rng.usize(..hostile.len())].to_owned();
    }
    let length = match rng.u8(..16) {
        0 => most.min(least.max(LONG)),
        1 => least,
        2 if most < LONG => most,
        _ => rng.usize(least..=most.min(least.saturating_add(12))),
    };
    if rng.u8(..8) == 0 {
        let character = CHARACTERS[rng.usize(..CHARACTERS.len())];
        return std::iter::repeat_n(character, length).collect();
    }
    (0..length).map(|_| CHARACTERS[rng.usize(..CHARACTERS.len())]).collect()
}

/// Makes text that matches a regular expression; `None` if it is not understood. Anchors and word boundaries are
/// ignored, so the caller checks the text.
pub(super) fn matching(rng: &mut Rng, pattern: &str) -> Option<String> {
    let hir = ParserBuilder::new().unicode(true).build().parse(pattern).ok()?;
    let mut text = String::new();
    write(rng, &hir, &mut text).then_some(text)
}

fn write(rng: &mut Rng, hir: &Hir, text: &mut String) -> bool {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => true,
        HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
            Ok(literal) => {
                text.push_str(literal);
                true
            }
            Err(_) => false,
        },
        HirKind::Class(class) => match character(rng, class) {
            Some(character) => {
                text.push(character);
                true
            }
            None => false,
        },
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(repetition.min.saturating_add(REPETITIONS));
            let most = most.min(repetition.min.saturating_add(LONG as u32));
            (0..rng.u32(repetition.min..=most)).all(|_| write(rng, &repetition.sub, text))
        }
        HirKind::Capture(capture) => write(rng, &capture.sub, text),
        HirKind::Concat(parts) => parts.iter().all(|part| write(rng, part, text)),
        HirKind::Alternation(parts) => {
            let part = &parts[rng.usize(..parts.len())];
            write(rng, part, text)
        }
    }
}

/// Picks a character of a class, mostly one of ASCII.
fn character(rng: &mut Rng, class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    };
    let printable = |&(start, end): &(char, char)| {
        (start.max(' ') <= end.min('~')).then(|| (start.max(' '), end.min('~')))
    };
    let ascii: Vec<(char, char)> = ranges.iter().filter_map(printable).collect();
    let from = if ascii.is_empty() || rng.u8(..40) == 0 { &ranges } else { &ascii };
    let (start, end) = *from.get(rng.usize(..from.len().max(1)))?;
    Some(rng.char(start..=end))
}

#[cfg(test)]
mod tests {
    use regex_lite::Regex;

    use super::*;

    #[test]
    fn text_matches_its_pattern() {
        let mut rng = Rng::with_seed(1);
        for pattern in ["^[a-z]{2,4}-\\d+$", "^(red|green)?$", "^\\w+@\\w+\\.com$", "^[^/]{3}$", "a.c"] {
            let regex = Regex::new(pattern).unwrap();
            let all: Vec<String> = (0..50).filter_map(|_| matching(&mut rng, pattern)).collect();
            let fitting = all.iter().filter(|text| regex.is_match(text)).count();
            // `\d` of the parser has digits of other scripts.
            assert!(all.len() == 50 && fitting >= 30, "{pattern} {all:?}");
        }
        assert_eq!(matching(&mut rng, "("), None);
    }

    #[test]
    fn lengths_are_in_characters_and_within_the_limits() {
        let mut rng = Rng::with_seed(2);
        for (least, most) in [(0, Some(0)), (1, Some(1)), (3, Some(5)), (2, None)] {
            let lengths: Vec<usize> = (0..200).map(|_| any(&mut rng, least, most).chars().count()).collect();
            assert!(lengths.iter().all(|length| (least..=most.unwrap_or(LONG)).contains(length)));
            assert!(lengths.contains(&least) && lengths.contains(&most.unwrap_or(LONG)), "{lengths:?}");
        }
    }

    #[test]
    fn samples_have_a_simplest_one() {
        assert_eq!(samples("ip").len(), 7);
        assert!(samples("colour").is_empty());
        assert_eq!(simpler_samples("2000-02-29"), Some(&["2026-01-31"][..]));
        assert_eq!(simpler_samples("x"), None);
    }
}
