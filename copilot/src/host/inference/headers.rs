//! Headers of HTTP, as the CLI sends and receives them.

use std::collections::BTreeMap;
use std::fmt;

/// Headers by name, in lower case, each with one value or several. Credentials print as `<redacted>`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Headers(BTreeMap<String, Vec<String>>);

impl Headers {
    /// The first value of a header; its name may be in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase())?.first().map(String::as_str)
    }

    /// All headers, one item a value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| (name.as_str(), value.as_str())))
    }

    pub(crate) fn add(&mut self, name: &str, value: String) {
        self.0.entry(name.to_ascii_lowercase()).or_default().push(value);
    }

    pub(super) fn as_wire(&self) -> &BTreeMap<String, Vec<String>> {
        &self.0
    }
}

impl From<BTreeMap<String, Vec<String>>> for Headers {
    fn from(wire: BTreeMap<String, Vec<String>>) -> Self {
        let mut headers = Self::default();
        for (name, values) in wire {
            headers.0.entry(name.to_ascii_lowercase()).or_default().extend(values);
        }
        headers
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |name: &'_ str, value: &'_ str| {
            let secret = ["auth", "key", "token", "cookie", "secret", "credential", "signature"]
                .iter()
                .any(|word| name.contains(word));
            if secret { "<redacted>".to_owned() } else { value.to_owned() }
        };
        f.debug_map().entries(self.iter().map(|(name, value)| (name, shown(name, value)))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_no_case_and_credentials_do_not_show() {
        let mut headers = Headers::from(BTreeMap::from([
            ("Authorization".to_owned(), vec!["Bearer sk_1".to_owned()]),
            ("api-key".to_owned(), vec!["sk_2".to_owned()]),
            ("accept".to_owned(), vec!["text/html".to_owned()]),
        ]));
        headers.add("Set-Cookie", "sk_3".to_owned());
        assert_eq!(headers.get("AUTHORIZATION"), Some("Bearer sk_1"));
        assert_eq!(headers.iter().count(), 4);
        let shown = format!("{headers:?}");
        assert!(!shown.contains("sk_") && shown.contains("text/html"), "{shown}");
    }
}
