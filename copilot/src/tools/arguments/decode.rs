//! Splits the arguments object of a call into the values of the parameters.
//!
//! The expansion of a tool is one function that visits its parameters: once to describe them, and for each call to
//! take their values. A call whose arguments fit reads their text once, directly into the types.

use std::any::Any;
use std::fmt;

use schemars::SchemaGenerator;
use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::tools::arguments::describe::{Description, Layout, Source};
use crate::tools::arguments::fault::Fault;
use crate::tools::arguments::node::{Node, Step};
use crate::tools::arguments::param_def::ParamDef;
use crate::tools::arguments::trial::{Attempt, Mistakes, Trial, mistakes};
use crate::tools::context::ToolContext;
use crate::tools::from_call::{AnyValue, Extract, Extraction};
use crate::tools::output::error::ToolError;

/// The arguments of one call. Each value is decoded from the text of the call when its parameter is visited.
pub struct ArgumentReader<'a> {
    /// `None` before a call runs, when arguments only are decoded.
    context: Option<&'a ToolContext>,
    layout: &'a Layout,
    whole: &'a str,
    values: Values<'a>,
    /// The index of the parameter that is visited.
    pub(super) index: usize,
    /// The errors of serde, with the index of the parameter.
    rejected: Vec<(usize, String)>,
    /// The error of a value that could not be injected.
    injection_error: Option<ToolError>,
    extraction: Extraction,
    /// The trial run, in which no value is taken.
    trial: Option<Box<TrialRun<'a>>>,
}

/// A search for the mistakes in the arguments.
struct TrialRun<'a> {
    params: &'a [ParamDef],
    arguments: &'a Node,
    /// The mistakes, with the paths of the arguments.
    found: Vec<(Vec<Step>, Mistakes)>,
}

/// The reason why the arguments were not decoded.
#[derive(Debug)]
pub(crate) enum DecodeError {
    /// The text is not an object, or has a property that the schema does not have.
    UnexpectedShape,
    /// The errors of serde, with the index of the parameter.
    Rejected(Vec<(usize, String)>),
    /// A value could not be injected.
    Injection(ToolError),
    /// The arguments fit, and values have to be made by futures first; with the index of the parameter.
    Extraction(Vec<(usize, Extract)>),
    /// The result of a trial run.
    Tried(Vec<(Vec<Step>, Mistakes)>),
}

/// The number of parameters whose values are found without an allocation.
const INLINE: usize = 8;

enum Values<'a> {
    Inline([Option<&'a RawValue>; INLINE]),
    Many(Vec<Option<&'a RawValue>>),
}

impl<'a> ArgumentReader<'a> {
    /// Splits the arguments object `whole` into the values of the parameters. Unknown names are an error, unless the
    /// types have accepted them.
    pub(crate) fn new(
        context: Option<&'a ToolContext>,
        params: &[ParamDef],
        layout: &'a Layout,
        whole: &'a str,
        accepted: bool,
    ) -> Result<Self, DecodeError> {
        let count = params.len();
        let mut values =
            if count <= INLINE { Values::Inline([None; INLINE]) } else { Values::Many(vec![None; count]) };
        let slots = match &mut values {
            Values::Inline(slots) => &mut slots[..],
            Values::Many(slots) => slots,
        };
        let mut unknown = false;
        let split = Split { params, layout, slots, unknown: &mut unknown };
        let mut deserializer = serde_json::Deserializer::from_str(whole);
        deserializer.deserialize_map(split).map_err(|_| DecodeError::UnexpectedShape)?;
        if unknown && !layout.open && !accepted {
            return Err(DecodeError::UnexpectedShape);
        }
        Ok(Self {
            context,
            layout,
            whole,
            values,
            index: 0,
            rejected: Vec::new(),
            injection_error: None,
            extraction: Extraction::Needed(Vec::new()),
            trial: None,
        })
    }

    /// Creates a reader that finds the mistakes in the arguments and takes no value.
    pub(crate) fn trial(params: &'a [ParamDef], layout: &'a Layout, arguments: &'a Node) -> Self {
        Self {
            context: None,
            layout,
            whole: "",
            values: Values::Inline([None; INLINE]),
            index: 0,
            rejected: Vec::new(),
            injection_error: None,
            extraction: Extraction::Needed(Vec::new()),
            trial: Some(Box::new(TrialRun { params, arguments, found: Vec::new() })),
        }
    }

    /// Sets the values that an earlier reader of the same arguments asked for.
    pub(crate) fn with_extracted(mut self, values: Vec<(usize, AnyValue)>) -> Self {
        self.extraction = Extraction::Made(values);
        self
    }

    /// Takes the value of the visited parameter that a future has made, or asks for it.
    pub(super) fn extract<T: Any>(&mut self, extract: Extract) -> Option<T> {
        let index = self.index;
        match &mut self.extraction {
            Extraction::Needed(needed) => {
                needed.push((index, extract));
                None
            }
            Extraction::Made(values) => {
                let at = values.iter().position(|(of, _)| *of == index)?;
                let (_, value) = values.swap_remove(at);
                value.into_inner().downcast().ok().map(|value| *value)
            }
        }
    }

    /// Returns whether the mistakes are searched for, and no value is taken.
    pub(crate) fn is_trial(&self) -> bool {
        self.trial.is_some()
    }

    /// Returns whether the runtime injects the parameter that is visited.
    pub(super) fn is_injected(&self) -> bool {
        self.layout.sources.get(self.index) == Some(&Source::Injected)
    }

    /// Finds the mistakes in the value of the parameter that is visited.
    pub(crate) fn attempt(&mut self, attempt: Attempt, has_default: bool) {
        let Some(TrialRun { params, arguments, found: all }) = self.trial.as_deref_mut() else { return };
        let name = (self.layout.sources[self.index] == Source::Property).then(|| params[self.index].name);
        let base: Vec<Step> = name.map(|name| Step::Name(name.to_owned())).into_iter().collect();
        let mistakes = match (arguments.at(&base), name) {
            (Some(Node::Removed), _) => return,
            (Some(Node::Null) | None, _) if has_default => return,
            (Some(value), _) => mistakes(value.clone(), attempt),
            (None, Some(name)) if attempt(Trial::ABSENT).is_err() => {
                let found = vec![(Vec::new(), Fault::Missing(name))];
                return all.push((Vec::new(), Mistakes { found, ..Mistakes::default() }));
            }
            (None, _) => return,
        };
        all.push((base, mistakes));
    }

    /// Returns the JSON of the parameter that is visited; `None` if the call omits it.
    pub(crate) fn text(&self) -> Option<&'a str> {
        if self.layout.sources[self.index] == Source::Whole {
            return Some(self.whole);
        }
        let values = match &self.values {
            Values::Inline(values) => &values[..],
            Values::Many(values) => values,
        };
        values[self.index].map(RawValue::get)
    }

    /// Returns the context of the call; `None` before it runs.
    pub(crate) fn context(&self) -> Option<&'a ToolContext> {
        self.context
    }

    /// Records that the call omits the visited parameter, which is required.
    pub(crate) fn reject_missing(&mut self) {
        self.rejected.push((self.index, "missing".to_owned()));
    }

    /// Records that the value of the visited parameter does not deserialize.
    pub(crate) fn reject(&mut self, error: &serde_json::Error) {
        self.rejected.push((self.index, error.to_string()));
    }

    /// Records that the visited parameter could not be injected.
    pub(crate) fn fail(&mut self, error: ToolError) {
        self.injection_error.get_or_insert(error);
    }

    /// Returns whether every visited parameter has its value.
    pub(super) fn is_complete(&self) -> bool {
        let needs_none = match &self.extraction {
            Extraction::Needed(needed) => needed.is_empty(),
            Extraction::Made(_) => true,
        };
        self.rejected.is_empty() && self.injection_error.is_none() && needs_none && self.trial.is_none()
    }

    /// Returns the reason why a parameter has no value. Mistakes in the arguments take precedence, because the model
    /// can correct them.
    pub(super) fn into_error(self) -> DecodeError {
        if let Some(trial) = self.trial {
            return DecodeError::Tried(trial.found);
        }
        match (self.injection_error, self.extraction) {
            _ if !self.rejected.is_empty() => DecodeError::Rejected(self.rejected),
            (Some(error), _) => DecodeError::Injection(error),
            (None, Extraction::Needed(needed)) if !needed.is_empty() => DecodeError::Extraction(needed),
            _ => DecodeError::Rejected(Vec::new()),
        }
    }
}

impl fmt::Debug for ArgumentReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentReader").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Puts each value of an object into the slot of its parameter.
struct Split<'s, 'a> {
    params: &'s [ParamDef],
    layout: &'s Layout,
    slots: &'s mut [Option<&'a RawValue>],
    unknown: &'s mut bool,
}

impl<'a> de::Visitor<'a> for Split<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name { params: self.params, layout: self.layout })? {
            match name {
                PropertyName::Param(index) => self.slots[index] = Some(map.next_value()?),
                PropertyName::Field => drop(map.next_value::<IgnoredAny>()?),
                PropertyName::Unknown => {
                    *self.unknown = true;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Looks up the name of a property without a copy of it.
struct Name<'s> {
    params: &'s [ParamDef],
    layout: &'s Layout,
}

enum PropertyName {
    /// The name of the parameter with this index.
    Param(usize),
    /// The name of a field of the parameter that is the arguments object.
    Field,
    Unknown,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = PropertyName;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<PropertyName, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for Name<'_> {
    type Value = PropertyName;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<PropertyName, E> {
        let sources = self.layout.sources.iter();
        let mut params = self.params.iter().zip(sources);
        if let Some(index) =
            params.position(|(param, source)| *source == Source::Property && param.name == name)
        {
            return Ok(PropertyName::Param(index));
        }
        Ok(if self.layout.names.iter().any(|known| **known == *name) {
            PropertyName::Field
        } else {
            PropertyName::Unknown
        })
    }
}

/// Takes the value from a call, or its default.
type TakeOwn<Own> = fn(&mut ArgumentReader<'_>, Option<fn() -> Own>) -> Option<Own>;

/// The functions that describe a parameter, take its value from a call, and store it while the tool runs.
///
/// Functions rather than a trait, so that a type that cannot be passed is one error and not two.
#[derive(Debug)]
pub struct ParamFns<Own, Slot> {
    pub(crate) describe: fn(&mut Description),
    pub(crate) take: TakeOwn<Own>,
    pub(crate) keep: fn(Own) -> Slot,
}

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
