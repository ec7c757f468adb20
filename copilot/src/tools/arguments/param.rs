//! What can be a parameter of a tool, decided by type.
//!
//! `Param<K>` is implemented by disjoint families of types, told apart by a marker `K` that inference finds: values
//! that the model fills, and values that the runtime injects. References need a step before that, because
//! `&'a str: Deserialize<'de>` would make the families overlap: [`Probe`] tells by its inherent methods whether a
//! type is a reference, and a reference is lent from an owned value of its own ([`Lend`]).

use std::borrow::Borrow;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::contain::UserValue;
use crate::tools::arguments::decode::{Absent, ArgumentReader, Description, ask};
use crate::tools::context::ToolContext;
use crate::tools::output::error::ToolError;
use crate::tools::state::{Need, Needs, State};

/// A type that a parameter of a tool can have, by value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a parameter of a tool",
    label = "neither an argument that the model can fill nor something that the runtime can inject",
    note = "an argument is any type that implements `serde::Deserialize` and `schemars::JsonSchema`, is `Send` and \
            owns its data: derive both; write `#[schemars(with = \"..\")]` on a field whose type has no schema",
    note = "`&str`, `&[T]`, `&Path` and `&T` are lent from such a value",
    note = "injected are `&ToolContext`, `State<T>`, whose `T` must be `Send + Sync`, and types that implement \
            `copilot::FromCall`"
)]
pub trait Param<K>: Sized + Send + 'static {
    /// Tells what the parameter is.
    fn describe(description: &mut Description<'_>);
    /// Takes its value out of a call; what is wrong with it has been noted if there is none.
    fn take(reader: &mut ArgumentReader<'_>, default: Option<fn() -> Self>) -> Option<Self>;
}

/// Marks types that the model fills.
#[derive(Debug)]
pub struct Argument;
/// Marks [`State`].
#[derive(Debug)]
pub struct Stateful;
/// Marks [`ToolContext`].
#[derive(Debug)]
pub struct Context;

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Param<Argument> for T {
    fn describe(description: &mut Description<'_>) {
        description.argument(schemars::SchemaGenerator::subschema_for::<T>, ask::<T>);
    }

    fn take(reader: &mut ArgumentReader<'_>, default: Option<fn() -> Self>) -> Option<Self> {
        let Some(text) = reader.text() else {
            return match default {
                Some(default) => Some(default()),
                None => T::deserialize(Absent::VALUE).map_err(|_| reader.missing()).ok(),
            };
        };
        match (serde_json::from_str(text), default) {
            // Models write `null` for what they leave out.
            (_, Some(default)) if text == "null" => Some(default()),
            (Ok(value), _) => Some(value),
            (Err(error), _) => {
                reader.reject(&error);
                None
            }
        }
    }
}

impl<T: Send + Sync + 'static> Param<Stateful> for State<T> {
    fn describe(description: &mut Description<'_>) {
        description.injected(vec![Need::of::<T>()]);
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        let state = reader.context().state();
        if state.is_none() {
            let state = std::any::type_name::<T>();
            reader.fail(ToolError::hidden(format!("no state of type `{state}` was given to the session")));
        }
        state
    }
}

impl Param<Context> for ToolContext {
    fn describe(description: &mut Description<'_>) {
        description.injected(Vec::new());
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        Some(reader.context().clone())
    }
}

/// A type that is made from the call rather than from its arguments: implement it to inject what is yours, such as
/// the user on whose behalf the session runs.
///
/// # Examples
///
/// ```
/// use copilot::{FromCall, Needs, OrTell, ToolContext, ToolError};
///
/// struct Users(Vec<String>);
/// struct User(String);
///
/// impl FromCall for User {
///     fn from_call(cx: &ToolContext) -> Result<Self, ToolError> {
///         let users = cx.state::<Users>().or_tell("there are no users")?;
///         Ok(User(users.0[0].clone()))
///     }
///
///     fn needs(needs: &mut Needs) {
///         needs.state::<Users>();
///     }
/// }
///
/// /// Who is asking.
/// #[copilot::tool]
/// async fn who_am_i(user: User) -> String {
///     user.0
/// }
/// ```
pub trait FromCall: Sized + Send + 'static {
    /// Makes the value; the function is not run if it cannot be made.
    ///
    /// # Errors
    ///
    /// When it cannot be made: the model is told as if the tool itself had failed.
    fn from_call(cx: &ToolContext) -> Result<Self, ToolError>;

    /// Declares the states that [`from_call`](Self::from_call) needs, so that a session without them does not start.
    fn needs(needs: &mut Needs) {
        let _ = needs;
    }
}

/// Marks [`FromCall`].
#[derive(Debug)]
pub struct Called;

#[diagnostic::do_not_recommend]
impl<T: FromCall> Param<Called> for T {
    fn describe(description: &mut Description<'_>) {
        let mut needs = Needs::default();
        T::needs(&mut needs);
        description.injected(needs.0);
    }

    fn take(reader: &mut ArgumentReader<'_>, _default: Option<fn() -> Self>) -> Option<Self> {
        T::from_call(reader.context()).map_err(|error| reader.fail(error)).ok()
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
    /// What the reference is lent from.
    type Own: Param<Self::Kind> + Borrow<Self> + Sync;
}

/// Marks types that are lent from themselves.
#[derive(Debug)]
pub struct Itself<K>(PhantomData<K>);
/// Marks types that have an owned counterpart.
#[derive(Debug)]
pub struct Counterpart;

#[diagnostic::do_not_recommend]
impl<K, T: Param<K> + Sync> Lend<Itself<K>> for T {
    type Kind = K;
    type Own = T;
}

impl Lend<Counterpart> for str {
    type Kind = Argument;
    type Own = String;
}

impl Lend<Counterpart> for Path {
    type Kind = Argument;
    type Own = PathBuf;
}

impl<T> Lend<Counterpart> for [T]
where
    Vec<T>: Param<Argument> + Sync,
{
    type Kind = Argument;
    type Own = Vec<T>;
}

/// Asks a type how it is passed: the inherent methods win over the one of [`ProbeValue`].
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn(T)>);

impl<T> Probe<T> {
    /// The question.
    pub const NEW: Self = Self(PhantomData);
}

impl<T: ?Sized> Probe<&T> {
    /// A reference is lent.
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
    /// So is an optional one.
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

/// The answer of [`Probe`] for all that is not a reference.
pub trait ProbeValue<T> {
    /// A value is moved.
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

/// How the value that a method belongs to is passed. A question of its own, so that a type that cannot be shared between
/// threads is one error, at the type.
pub fn receiver<T: Send + Sync + 'static>() -> ParamFns<State<T>, Moved<State<T>>> {
    Probe::<State<T>>::NEW.kind()
}

/// Takes a value out of a call, or its default.
type TakeOwn<Own> = fn(&mut ArgumentReader<'_>, Option<fn() -> Own>) -> Option<Own>;

/// How a parameter is passed: what is taken out of the call, and what keeps it while the function runs.
///
/// Functions rather than a trait, so that a type that cannot be passed is one error and not two.
#[derive(Debug)]
pub struct ParamFns<Own, Slot> {
    pub(crate) describe: fn(&mut Description<'_>),
    pub(crate) take: TakeOwn<Own>,
    pub(crate) keep: fn(Own) -> Slot,
}

/// Keeps what is moved.
#[derive(Debug)]
pub struct Moved<T>(Option<UserValue<T>>);
/// Keeps what is lent.
#[derive(Debug)]
pub struct Lent<T: ?Sized, O>(UserValue<O>, PhantomData<fn(&T)>);
/// Keeps what is lent if there.
#[derive(Debug)]
pub struct OptionallyLent<T: ?Sized, O>(UserValue<Option<O>>, PhantomData<fn(&T)>);

impl<T> Moved<T> {
    /// Hands it to the function.
    pub fn lend(&mut self) -> T {
        self.0.take().expect("the expansion calls the function once").into_inner()
    }
}

impl<T: ?Sized, O: Borrow<T>> Lent<T, O> {
    /// Lends it to the function.
    pub fn lend(&mut self) -> &T {
        (*self.0).borrow()
    }
}

impl<T: ?Sized, O: Borrow<T>> OptionallyLent<T, O> {
    /// Lends it to the function.
    pub fn lend(&mut self) -> Option<&T> {
        self.0.as_ref().map(Borrow::borrow)
    }
}

/// A default as JSON, for the schema, if its type can be written as JSON.
#[derive(Debug)]
pub struct MaybeJson<'a, T>(pub &'a T);

impl<T: Serialize> MaybeJson<'_, T> {
    /// The JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::to_value(self.0).ok()
    }
}

/// The answer of [`MaybeJson`] for types that cannot be written.
pub trait NoJson {
    /// Nothing.
    fn json(&self) -> Option<Value>;
}

impl<T> NoJson for MaybeJson<'_, T> {
    fn json(&self) -> Option<Value> {
        None
    }
}

/// What a default that is written as text can be of.
#[diagnostic::on_unimplemented(
    message = "text cannot be the default of an argument of type `{Self}`",
    label = "this is text, the argument is `{Self}`",
    note = "write the default as a value of that type"
)]
pub trait FromText {
    /// The value.
    fn from_text(text: &'static str) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: From<&'static str>> FromText for T {
    fn from_text(text: &'static str) -> Self {
        text.into()
    }
}

/// A default that is written as text.
pub fn text<T: FromText>(text: &'static str) -> T {
    T::from_text(text)
}

/// Types whose values say nothing of what they are for, so that an argument needs a description.
pub trait Plain {}

macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Plain for $type {}
    )*};
}

plain! {
    bool char f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
    &str &Path String PathBuf Box<str> Value serde_json::Map<String, Value>
}

impl<T> Plain for Vec<T> {}
impl<T> Plain for &[T] {}
impl<T: Plain> Plain for Option<T> {}

/// The answer of [`Probe`] for arguments that need a description and have none.
pub trait Undescribed: Sized {
    /// Warns, as what is deprecated does.
    #[deprecated(
        note = "this argument has no description; add a `///` comment to it, or a bullet for it under \
                         `# Arguments`: the model reads it to decide what to send"
    )]
    #[expect(clippy::wrong_self_convention, reason = "by value, it is found before the one of `Described`")]
    fn is_described(self) {}
}

impl<T: Plain> Undescribed for Probe<T> {}

/// The answer of [`Probe`] for all other parameters.
pub trait Described: Sized {
    /// Says nothing.
    fn is_described(&self) {}
}

impl<T> Described for Probe<T> {}
