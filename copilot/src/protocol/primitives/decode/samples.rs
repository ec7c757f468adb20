//! Values with every member of a type, for the test of them all.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The name of the entry of a map.
pub(crate) const KEY: &str = "key";

/// A member of a type: its name, and how its sample is made. One without a name gives its members to the type.
pub(crate) type Member = (&'static str, fn(&mut BTreeSet<String>) -> Value);

/// Makes an object of the type of that name.
pub(crate) fn object(name: &str, members: &[Member], seen: &mut BTreeSet<String>) -> Value {
    if !name.is_empty() {
        seen.insert(name.to_owned());
    }
    let mut object = Map::new();
    for (name, sample) in members {
        let value = sample(seen);
        match value {
            Value::Object(inner) if name.is_empty() => object.extend(inner),
            value => drop(object.insert((*name).to_owned(), value)),
        }
    }
    object.into()
}
