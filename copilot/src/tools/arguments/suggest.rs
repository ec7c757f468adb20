//! Suggestions for misspelled names.

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
}
