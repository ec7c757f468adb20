//! The types that a parameter of a tool can have.
//!
//! [`Param<K>`](Param) is implemented by disjoint families of types, distinguished by a marker `K` that the compiler
//! infers: values that the model fills, and values that the runtime injects. References need a separate step, because
//! `&'a str: Deserialize<'de>` would make the families overlap: the inherent methods of [`Probe`] match references,
//! which are lent from an owned value ([`Lend`]).

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::contain::{self, UserValue};
use crate::tools::arguments::decode::{ArgumentReader, ParamFns};
use crate::tools::arguments::describe::Description;
use crate::tools::arguments::fault::TrialError;
use crate::tools::arguments::trial::{Trial, facts};
use crate::tools::context::ToolContext;
use crate::tools::from_call::{FromCall, FromCallAsync, extract};
use crate::tools::output::error::ToolError;
use crate::tools::state::{Need, Needs, State};

/// The error of an injected value that is read before the call runs. The macros exclude it by [`ModelArgument`].
const NOT_RUNNING: &str = "the call does not run yet, so it has no context";

/// A type that a parameter of a tool can have, by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a tool",
    label = "neither an argument that the model can fill nor something that the runtime can inject",
    note = "an argument is any type that implements `serde::Deserialize` and `schemars::JsonSchema`, is `Send` and \
            owns its data: derive both; write `#[schemars(with = \"..\")]` on a field whose type has no schema",
    note = "`&str`, `&[T]`, `&Path` and `&T` are lent from such a value; `Arc<T>` needs the feature `rc` of serde, so \
            take `String` or `&str` for text",
    note = "injected are `&ToolContext`, `State<T>`, whose `T` must be `Send + Sync`, and types that implement \
            `copilot::tools::FromCall` or `FromCallAsync`"
)]
pub trait Param<K>: Sized + Send + 'static {
    /// Describes the parameter.
    fn describe(description: &mut Description);
    /// Takes the value from a call. Records the mistake and returns `None` if the call has no valid value.
    fn take(reader: &mut ArgumentReader<'_>, default: Option<fn() -> Self>) -> Option<Self>;
}

/// The marker of types that the model fills.
#[derive(Debug)]
pub struct Argument;
/// The marker of [`State`].
#[derive(Debug)]
pub struct Stateful;
/// The marker of [`ToolContext`].
#[derive(Debug)]
pub struct Context;

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Param<Argument> for T {
    fn describe(description: &mut Description) {
        description.argument(schemars::SchemaGenerator::subschema_for::<T>, facts::<T>, T::schema_id);
    }

    fn take(reader: &mut ArgumentReader<'_>, default: Option<fn() -> Self>) -> Option<Self> {
        if reader.is_trial() {
            reader.attempt(attempt::<T>, default.is_some());
            return None;
        }
        let Some(text) = reader.text() else {
            return match default {
                Some(default) => Some(default()),
                None => T::deserialize(Trial::ABSENT).map_err(|_| reader.reject_missing()).ok(),
            };
        };
        match (serde_json::from_str(text), default) {
            // Models send `null` for an omitted argument.
            (_, Some(default)) if text == "null" => Some(default()),
            (Ok(value), _) => Some(value),
            (Err(error), _) => {
                reader.reject(&error);
                None
            }
        }
    }
}

/// Deserializes a value to find out whether it fits.
fn attempt<T: DeserializeOwned>(trial: Trial<'_>) -> Result<(), TrialError> {
    T::deserialize(trial).map(contain::discard)
}

impl<T: Send + Sync + ?Sized + 'static> Param<Stateful> for State<T> {
    fn describe(description: &mut Description) {
        description.injected(vec![Need::of::<T>()]);
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        let state = reader.context().and_then(ToolContext::state);
        if state.is_none() {
            let state = std::any::type_name::<T>();
            reader.fail(ToolError::hidden(format!("the session has no state of type `{state}`")));
        }
        state
    }
}

impl Param<Context> for ToolContext {
    fn describe(description: &mut Description) {
        description.injected(Vec::new());
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        let context = reader.context().cloned();
        if context.is_none() {
            reader.fail(ToolError::hidden(NOT_RUNNING));
        }
        context
    }
}

/// The marker of [`FromCall`].
#[derive(Debug)]
pub struct Called;

#[diagnostic::do_not_recommend]
impl<T: FromCall> Param<Called> for T {
    fn describe(description: &mut Description) {
        let mut needs = Needs::default();
        T::needs(&mut needs);
        description.injected(needs.0);
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        let value = match reader.context() {
            Some(context) => T::from_call(context),
            None => Err(ToolError::hidden(NOT_RUNNING)),
        };
        value.map_err(|error| reader.fail(error)).ok()
    }
}

/// The marker of [`FromCallAsync`].
#[derive(Debug)]
pub struct CalledAsync;

#[diagnostic::do_not_recommend]
impl<T: FromCallAsync> Param<CalledAsync> for T {
    fn describe(description: &mut Description) {
        let mut needs = Needs::default();
        T::needs(&mut needs);
        description.injected(needs.0);
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        match reader.context() {
            Some(_) => reader.extract(extract::<T>),
            None => {
                reader.fail(ToolError::hidden(NOT_RUNNING));
                None
            }
        }
    }
}

/// A type that a parameter of a tool can have, behind a reference.
#[diagnostic::on_unimplemented(
    message = "`&{Self}` cannot be a parameter of a tool",
    label = "there is no owned value that this reference could be lent from",
    note = "`&str`, `&[T]` and `&Path` are lent from `String`, `Vec<T>` and `PathBuf`; `&T` from a `T` that \
            implements `serde::Deserialize` and `schemars::JsonSchema`, is `Send + Sync` and owns its data",
    note = "injected are `&ToolContext` and `&State<T>`, whose `T` must be `Send + Sync`"
)]
pub trait Lend<K> {
    /// The family of [`Own`](Self::Own).
    type Kind;
    /// The owned type that the reference is lent from.
    type Own: Param<Self::Kind> + Borrow<Self> + Sync;
}

/// The marker of types that are lent from themselves.
#[derive(Debug)]
pub struct Identity<K>(PhantomData<K>);
/// The marker of types that are lent from another type, as `str` from `String`.
#[derive(Debug)]
pub struct Owned;

#[diagnostic::do_not_recommend]
impl<K, T: Param<K> + Sync> Lend<Identity<K>> for T {
    type Kind = K;
    type Own = T;
}

impl Lend<Owned> for str {
    type Kind = Argument;
    type Own = String;
}

impl Lend<Owned> for Path {
    type Kind = Argument;
    type Own = PathBuf;
}

impl<T> Lend<Owned> for [T]
where
    Vec<T>: Param<Argument> + Sync,
{
    type Kind = Argument;
    type Own = Vec<T>;
}

/// Selects how a type is passed. Its inherent methods, for references, take precedence over the method of
/// [`ProbeValue`].
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn(T)>);

impl<T> Probe<T> {
    /// The probe of the type.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: ?Sized> Probe<&T> {
    /// Returns the functions of a reference, which is lent.
    pub fn kind<K>(self) -> ParamFns<T::Own, Lent<T, T::Own>>
    where
        T: Lend<K>,
    {
        ParamFns {
            describe: T::Own::describe,
            take: T::Own::take,
            keep: |own| Lent(UserValue::new(own), PhantomData),
        }
    }
}

impl<T: ?Sized> Probe<Option<&T>> {
    /// Returns the functions of an optional reference, which is lent.
    pub fn kind<K>(self) -> ParamFns<Option<T::Own>, OptionallyLent<T, T::Own>>
    where
        T: Lend<K>,
        Option<T::Own>: Param<Argument>,
    {
        ParamFns {
            describe: <Option<T::Own> as Param<Argument>>::describe,
            take: <Option<T::Own> as Param<Argument>>::take,
            keep: |own| OptionallyLent(UserValue::new(own), PhantomData),
        }
    }
}

/// The fallback of [`Probe`] for types that are not references.
pub trait ProbeValue<T> {
    /// Returns the functions of a value, which is moved.
    fn kind<K>(self) -> ParamFns<T, Moved<T>>
    where
        T: Param<K>;
}

impl<T> ProbeValue<T> for Probe<T> {
    fn kind<K>(self) -> ParamFns<T, Moved<T>>
    where
        T: Param<K>,
    {
        ParamFns { describe: T::describe, take: T::take, keep: |own| Moved(Some(UserValue::new(own))) }
    }
}

/// Returns the functions of a method's receiver. A separate function, so that a type that cannot be shared between
/// threads is one error, at the type.
pub fn receiver<T: Send + Sync + ?Sized + 'static>() -> ParamFns<State<T>, Moved<State<T>>> {
    Probe::<State<T>>::NEW.kind()
}

/// Types that the model fills, for options that read arguments.
#[diagnostic::on_unimplemented(
    message = "`needs_approval` reads arguments of the model only; `{Self}` is injected when the tool runs",
    label = "not an argument of the model",
    note = "remove this parameter from the closure"
)]
pub trait ModelArgument {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> ModelArgument for T {}

/// Returns the functions of a parameter that the model fills.
pub fn argument<Own: ModelArgument, Slot>(param: ParamFns<Own, Slot>) -> ParamFns<Own, Slot> {
    param
}

/// Stores a value that is moved to the function.
#[derive(Debug)]
pub struct Moved<T>(Option<UserValue<T>>);
/// Stores the value that a reference is lent from.
#[derive(Debug)]
pub struct Lent<T: ?Sized, O>(UserValue<O>, PhantomData<fn(&T)>);
/// Stores the value that an optional reference is lent from.
#[derive(Debug)]
pub struct OptionallyLent<T: ?Sized, O>(UserValue<Option<O>>, PhantomData<fn(&T)>);

impl<T> Moved<T> {
    /// Returns the value for the function.
    pub fn lend(&mut self) -> T {
        self.0.take().expect("the expansion calls the function once").into_inner()
    }
}

impl<T: ?Sized, O: Borrow<T>> Lent<T, O> {
    /// Returns the reference for the function.
    pub fn lend(&mut self) -> &T {
        (*self.0).borrow()
    }
}

impl<T: ?Sized, O: Borrow<T>> OptionallyLent<T, O> {
    /// Returns the reference for the function.
    pub fn lend(&mut self) -> Option<&T> {
        self.0.as_ref().map(Borrow::borrow)
    }
}
