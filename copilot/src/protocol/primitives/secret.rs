//! Text that must not show in logs.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A token, a key, or the value of a variable that may hold one; it prints as `<redacted>` and is serialized as its
/// text. A string converts into a secret.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Into<String>> From<S> for Secret {
    fn from(text: S) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A URL, or what a program gives for one. It goes over the wire whole; `Debug` shows neither its user information nor
/// its query and fragment, which may hold secrets.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Url(String);

impl Url {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl<S: Into<String>> From<S> for Url {
    fn from(text: S) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&redacted(&self.0), f)
    }
}

/// A URL without what may be a secret in it: its user information, its query and its fragment. Text that is not a URL
/// is treated as one without a scheme.
pub(crate) fn redacted(url: &str) -> Cow<'_, str> {
    const INSTEAD: &str = "<redacted>";
    let start = url.find("://").map_or(0, |at| at + "://".len());
    let end = url[start..].find(['?', '#']).map_or(url.len(), |at| start + at);
    // A password may hold any character that the program forgot to encode, so the last `@` is the one that counts.
    let host = url[start..end].rfind('@').map_or(start, |at| start + at);
    if host == start && end == url.len() {
        return Cow::Borrowed(url);
    }
    let (scheme, rest) = (&url[..start], &url[host..end]);
    let user = if host > start { INSTEAD } else { "" };
    let query = match url[end..].chars().next() {
        Some(mark) => format!("{mark}{INSTEAD}"),
        None => String::new(),
    };
    Cow::Owned(format!("{scheme}{user}{rest}{query}"))
}

/// Members of a message that the program has written itself. Any of them may be a secret, so only the names show.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct RawMembers(BTreeMap<String, Value>);

impl RawMembers {
    pub(crate) fn insert(&mut self, member: String, value: Value) {
        self.0.insert(member, value);
    }

    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.keys()
    }
}

impl fmt::Debug for RawMembers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.keys().map(|member| (member, format_args!("<redacted>")))).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_shows_its_scheme_host_and_path_only() {
        for (url, shown) in [
            ("https://host/v1", "https://host/v1"),
            ("https://user:hunter2@host:80/v1", "https://<redacted>@host:80/v1"),
            ("https://hunter2@host", "https://<redacted>@host"),
            ("https://user:hunter2/p@hunter2@host/v1", "https://<redacted>@host/v1"),
            ("https://host/v1?key=hunter2", "https://host/v1?<redacted>"),
            ("https://host?key=hunter2#hunter2", "https://host?<redacted>"),
            ("https://host/#hunter2", "https://host/#<redacted>"),
            ("hunter2@host:80", "<redacted>@host:80"),
            ("host:80?hunter2@x", "host:80?<redacted>"),
            ("4321", "4321"),
            ("", ""),
        ] {
            assert_eq!(redacted(url), shown);
            assert_eq!(format!("{:?}", Url::from(url)), format!("{shown:?}"));
            assert_eq!(serde_json::to_value(Url::from(url)).unwrap(), url);
        }
    }
}
