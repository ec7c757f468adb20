//! The returned type of a tool, as far as its schema is known.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde_json::Value;

use crate::tools::output::outcome::Json;
use crate::tools::schema;

/// The function that makes the schema of the returned JSON.
pub(crate) type OutputSchema = fn() -> Value;

/// The returned type of a tool. Its `SCHEMA` is that of [`Unstructured`] unless the type is a [`Json`] of a type with a
/// schema, alone or in a `Result`.
///
/// A tool that may also return something else than this JSON, as one with `Option<Json<T>>`, has none: clients reject
/// a result without structured content where a schema promises it.
#[derive(Debug)]
pub struct Returned<T: ?Sized>(PhantomData<T>);

impl<T: JsonSchema> Returned<Json<T>> {
    /// The schema.
    pub const SCHEMA: Option<OutputSchema> = Some(schema::of_output::<T>);
}

impl<T: JsonSchema, E> Returned<Result<Json<T>, E>> {
    /// The schema.
    pub const SCHEMA: Option<OutputSchema> = Some(schema::of_output::<T>);
}

/// The fallback of [`Returned`] for types without a schema.
pub trait Unstructured {
    /// No schema.
    const SCHEMA: Option<OutputSchema> = None;
}

impl<T: ?Sized> Unstructured for Returned<T> {}
