//! Collects the mistakes of a macro call, so that one compilation reports all of them.

use std::fmt::Display;

use proc_macro2::{Span, TokenStream};

/// The mistakes of one macro call.
#[derive(Default)]
pub(crate) struct Diagnostics(Option<syn::Error>);

impl Diagnostics {
    /// Adds a mistake at `span`.
    pub(crate) fn at(&mut self, span: Span, message: impl Display) {
        self.push(syn::Error::new(span, message));
    }

    /// Adds the error of a parser.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Returns the value, or adds the error and returns `None`.
    pub(crate) fn keep<T>(&mut self, result: syn::Result<T>) -> Option<T> {
        result.map_err(|error| self.push(error)).ok()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// One `compile_error!` for each mistake.
    pub(crate) fn into_compile_errors(self) -> TokenStream {
        self.0.map(|errors| errors.to_compile_error()).unwrap_or_default()
    }
}

/// Returns the candidate most similar to `name`: within a third of the letters, or one is a prefix of the other.
pub(crate) fn suggest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Shorter prefixes match too many candidates.
    const SHORTEST: usize = 3;
    let near = |distance: usize, candidate: &str| distance <= name.len().max(candidate.len()).div_ceil(3);
    let is_short = |candidate: &str| {
        name.len().min(candidate.len()) >= SHORTEST
            && (name.starts_with(candidate) || candidate.starts_with(name))
    };
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| near(*distance, candidate) || is_short(candidate))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The Levenshtein distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
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
    fn typos_and_long_forms_have_a_suggestion() {
        let known = ["default", "description", "max", "max_len", "min", "min_len", "pattern"];
        for (name, expected) in [
            ("defualt", Some("default")),
            ("minimum", Some("min")),
            ("maximum", Some("max")),
            ("max_length", Some("max_len")),
            ("desc", Some("description")),
            ("color", None),
        ] {
            assert_eq!(suggest(name, known), expected, "{name}");
        }
    }
}
