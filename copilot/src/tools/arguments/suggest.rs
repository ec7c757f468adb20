//! Names that are misspelled, or written in another case style. Pure.

/// Returns the candidate most similar to `name`, if at most a third of the letters differ.
pub(crate) fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    candidates
        .into_iter()
        .map(|candidate| (distance(&folded, &fold(candidate)), candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| *distance <= name.len().max(candidate.len()).div_ceil(3))
        .map(|(_, candidate)| candidate)
}

/// Returns the only candidate that differs from `name` in nothing but its case style: `maxDays`, `MAX_DAYS`, `max-days`
/// and `MaxDays` are styles of `max_days`.
pub(crate) fn restyled<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = unstyled(name);
    let mut same = candidates.into_iter().filter(|candidate| unstyled(candidate) == plain);
    match (same.next(), same.next()) {
        (Some(only), None) if !plain.is_empty() => Some(only),
        _ => None,
    }
}

/// Removes the case style: the case, and separators between words. Other characters have a meaning, as in `c++`, and so
/// has a separator between digits, as in `1-2`.
fn unstyled(name: &str) -> String {
    let mut plain = String::new();
    let mut chars = name.chars().peekable();
    let mut previous = None;
    while let Some(character) = chars.next() {
        if matches!(character, '_' | '-' | ' ')
            && let (Some(before), Some(&after)) = (previous, chars.peek())
            && char::is_alphanumeric(before)
            && after.is_alphanumeric()
            && !(before.is_numeric() && after.is_numeric())
        {
            previous = None;
            continue;
        }
        plain.extend(character.to_lowercase());
        previous = Some(character);
    }
    plain
}

/// Removes case and separators, which models often change: `maxDays`, `max-days` and `max_days` are equal.
fn fold(name: &str) -> Vec<char> {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The Levenshtein distance.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_case_and_separators_have_a_suggestion() {
        let known = ["city", "max_days", "unit"];
        for (name, expected) in [
            ("citty", Some("city")),
            ("maxDays", Some("max_days")),
            ("unti", Some("unit")),
            ("weather", None),
        ] {
            assert_eq!(suggest(name, known), expected, "{name}");
        }
    }

    #[test]
    fn a_case_style_is_recognized_and_other_differences_are_not() {
        let known =
            ["max_days", "include_archived", "level2", "c", "1-2", "-x", "kebab-name", "SHOUT", "élan"];
        for (name, expected) in [
            ("maxDays", Some("max_days")),
            ("MaxDays", Some("max_days")),
            ("MAX_DAYS", Some("max_days")),
            ("max-days", Some("max_days")),
            ("max days", Some("max_days")),
            ("maxdays", Some("max_days")),
            ("includeArchived", Some("include_archived")),
            ("LEVEL_2", Some("level2")),
            ("kebabName", Some("kebab-name")),
            ("shout", Some("SHOUT")),
            ("ÉLAN", Some("élan")),
            ("c++", None),
            ("12", None),
            ("x", None),
            ("max__days", None),
            ("_max_days", None),
            ("", None),
        ] {
            assert_eq!(restyled(name, known), expected, "{name}");
        }
        assert_eq!(restyled("MaxDays", ["max_days", "maxDays"]), None, "two names fit");
    }
}
