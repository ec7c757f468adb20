//! Small sorted collections of this crate. Pure.
//!
//! The code of a [`BTreeMap`](std::collections::BTreeMap) is compiled for each type of value, and is some ten times as
//! long. Maps that are a part of the public interface are `BTreeMap`s nevertheless, and those that grow large by single
//! insertions.

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

/// A map by name in a vector, for a few entries, or for entries that are inserted in their order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SortedMap<V>(Vec<(String, V)>);

impl<V> SortedMap<V> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes a map of entries in any order, also of many. Of those with one name, the last one counts.
    pub(crate) fn of(mut entries: Vec<(String, V)>) -> Self {
        if !entries.is_sorted_by(|(one, _), (next, _)| one < next) {
            // Stable, so the last one of a name stays the last one.
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            entries.reverse();
            entries.dedup_by(|(later, _), (kept, _)| later == kept);
            entries.reverse();
        }
        Self(entries)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns where the entry of a name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        match self.0.last() {
            // Entries often come in their order.
            Some((last, _)) if last.as_str() < name => Err(self.0.len()),
            _ => self.0.binary_search_by(|(own, _)| own.as_str().cmp(name)),
        }
    }

    pub(crate) fn contains_key(&self, name: &str) -> bool {
        self.place(name).is_ok()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.place(name).ok().map(|at| &self.0[at].1)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.place(name).ok().map(|at| &mut self.0[at].1)
    }

    /// Inserts a value, and returns the earlier one of its name.
    pub(crate) fn insert(&mut self, name: String, value: V) -> Option<V> {
        match self.place(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.0[at].1, value)),
            Err(at) => {
                self.0.insert(at, (name, value));
                None
            }
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<V> {
        self.place(name).ok().map(|at| self.0.remove(at).1)
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&String, &V) -> bool) {
        self.0.retain(|(name, value)| keep(name, value));
    }

    pub(crate) fn entries(&self) -> &[(String, V)] {
        &self.0
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&String, &V)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&String, &mut V)> {
        self.0.iter_mut().map(|(name, value)| (&*name, value))
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &String> {
        self.0.iter().map(|(name, _)| name)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.0.iter().map(|(_, value)| value)
    }
}

impl<V> Default for SortedMap<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Serialize> Serialize for SortedMap<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<V> IntoIterator for SortedMap<V> {
    type Item = (String, V);
    type IntoIter = std::vec::IntoIter<(String, V)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// Returns texts in order, each one once.
pub(crate) fn sorted<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut texts: Vec<&str> = texts.into_iter().collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Makes a JSON object. Unlike `collect`, without a sort that is compiled for each iterator.
pub(crate) fn object(members: impl IntoIterator<Item = (String, Value)>) -> Map<String, Value> {
    let mut object = Map::new();
    object.extend(members);
    object
}

/// Returns the members of a JSON object in the order of their names, whatever the features of serde_json are.
pub(crate) fn members(object: &Map<String, Value>) -> Vec<(&str, &Value)> {
    let mut members: Vec<_> = object.iter().map(|(name, value)| (name.as_str(), value)).collect();
    members.sort_unstable_by_key(|(name, _)| *name);
    members
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_sorted_map_is_a_map(
            first in prop::collection::vec(("[a-d]{0,2}", any::<u8>()), 0..12),
            then in prop::collection::vec(("[a-d]{0,2}", any::<Option<u8>>()), 0..24),
        ) {
            let mut expected: BTreeMap<String, u8> = first.iter().cloned().collect();
            let mut map = SortedMap::of(first);
            for (name, value) in then {
                prop_assert_eq!(map.contains_key(&name), expected.contains_key(&name));
                match value {
                    Some(value) => prop_assert_eq!(map.insert(name.clone(), value), expected.insert(name, value)),
                    None => prop_assert_eq!(map.remove(&name), expected.remove(&name)),
                }
            }
            prop_assert!(map.iter().eq(expected.iter()) && map.keys().eq(expected.keys()));
            prop_assert_eq!((map.len(), map.is_empty()), (expected.len(), expected.is_empty()));
            for (name, value) in map.iter_mut() {
                *value = value.wrapping_add(name.len() as u8);
            }
            for (name, value) in &mut expected {
                *value = value.wrapping_add(name.len() as u8);
                prop_assert_eq!(map.get(name), Some(&*value));
                prop_assert_eq!(map.get_mut(name), Some(value));
            }
            map.retain(|name, value| value % 2 == 0 || name.len() == 1);
            expected.retain(|name, value| *value % 2 == 0 || name.len() == 1);
            prop_assert!(map.values().eq(expected.values()));
            prop_assert_eq!(map.into_iter().collect::<BTreeMap<_, _>>(), expected);
        }
    }

    #[test]
    fn texts_and_members_are_sorted() {
        assert_eq!(sorted(["b", "a", "b"]), ["a", "b"]);
        let object =
            object([("b".to_owned(), 1.into()), ("a".to_owned(), 2.into()), ("b".to_owned(), 3.into())]);
        assert_eq!(members(&object), [("a", &2.into()), ("b", &3.into())]);
    }
}
