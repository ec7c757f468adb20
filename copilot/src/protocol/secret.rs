//! Text that must not show in logs.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// A token, a key, or the value of a variable that may hold one. It goes over the wire and never into `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

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

/// Members of a message that the program has written itself. Any of them may be a secret, so only the names show.
#[derive(Clone, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct RawMembers(BTreeMap<String, Value>);

impl RawMembers {
    pub(crate) fn insert(&mut self, member: String, value: Value) {
        self.0.insert(member, value);
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
