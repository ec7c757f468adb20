//! From the arguments object of a call to the values of a function's parameters.
//!
//! The expansion of a tool is one function that visits its parameters: once to describe them, and for each call to
//! take their values. A call whose arguments fit reads their text once, straight into the types.

use std::cell::Cell;
use std::fmt;

use schemars::{Schema, SchemaGenerator};
use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::tools::arguments::param::ParamFns;
use crate::tools::call::dispatch::Started;
use crate::tools::compiled::{Compiled, Source};
use crate::tools::context::ToolContext;
use crate::tools::def::ToolDef;
use crate::tools::output::error::ToolError;
use crate::tools::schema;
use crate::tools::state::Need;

/// Goes over the parameters of a tool.
pub struct Visitor<'v>(Mode<'v>);

enum Mode<'v> {
    Describe(Box<Description<'v>>),
    Read(ArgumentReader<'v>),
}

impl<'v> Visitor<'v> {
    /// Lets a tool describe its parameters.
    pub(crate) fn describe(def: &'v ToolDef) -> Description<'v> {
        let mut visitor = Self(Mode::Describe(Box::new(Description::new(def))));
        (def.shim)(&mut visitor);
        match visitor.0 {
            Mode::Describe(description) => *description,
            Mode::Read(_) => unreachable!("a visitor keeps its mode"),
        }
    }

    /// Lets a tool take its values and start; without all of them, the call says why.
    #[expect(clippy::result_large_err, reason = "moved once, on the slow path")]
    pub(crate) fn take(def: &ToolDef, reader: ArgumentReader<'v>) -> Result<Started, ArgumentReader<'v>> {
        let mut visitor = Self(Mode::Read(reader));
        let started = (def.shim)(&mut visitor);
        match (started, visitor.0) {
            (Some(started), _) => Ok(started),
            (None, Mode::Read(reader)) => Err(reader),
            (None, Mode::Describe(_)) => unreachable!("a visitor keeps its mode"),
        }
    }

    /// Visits the parameter with that index.
    #[expect(clippy::needless_pass_by_value, reason = "made on the spot by the expansion")]
    pub fn visit<Own, Slot>(&mut self, index: usize, passed: ParamFns<Own, Slot>) -> Option<Slot> {
        match &mut self.0 {
            Mode::Describe(description) => {
                (passed.describe)(description);
                None
            }
            Mode::Read(reader) => {
                reader.index = index;
                (passed.take)(reader, None).map(passed.keep)
            }
        }
    }

    /// As [`visit`](Self::visit), for a parameter with a default.
    #[expect(clippy::needless_pass_by_value, reason = "made on the spot by the expansion")]
    pub fn visit_or<Own, Slot>(
        &mut self,
        index: usize,
        passed: ParamFns<Own, Slot>,
        default: fn() -> Own,
        json: fn(&Own) -> Option<Value>,
    ) -> Option<Slot> {
        match &mut self.0 {
            Mode::Describe(description) => {
                description.default = Some(json(&default()));
                (passed.describe)(description);
                None
            }
            Mode::Read(reader) => {
                reader.index = index;
                (passed.take)(reader, Some(default)).map(passed.keep)
            }
        }
    }

    /// Whether all parameters have their values.
    pub fn ready(&self) -> Option<()> {
        match &self.0 {
            Mode::Describe(_) => None,
            Mode::Read(reader) => (reader.rejected.is_empty() && reader.failed.is_none()).then_some(()),
        }
    }
}

impl fmt::Debug for Visitor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Visitor").finish_non_exhaustive()
    }
}

/// What the parameters of a tool say about themselves.
pub struct Description<'d> {
    pub(crate) def: &'d ToolDef,
    pub(crate) generator: SchemaGenerator,
    pub(crate) params: Vec<Described>,
    /// Of the parameter that is being visited: whether it has a default, and the default if it can be written.
    default: Option<Option<Value>>,
}

/// What one parameter says about itself.
pub(crate) enum Described {
    Argument { schema: Schema, optional: bool, default: Option<Value>, variants: Names },
    Injected { needs: Vec<Need> },
}

impl<'d> Description<'d> {
    fn new(def: &'d ToolDef) -> Self {
        Self {
            def,
            generator: schema::generator(),
            params: Vec::with_capacity(def.params.len()),
            default: None,
        }
    }

    /// The parameter is an argument.
    pub(crate) fn argument(&mut self, schema: fn(&mut SchemaGenerator) -> Schema, ask: fn() -> Asked) {
        let schema = schema(&mut self.generator);
        let default = self.default.take();
        let Asked { accepts_absence, variants } = ask();
        let optional = default.is_some() || accepts_absence;
        self.params.push(Described::Argument { schema, optional, default: default.flatten(), variants });
    }

    /// The parameter comes from the runtime.
    pub(crate) fn injected(&mut self, needs: Vec<Need>) {
        self.params.push(Described::Injected { needs });
    }
}

impl fmt::Debug for Description<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description").field("tool", &self.def.name).finish_non_exhaustive()
    }
}

/// The values of one call.
pub struct ArgumentReader<'a> {
    context: &'a ToolContext,
    compiled: &'a Compiled,
    whole: &'a str,
    values: Values<'a>,
    index: usize,
    /// What serde said, by parameter.
    pub(crate) rejected: Vec<(usize, String)>,
    /// Why something could not be injected.
    pub(crate) failed: Option<ToolError>,
}

/// The text of the arguments does not have the shape that the schema asks for.
#[derive(Debug)]
pub(crate) struct UnexpectedShape;

/// So many parameters need no allocation to find their values.
const INLINE: usize = 8;

enum Values<'a> {
    Inline([Option<&'a RawValue>; INLINE]),
    Many(Vec<Option<&'a RawValue>>),
}

impl<'a> ArgumentReader<'a> {
    /// Splits the arguments object `whole` into the values of the parameters; refuses names that nobody knows.
    pub(crate) fn new(
        context: &'a ToolContext,
        def: &ToolDef,
        compiled: &'a Compiled,
        whole: &'a str,
    ) -> Result<Self, UnexpectedShape> {
        let count = def.params.len();
        let mut values =
            if count <= INLINE { Values::Inline([None; INLINE]) } else { Values::Many(vec![None; count]) };
        let slots = match &mut values {
            Values::Inline(slots) => &mut slots[..],
            Values::Many(slots) => slots,
        };
        let mut unknown = false;
        let split = Split { def, compiled, slots, unknown: &mut unknown };
        let mut deserializer = serde_json::Deserializer::from_str(whole);
        deserializer.deserialize_map(split).map_err(|_| UnexpectedShape)?;
        if unknown && !compiled.arguments.open {
            return Err(UnexpectedShape);
        }
        Ok(Self { context, compiled, whole, values, index: 0, rejected: Vec::new(), failed: None })
    }

    /// The JSON of the parameter that is being visited.
    pub(crate) fn text(&self) -> Option<&'a str> {
        if self.compiled.arguments.sources[self.index] == Source::Whole {
            return Some(self.whole);
        }
        let values = match &self.values {
            Values::Inline(values) => &values[..],
            Values::Many(values) => values,
        };
        values[self.index].map(RawValue::get)
    }

    pub(crate) fn context(&self) -> &'a ToolContext {
        self.context
    }

    pub(crate) fn missing(&mut self) {
        self.rejected.push((self.index, "missing".to_owned()));
    }

    pub(crate) fn reject(&mut self, error: &serde_json::Error) {
        self.rejected.push((self.index, error.to_string()));
    }

    pub(crate) fn fail(&mut self, error: ToolError) {
        self.failed.get_or_insert(error);
    }
}

impl fmt::Debug for ArgumentReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArgumentReader").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Puts each value of an object into the slot of its parameter.
struct Split<'s, 'a> {
    def: &'s ToolDef,
    compiled: &'s Compiled,
    slots: &'s mut [Option<&'a RawValue>],
    unknown: &'s mut bool,
}

impl<'a> de::Visitor<'a> for Split<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key_seed(Name { def: self.def, compiled: self.compiled })? {
            match name {
                Known::Param(index) => self.slots[index] = Some(map.next_value()?),
                Known::Name => drop(map.next_value::<IgnoredAny>()?),
                Known::Not => {
                    *self.unknown = true;
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Looks a name up without keeping it.
struct Name<'s> {
    def: &'s ToolDef,
    compiled: &'s Compiled,
}

enum Known {
    Param(usize),
    /// Of a field of the whole-object parameter.
    Name,
    Not,
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Known, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl de::Visitor<'_> for Name<'_> {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Known, E> {
        let sources = self.compiled.arguments.sources.iter();
        let mut params = self.def.params.iter().zip(sources);
        if let Some(index) =
            params.position(|(param, source)| *source == Source::Property && param.name == name)
        {
            return Ok(Known::Param(index));
        }
        Ok(if self.compiled.arguments.names.iter().any(|known| **known == *name) {
            Known::Name
        } else {
            Known::Not
        })
    }
}

/// Deserializes as serde does a field that is not there: only what accepts absence succeeds.
///
/// With a place for them it looks into options, lists and wrappers instead, for the names of an enum's variants.
pub(crate) struct Absent<'n> {
    names: Option<&'n Cell<Names>>,
    /// So much deeper it looks: wrappers may hold themselves.
    depth: u8,
}

/// The names of an enum's variants, in the order of its declaration.
pub(crate) type Names = &'static [&'static str];

impl Absent<'static> {
    pub(crate) const VALUE: Self = Self { names: None, depth: 0 };
}

impl<'n> Absent<'n> {
    /// One that looks inside, if this one may.
    fn inner(&self) -> Option<Self> {
        let names = self.names.filter(|_| self.depth > 0)?;
        Some(Self { names: Some(names), depth: self.depth - 1 })
    }
}

/// What a type says of itself when it is deserialized.
pub(crate) struct Asked {
    pub(crate) accepts_absence: bool,
    pub(crate) variants: Names,
}

/// Asks a type.
pub(crate) fn ask<T: DeserializeOwned>() -> Asked {
    let variants = Cell::new(&[][..]);
    // There is no value to find, only names on the way.
    drop(T::deserialize(Absent { names: Some(&variants), depth: 8 }));
    Asked { accepts_absence: T::deserialize(Absent::VALUE).is_ok(), variants: variants.get() }
}

impl<'de> Deserializer<'de> for Absent<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("missing"))
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.inner() {
            Some(inner) => visitor.visit_some(inner),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.inner() {
            Some(inner) => visitor.visit_newtype_struct(inner),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.inner() {
            Some(inner) => visitor.visit_seq(OneItem(Some(inner))),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        variants: Names,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if let Some(names) = self.names {
            names.set(variants);
        }
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A list of one item, to look into.
struct OneItem<'n>(Option<Absent<'n>>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = de::value::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        self.0.take().map(|item| seed.deserialize(item)).transpose()
    }
}
