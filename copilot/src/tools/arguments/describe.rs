//! The description of a tool's parameters, from which its schema is built.

use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use crate::tools::arguments::absent::{AbsenceProbe, VariantNames};
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
    Argument { schema: Schema, optional: bool, default: Option<Value>, variants: VariantNames },
    Injected { needs: Vec<Need> },
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
        probe: fn() -> AbsenceProbe,
    ) {
        let schema = schema(&mut self.generator);
        let default = self.default.take();
        let AbsenceProbe { accepts_absence, variants } = probe();
        let optional = default.is_some() || accepts_absence;
        self.params.push(ParamDescription::Argument {
            schema,
            optional,
            default: default.flatten(),
            variants,
        });
    }

    /// Adds a parameter that the runtime injects.
    pub(crate) fn injected(&mut self, needs: Vec<Need>) {
        self.params.push(ParamDescription::Injected { needs });
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description").field("params", &self.params.len()).finish_non_exhaustive()
    }
}
