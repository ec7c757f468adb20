//! The description of a tool's parameters, from which its schema is built.

use std::borrow::Cow;
use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::tools::arguments::fault::VariantNames;
use crate::tools::arguments::trial::{Outer, TypeFacts};
use crate::tools::state::Need;

/// The descriptions of a tool's parameters.
pub struct Description {
    pub(crate) generator: SchemaGenerator,
    pub(crate) params: Vec<ParamDescription>,
    /// The default of the parameter that is visited: `None` without one, `Some(None)` if it cannot be written as JSON.
    pub(super) default: Option<Option<Value>>,
}

/// The description of one parameter.
pub(crate) enum ParamDescription {
    Argument {
        schema: Schema,
        optional: bool,
        default: Option<Value>,
        variants: VariantNames,
        /// Whether the type is one of std, of a map, or a wrapper of one.
        foreign: bool,
    },
    Injected {
        needs: Vec<Need>,
    },
}

/// The source of a parameter's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A property of the arguments object.
    Property,
    /// The arguments object itself.
    Whole,
    /// The runtime, such as `State<T>`.
    Injected,
}

/// The layout of the arguments object.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The source of each parameter of the function.
    pub(crate) sources: Box<[Source]>,
    /// The properties of the arguments object, in the order of the parameters.
    pub(crate) names: Box<[Box<str>]>,
    /// Whether the object may have other properties.
    pub(crate) open: bool,
}

impl Description {
    pub(crate) fn new(generator: SchemaGenerator) -> Self {
        Self { generator, params: Vec::new(), default: None }
    }

    /// Adds an argument.
    pub(crate) fn argument(
        &mut self,
        schema: fn(&mut SchemaGenerator) -> Schema,
        facts: fn() -> TypeFacts,
        schema_id: fn() -> Cow<'static, str>,
    ) {
        let schema = schema(&mut self.generator);
        let default = self.default.take();
        let TypeFacts { accepts_absence, variants, outer } = facts();
        let optional = default.is_some() || accepts_absence;
        self.params.push(ParamDescription::Argument {
            schema,
            optional,
            default: default.flatten(),
            variants,
            foreign: is_foreign(outer, &schema_id()),
        });
    }

    /// Adds a parameter that the runtime injects.
    pub(crate) fn injected(&mut self, needs: Vec<Need>) {
        self.params.push(ParamDescription::Injected { needs });
    }
}

/// The structs of std whose schema is an object, with their fields.
const STRUCTS_OF_STD: &[(&str, &[&str])] = &[
    ("Duration", &["secs", "nanos"]),
    ("Range", &["start", "end"]),
    ("RangeInclusive", &["start", "end"]),
    ("SystemTime", &["secs_since_epoch", "nanos_since_epoch"]),
];

/// Returns whether a type is a map or a struct of std, or a wrapper of one. The program's own struct may have the same
/// name and the same fields; its schema has the path of its module.
fn is_foreign(outer: Outer, schema_id: &str) -> bool {
    match outer {
        Outer::Other => false,
        Outer::Map => true,
        Outer::Struct { name, fields, wrapped } => {
            let derived = schema_id.contains("::") && !schema_id.starts_with("std::");
            STRUCTS_OF_STD.contains(&(name, fields))
                && (wrapped || !derived || schema_id.starts_with("Range<"))
        }
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description").field("params", &self.params.len()).finish_non_exhaustive()
    }
}
