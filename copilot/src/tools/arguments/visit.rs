//! The visitor of a tool's parameters.
//!
//! The expansion of a tool is one function that visits its parameters: once to describe them, and for each call to
//! take their values. A call whose arguments fit reads their text once, directly into the types.

use std::fmt;

use schemars::SchemaGenerator;
use serde_json::Value;

use crate::tools::arguments::decode::{ArgumentReader, DecodeError};
use crate::tools::arguments::describe::Description;
use crate::tools::arguments::param::ParamFns;

/// Visits the parameters of a tool.
pub struct Visitor<'v>(Mode<'v>);

#[expect(clippy::large_enum_variant, reason = "a call whose arguments fit needs no allocation")]
enum Mode<'v> {
    Describe(Box<Description>),
    Read(ArgumentReader<'v>),
}

impl<'v> Visitor<'v> {
    /// Collects the descriptions of the parameters that `visit` visits.
    pub(crate) fn describe<T>(
        generator: SchemaGenerator,
        visit: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Description {
        let mut visitor = Self(Mode::Describe(Box::new(Description::new(generator))));
        visit(&mut visitor);
        match visitor.0 {
            Mode::Describe(description) => *description,
            Mode::Read(_) => unreachable!("a visitor keeps its mode"),
        }
    }

    /// Calls `visit`, which takes the values of the parameters.
    pub(crate) fn read<T>(
        reader: ArgumentReader<'v>,
        visit: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Result<T, DecodeError> {
        let mut visitor = Self(Mode::Read(reader));
        match (visit(&mut visitor), visitor.0) {
            (Some(value), _) => Ok(value),
            (None, Mode::Read(reader)) => Err(reader.into_error()),
            (None, Mode::Describe(_)) => unreachable!("a visitor keeps its mode"),
        }
    }

    /// Visits the parameter with this index.
    #[expect(clippy::needless_pass_by_value, reason = "a temporary of the expansion")]
    pub fn visit<Own, Slot>(&mut self, index: usize, param: ParamFns<Own, Slot>) -> Option<Slot> {
        match &mut self.0 {
            Mode::Describe(description) => {
                (param.describe)(description);
                None
            }
            Mode::Read(reader) => {
                reader.index = index;
                if reader.is_trial() && reader.is_injected() {
                    return None;
                }
                (param.take)(reader, None).map(param.keep)
            }
        }
    }

    /// As [`visit`](Self::visit), for a parameter with a default.
    #[expect(clippy::needless_pass_by_value, reason = "a temporary of the expansion")]
    pub fn visit_or<Own, Slot>(
        &mut self,
        index: usize,
        param: ParamFns<Own, Slot>,
        default: fn() -> Own,
        json: fn(&Own) -> Option<Value>,
    ) -> Option<Slot> {
        match &mut self.0 {
            Mode::Describe(description) => {
                description.default = Some(json(&default()));
                (param.describe)(description);
                None
            }
            Mode::Read(reader) => {
                reader.index = index;
                (param.take)(reader, Some(default)).map(param.keep)
            }
        }
    }

    /// Returns `Some` if all visited parameters have their values.
    pub fn ready(&self) -> Option<()> {
        match &self.0 {
            Mode::Describe(_) => None,
            Mode::Read(reader) => reader.is_complete().then_some(()),
        }
    }
}

impl fmt::Debug for Visitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").finish_non_exhaustive()
    }
}
