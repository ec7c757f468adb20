//! The settings of a session, as the topics of the CLI fill them. Pure.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::members::Members;
use crate::protocol::secret::RawMembers;

/// Whether a session is created or resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    Create,
    Resume,
}

/// The settings of a session, as the program made them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Members of `session.create` and `session.resume`.
    pub(crate) members: Members,
    /// Members of `session.options.update`, which follows.
    pub(crate) options: Members,
    /// Members without a setter.
    pub(crate) raw: RawMembers,
    /// Features that depend on a value and that old CLIs lack, beside the members; see `compat`.
    pub(crate) features: Vec<&'static str>,
    /// Handlers and other state of the topics.
    pub(crate) state: TopicState,
}

impl Settings {
    /// Sets all settings of `other`, in place of earlier values.
    pub(crate) fn merge(&mut self, other: Self) {
        self.members.merge(other.members);
        self.options.merge(other.options);
        self.raw.extend(other.raw);
        self.features.extend(other.features);
        self.state.merge(other.state);
    }
}

/// State of topics in one session, by type.
#[derive(Clone, Default)]
pub(crate) struct TopicState(Vec<Arc<dyn TopicValue>>);

trait TopicValue: Any + fmt::Debug + Send + Sync {}

impl<T: Any + fmt::Debug + Send + Sync> TopicValue for T {}

impl TopicState {
    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.iter().find_map(|state| {
            let state: &dyn Any = &**state;
            state.downcast_ref()
        })
    }

    /// Puts in a value, in place of an earlier one of its type.
    pub(crate) fn set<T: fmt::Debug + Send + Sync + 'static>(&mut self, value: T) {
        self.0.retain(|state| {
            let state: &dyn Any = &**state;
            !state.is::<T>()
        });
        self.0.push(Arc::new(value));
    }

    /// Sets all values of `other`, in place of earlier ones of their types.
    fn merge(&mut self, other: Self) {
        for value in other.0 {
            let of = |value: &Arc<dyn TopicValue>| {
                let value: &dyn Any = &**value;
                value.type_id()
            };
            self.0.retain(|set| of(set) != of(&value));
            self.0.push(value);
        }
    }

    /// Changes a value, beginning with the default.
    pub(crate) fn update<T>(&mut self, change: impl FnOnce(&mut T))
    where
        T: Clone + Default + fmt::Debug + Send + Sync + 'static,
    {
        let mut value = self.get::<T>().cloned().unwrap_or_default();
        change(&mut value);
        self.set(value);
    }
}

impl fmt::Debug for TopicState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
