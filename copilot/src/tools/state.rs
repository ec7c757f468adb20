//! State: values that the program provides to its tools, one per type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};

use crate::contain::UserValue;
use crate::task::lock;

/// A value of the program that is injected into a tool: a parameter of type `State<T>` receives the value that the
/// session's builder sets with `.state(value)`, or with `.shared_state(value)` for a value in an `Arc`.
///
/// Dereferences to `T`. Clones are cheap and share the value.
///
/// # Trait objects
///
/// `T` may be a trait object, so that a test can replace the value. `.shared_state::<dyn Trait>(Arc::new(value))` sets
/// it; the type parameter names the trait, because otherwise the state has the type of the value. The trait requires
/// `Send + Sync`.
///
/// ```
/// use std::sync::Arc;
///
/// use copilot::{Session, State};
///
/// trait Database: Send + Sync {
///     fn owner(&self, id: u32) -> Option<String>;
/// }
///
/// /// Return the owner of an account.
/// #[copilot::tool(read_only)]
/// fn owner(
///     /// Number of the account.
///     id: u32,
///     database: State<dyn Database>,
/// ) -> Option<String> {
///     database.owner(id)
/// }
///
/// struct Postgres;
/// # impl Database for Postgres { fn owner(&self, _: u32) -> Option<String> { None } }
/// let builder = Session::builder().with_tools([owner::TOOL]).shared_state::<dyn Database>(Arc::new(Postgres));
/// # drop(builder);
///
/// # #[cfg(feature = "testing")]
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// struct Fake;
/// impl Database for Fake {
///     fn owner(&self, id: u32) -> Option<String> {
///         (id == 7).then(|| "Ada".to_owned())
///     }
/// }
/// let call = copilot::testing::call(owner::TOOL, serde_json::json!({ "id": 7 }));
/// assert_eq!(call.shared_state::<dyn Database>(Arc::new(Fake)).await.text(), "Ada");
/// # }
/// # #[cfg(not(feature = "testing"))] fn main() {}
/// ```
pub struct State<T: ?Sized>(Arc<T>);

impl<T> State<T> {
    /// Wraps a value, for direct calls of the function of a tool. A trait object is `State::from(arc)`.
    pub fn new(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T: ?Sized> State<T> {
    pub(crate) fn from_arc(value: Arc<T>) -> Self {
        Self(value)
    }

    /// Returns the shared value.
    pub fn into_arc(self) -> Arc<T> {
        self.0
    }
}

impl<T: ?Sized> Deref for State<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> Clone for State<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: ?Sized> From<Arc<T>> for State<T> {
    fn from(value: Arc<T>) -> Self {
        Self(value)
    }
}

impl<T: fmt::Debug + ?Sized> fmt::Debug for State<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("State").field(&self.0).finish()
    }
}

/// The states of a session, by type.
#[derive(Clone, Default)]
pub(crate) struct StateMap(HashMap<TypeId, Entry>);

impl StateMap {
    /// Returns the map for sharing; maps without a state share one.
    pub(crate) fn shared(self) -> Arc<Self> {
        static EMPTY: LazyLock<Arc<StateMap>> = LazyLock::new(Arc::default);
        if self.0.is_empty() { Arc::clone(&EMPTY) } else { Arc::new(self) }
    }
}

#[derive(Clone)]
struct Entry {
    type_name: &'static str,
    /// Shared by the copies of the map, so that a lazy value is built once.
    value: Arc<EntryValue>,
}

/// An `Arc<T>`, where `T` may be a trait object.
type AnyArc = Box<dyn Any + Send + Sync>;

enum EntryValue {
    Ready(UserValue<AnyArc>),
    /// Built when the first tool needs it.
    Lazy(LazyValue),
}

/// A value that is built once. While it is built, only threads that need this value wait.
struct LazyValue {
    built: OnceLock<UserValue<AnyArc>>,
    build: Mutex<Option<UserValue<Build>>>,
}

type Build = Box<dyn FnOnce() -> AnyArc + Send>;

impl LazyValue {
    fn get(&self, type_name: &str) -> &AnyArc {
        self.built.get_or_init(|| {
            let build = lock(&self.build).take();
            let build =
                build.unwrap_or_else(|| panic!("the closure that builds the state `{type_name}` panicked"));
            UserValue::new(build.into_inner()())
        })
    }
}

impl Entry {
    fn get(&self) -> &AnyArc {
        match &*self.value {
            EntryValue::Ready(value) => value,
            EntryValue::Lazy(lazy) => lazy.get(self.type_name),
        }
    }
}

impl StateMap {
    /// Adds a value for parameters of type `State<T>`. Replaces an earlier value of the type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) {
        self.insert_shared(Arc::new(value));
    }

    /// As [`insert`](Self::insert), for a shared value.
    pub(crate) fn insert_shared<T: Send + Sync + ?Sized + 'static>(&mut self, value: Arc<T>) {
        let value = Arc::new(EntryValue::Ready(UserValue::new(Box::new(value))));
        self.0.insert(TypeId::of::<T>(), Entry { type_name: type_name::<T>(), value });
    }

    /// As [`insert`](Self::insert), for a value that is built when the first tool needs it.
    pub(crate) fn insert_lazy<T: Send + Sync + 'static>(
        &mut self,
        build: impl FnOnce() -> T + Send + 'static,
    ) {
        let build: Build = Box::new(move || Box::new(Arc::new(build())));
        let build = Mutex::new(Some(UserValue::new(build)));
        let value = Arc::new(EntryValue::Lazy(LazyValue { built: OnceLock::new(), build }));
        self.0.insert(TypeId::of::<T>(), Entry { type_name: type_name::<T>(), value });
    }

    pub(crate) fn get<T: Send + Sync + ?Sized + 'static>(&self) -> Option<State<T>> {
        let entry = self.0.get(&TypeId::of::<T>())?;
        entry.get().downcast_ref().cloned().map(State)
    }

    /// Returns whether the value is lazy and not built yet.
    pub(crate) fn is_unbuilt(&self, need: &Need) -> bool {
        let entry = self.0.get(&need.type_id);
        entry.is_some_and(
            |entry| matches!(&*entry.value, EntryValue::Lazy(lazy) if lazy.built.get().is_none()),
        )
    }

    /// Builds the value, if it is lazy and not built yet. Blocks the thread meanwhile.
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

/// The needs of a [`FromCall`](crate::tools::FromCall) type.
#[derive(Debug, Default)]
pub struct Needs(pub(crate) Vec<Need>);

impl Needs {
    /// Adds the state of type `T`. A session without it does not start.
    pub fn state<T: Send + Sync + ?Sized + 'static>(&mut self) {
        self.0.push(Need::of::<T>());
    }
}

/// A state that a tool requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    pub(crate) type_id: TypeId,
    pub(crate) type_name: &'static str,
}

impl Need {
    pub(crate) fn of<T: ?Sized + 'static>() -> Self {
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

    #[test]
    fn a_trait_object_is_a_state_beside_that_of_its_value() {
        let mut states = StateMap::default();
        states.insert_shared::<dyn Fn() -> u8 + Send + Sync>(Arc::new(|| 7));
        states.insert_shared::<str>(Arc::from("seven"));
        let count = states.get::<dyn Fn() -> u8 + Send + Sync>().unwrap();
        assert_eq!((count(), states.get::<str>().unwrap().len()), (7, 5));
        assert!(states.get::<dyn Fn() -> u16 + Send + Sync>().is_none());
        states.insert_shared::<dyn Fn() -> u8 + Send + Sync>(Arc::new(|| 8));
        assert_eq!((states.get::<dyn Fn() -> u8 + Send + Sync>().unwrap()(), count()), (8, 7));
    }
}
