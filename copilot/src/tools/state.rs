//! State: values that the program gives to its tools, one per type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::contain::UserValue;

/// A value of the program, handed to a tool: write `State<T>` as the type of a parameter, and give the value to the
/// session's builder with `.state(value)`; with `.shared_state(value)` if it is in an `Arc` because the program keeps it
/// too.
///
/// Derefs to `T`, and clones cheaply.
pub struct State<T>(Arc<T>);

impl<T> State<T> {
    /// Wraps a value, so that a tool can be called as the plain function that it is.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }

    pub(crate) fn from_arc(value: Arc<T>) -> Self {
        Self(value)
    }

    /// The shared value itself.
    pub fn into_arc(self) -> Arc<T> {
        self.0
    }
}

impl<T> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> From<Arc<T>> for State<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T: fmt::Debug> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(&self.0).finish()
    }
}

/// The states of a session, by type.
#[derive(Default)]
pub(crate) struct StateMap(HashMap<TypeId, Entry>);

struct Entry {
    type_name: &'static str,
    value: Slot,
}

type Shared = Arc<dyn Any + Send + Sync>;

enum Slot {
    Ready(UserValue<Shared>),
    /// Made when the first tool asks for it.
    Lazy(Lazy),
}

/// A value that is made once. Nothing but those who want this very value waits while it is made.
struct Lazy {
    made: OnceLock<UserValue<Shared>>,
    make: Mutex<Option<UserValue<Make>>>,
}

type Make = Box<dyn FnOnce() -> Shared + Send>;

impl Lazy {
    fn get(&self, type_name: &str) -> &Shared {
        self.made.get_or_init(|| {
            let make = self.make.lock().unwrap_or_else(PoisonError::into_inner).take();
            let make =
                make.unwrap_or_else(|| panic!("the closure that makes the state `{type_name}` panicked"));
            UserValue::new(make.into_inner()())
        })
    }
}

impl Entry {
    fn get(&self) -> &Shared {
        match &self.value {
            Slot::Ready(value) => value,
            Slot::Lazy(lazy) => lazy.get(self.type_name),
        }
    }
}

impl StateMap {
    /// Keeps `value` for parameters of type `State<T>`; the last value of a type wins.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.insert_shared(Arc::new(value));
    }

    /// As [`insert`](Self::insert), for a value that the program shares already.
    pub(crate) fn insert_shared<T: Send + Sync + 'static>(&mut self, value: Arc<T>) {
        self.0.insert(
            TypeId::of::<T>(),
            Entry { type_name: type_name::<T>(), value: Slot::Ready(UserValue::new(value)) },
        );
    }

    /// As [`insert`](Self::insert), for a value that is made when the first tool asks for it.
    pub(crate) fn insert_lazy<T: Send + Sync + 'static>(
        &mut self,
        make: impl FnOnce() -> T + Send + 'static,
    ) {
        let make: Make = Box::new(move || Arc::new(make()));
        let make = Mutex::new(Some(UserValue::new(make)));
        let value = Slot::Lazy(Lazy { made: OnceLock::new(), make });
        self.0.insert(TypeId::of::<T>(), Entry { type_name: type_name::<T>(), value });
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<State<T>> {
        let entry = self.0.get(&TypeId::of::<T>())?;
        Arc::clone(entry.get()).downcast().ok().map(State)
    }

    /// Whether there is such a value that is still to be made.
    pub(crate) fn is_unbuilt(&self, need: &Need) -> bool {
        let entry = self.0.get(&need.type_id);
        entry.is_some_and(|entry| matches!(&entry.value, Slot::Lazy(lazy) if lazy.made.get().is_none()))
    }

    /// Makes it, if it is still to be made. Blocks for as long as that takes.
    pub(crate) fn build(&self, need: &Need) {
        if let Some(entry) = self.0.get(&need.type_id) {
            entry.get();
        }
    }

    pub(crate) fn contains(&self, need: &Need) -> bool {
        self.0.contains_key(&need.type_id)
    }
}

impl fmt::Debug for StateMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.values().map(|entry| entry.type_name)).finish()
    }
}

/// What a [`FromCall`](crate::FromCall) type declares that it needs.
#[derive(Debug, Default)]
pub struct Needs(pub(crate) Vec<Need>);

impl Needs {
    /// Declares that the state of type `T` is needed: a session without it does not start.
    pub fn state<T: Send + Sync + 'static>(&mut self) {
        self.0.push(Need::of::<T>());
    }
}

/// A state that a tool cannot run without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
}

impl Need {
    pub(crate) fn of<T: 'static>() -> Self {
        Self { type_id: TypeId::of::<T>(), type_name: type_name::<T>() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_has_its_own_value() {
        let mut states = StateMap::default();
        states.insert(7_u8);
        states.insert_shared(Arc::new(String::from("seven")));
        assert_eq!(states.get::<u8>().map(|state| *state), Some(7));
        assert_eq!(states.get::<String>().map(|state| state.len()), Some(5));
        assert!(states.get::<u16>().is_none());
        assert!(!states.contains(&Need::of::<u16>()));
        states.insert_lazy(|| 16_u16);
        assert!(states.contains(&Need::of::<u16>()));
        assert_eq!(states.get::<u16>().map(|state| *state), Some(16));
    }
}
