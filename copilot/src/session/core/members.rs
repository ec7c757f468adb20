//! Members of the requests that open a session, by their names on the wire. Pure.
//!
//! Setters of the topics fill them; the session core sends them without a look at what they are.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};

use crate::error::Result;
use crate::protocol::encode::{self, Encode};

/// The value of one member.
trait Value: Any + fmt::Debug + Send + Encode {}

impl<T: Any + fmt::Debug + Send + Encode> Value for T {}

/// Flags are most of what is set, and take no memory beside their place.
#[derive(Clone)]
enum Entry {
    Flag(bool),
    Value(Arc<dyn Value>),
}

impl Entry {
    fn value(&self) -> &dyn Value {
        match self {
            Self::Flag(on) => on,
            Self::Value(value) => &**value,
        }
    }
}

/// Members in the order in which they were first set; a clone shares the values.
#[derive(Clone, Default)]
pub(crate) struct Members(Vec<(&'static str, Entry)>);

impl Members {
    /// Sets a member, in place of an earlier value.
    pub(crate) fn set<T>(&mut self, name: &'static str, value: T)
    where
        T: Serialize + fmt::Debug + Send + Sync + 'static,
    {
        let flag = (&value as &dyn Any).downcast_ref().copied();
        let entry = match flag {
            Some(on) => Entry::Flag(on),
            None => Entry::Value(Arc::new(value)),
        };
        self.set_entry(name, entry);
    }

    fn set_entry(&mut self, name: &'static str, entry: Entry) {
        match self.0.iter_mut().find(|(set, _)| *set == name) {
            Some((_, earlier)) => *earlier = entry,
            None => self.0.push((name, entry)),
        }
    }

    fn entry(&self, name: &str) -> Option<&dyn Any> {
        let (_, entry) = self.0.iter().find(|(set, _)| *set == name)?;
        Some(entry.value())
    }

    /// Sets a member unless it is set.
    pub(crate) fn set_default<T>(&mut self, name: &'static str, value: T)
    where
        T: Serialize + fmt::Debug + Send + Sync + 'static,
    {
        if !self.has(name) {
            self.set(name, value);
        }
    }

    /// Sets a member, or removes it where there is no value.
    pub(crate) fn set_or_remove<T>(&mut self, name: &'static str, value: Option<T>)
    where
        T: Serialize + fmt::Debug + Send + Sync + 'static,
    {
        match value {
            Some(value) => self.set(name, value),
            None => self.remove(name),
        }
    }

    /// Changes a member, beginning with the default where it is not set.
    pub(crate) fn update<T>(&mut self, name: &'static str, change: impl FnOnce(&mut T))
    where
        T: Clone + Default + Serialize + fmt::Debug + Send + Sync + 'static,
    {
        let mut value = self.get::<T>(name).cloned().unwrap_or_default();
        change(&mut value);
        self.set(name, value);
    }

    /// Changes a member where it is set.
    pub(crate) fn change<T>(
        &mut self,
        name: &'static str,
        change: impl FnOnce(&mut T) -> Result<()>,
    ) -> Result<()>
    where
        T: Clone + Serialize + fmt::Debug + Send + Sync + 'static,
    {
        let Some(mut value) = self.get::<T>(name).cloned() else { return Ok(()) };
        change(&mut value)?;
        self.set(name, value);
        Ok(())
    }

    /// Sets all members of `other`, in place of earlier values.
    pub(crate) fn merge(&mut self, other: Self) {
        for (name, entry) in other.0 {
            self.set_entry(name, entry);
        }
    }

    /// Removes a member.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|(set, _)| *set != name);
    }

    /// Whether a member is set.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(set, _)| *set == name)
    }

    /// The value of a member; `None` where it is not set, or set to a value of another type.
    pub(crate) fn get<T: 'static>(&self, name: &str) -> Option<&T> {
        self.entry(name)?.downcast_ref()
    }

    /// The names of the members that are set.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, entry)| (name, entry.value()))).finish()
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, entry) in &self.0 {
            match entry {
                Entry::Flag(on) => map.serialize_entry(name, on)?,
                Entry::Value(value) => {
                    let value = encode::raw(&**value);
                    let value = value.map_err(|error| S::Error::custom(format!("{name}: {error}")))?;
                    map.serialize_entry(name, &value)?;
                }
            }
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_set_changed_and_removed_by_name() {
        let mut members = Members::default();
        members.set("model", "a".to_owned());
        members.set("streaming", true);
        members.set("model", "b".to_owned());
        members.set_default("streaming", false);
        members.update("tools", |tools: &mut Vec<String>| tools.push("x".to_owned()));
        members.update("tools", |tools: &mut Vec<String>| tools.push("y".to_owned()));
        assert_eq!(
            serde_json::to_value(&members).unwrap(),
            json!({"model": "b", "streaming": true, "tools": ["x", "y"]})
        );
        assert_eq!(members.get::<bool>("streaming"), Some(&true));
        assert_eq!(members.get::<bool>("model"), None);
        members.set_or_remove::<bool>("streaming", None);
        assert!(!members.has("streaming") && members.has("model"));
        assert_eq!(members.names().collect::<Vec<_>>(), ["model", "tools"]);
    }
}
