//! Trial runs of a type's `Deserialize` implementation. Pure.
//!
//! One deserializer finds out whether a type accepts absence, what it consists of, and where a value does not fit.
//! It is a single type, so that a user's type is compiled for it once.

use std::cell::{Cell, RefCell};
use std::slice;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize as _, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, Expected,
    IntoDeserializer, MapAccess, SeqAccess, Unexpected, VariantAccess, Visitor,
};

use crate::tools::arguments::fault::{Fault, Key, RAW_VALUE, RawText, TrialError, VariantNames, number};
use crate::tools::arguments::node::{Node, Step};

/// A deserializer for a trial run.
pub(crate) struct Trial<'t>(Input<'t>);

#[derive(Clone, Copy)]
enum Input<'t> {
    /// A missing field: only types that accept absence, such as `Option`, accept it.
    Absent,
    /// Nothing. Options, lists and wrappers are descended into.
    Nothing {
        facts: &'t Facts,
        /// The remaining depth. Wrappers may contain themselves.
        depth: u8,
        /// Whether only wrappers were descended into.
        outermost: bool,
        wrapped: bool,
    },
    /// A value of a call.
    Value(Part<'t>),
}

/// A part of the arguments.
#[derive(Clone, Copy)]
struct Part<'t> {
    node: &'t Node,
    place: &'t Place<'t>,
    fields: &'t RefCell<Vec<StructFields>>,
}

/// The place of a value, from the inside to the outside.
#[derive(Clone, Copy)]
struct Place<'t>(Option<(&'t Place<'t>, PlaceStep<'t>)>);

#[derive(Clone, Copy)]
enum PlaceStep<'t> {
    Name(&'t str),
    Index(usize),
}

/// The path of a struct, and the names that it has fields for, aliases included.
pub(crate) type StructFields = (Vec<Step>, &'static [&'static str]);

#[derive(Default)]
struct Facts {
    variants: Cell<VariantNames>,
    outer: Cell<Outer>,
}

/// The outermost form of a type, inside of wrappers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outer {
    #[default]
    Other,
    /// A map with keys of any name or of an enum.
    Map,
    /// A struct with its name and fields. `wrapped` is set inside of a wrapper.
    Struct { name: &'static str, fields: &'static [&'static str], wrapped: bool },
}

/// The properties of a type that its `Deserialize` implementation shows.
pub(crate) struct TypeFacts {
    /// Whether the type accepts a missing field.
    pub(crate) accepts_absence: bool,
    /// The names of the variants of an enum; empty for other types.
    pub(crate) variants: VariantNames,
    pub(crate) outer: Outer,
}

/// Deserializes a type from nothing, to find out its properties.
pub(crate) fn facts<T: DeserializeOwned>() -> TypeFacts {
    let facts = Facts::default();
    // Fails or returns a value that is not used; only the names matter.
    drop(T::deserialize(Trial(Input::Nothing { facts: &facts, depth: 8, outermost: true, wrapped: false })));
    TypeFacts {
        accepts_absence: T::deserialize(Trial::ABSENT).is_ok(),
        variants: facts.variants.get(),
        outer: facts.outer.get(),
    }
}

/// Deserializes a value and drops it.
pub(crate) type Attempt = fn(Trial<'_>) -> Result<(), TrialError>;

/// The result of [`mistakes`].
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    /// The places at which the type rejects the value, with the reasons.
    pub(crate) found: Vec<(Vec<Step>, Fault)>,
    /// The structs in the value.
    pub(crate) fields: Vec<StructFields>,
}

/// The limit of the mistakes that are searched for in one argument.
const MOST: usize = 64;

/// Finds every place at which a type rejects a value. After each mistake, its place is left out and the rest is tried.
pub(crate) fn mistakes(mut node: Node, attempt: Attempt) -> Mistakes {
    let mut mistakes = Mistakes::default();
    for _ in 0..MOST {
        let fields = RefCell::default();
        let part = Part { node: &node, place: &Place(None), fields: &fields };
        let tried = attempt(Trial(Input::Value(part)));
        let fields = fields.into_inner();
        if fields.len() > mistakes.fields.len() {
            mistakes.fields = fields;
        }
        let Err(TrialError { path, fault }) = tried else { break };
        let path = path.unwrap_or_default();
        // A value may be rejected because a part of it is left out, and a name may not.
        let is_name = matches!(fault, Fault::Name(_));
        if is_name || node.at(&path).is_some_and(|node| !node.is_partial()) {
            mistakes.found.push((path.clone(), fault));
        }
        if path.is_empty() || !node.remove(&path) {
            break;
        }
    }
    mistakes
}

impl Place<'_> {
    fn path(&self) -> Vec<Step> {
        let mut path = Vec::new();
        let mut place = self;
        while let Some((parent, step)) = &place.0 {
            path.push(match step {
                PlaceStep::Name(name) => Step::Name((*name).to_owned()),
                PlaceStep::Index(index) => Step::Index(*index),
            });
            place = parent;
        }
        path.reverse();
        path
    }
}

impl Trial<'static> {
    pub(crate) const ABSENT: Self = Self(Input::Absent);
}

impl<'t> Trial<'t> {
    /// Returns the deserializer of an inner value; `None` if it does not descend.
    fn inner(&self, is_wrapper: bool) -> Option<Self> {
        match self.0 {
            Input::Nothing { facts, depth, outermost, wrapped } if depth > 0 => Some(Self(Input::Nothing {
                facts,
                depth: depth - 1,
                outermost: outermost && is_wrapper,
                wrapped: wrapped || is_wrapper,
            })),
            Input::Value(part) if is_wrapper || *part.node != Node::Null => Some(Self(Input::Value(part))),
            Input::Absent | Input::Nothing { .. } | Input::Value(_) => None,
        }
    }

    /// Returns the value; an error without one.
    fn part(&self) -> Result<Part<'t>, TrialError> {
        match self.0 {
            Input::Value(part) => Ok(part),
            Input::Absent | Input::Nothing { .. } => Err(de::Error::custom("missing")),
        }
    }

    fn found(&self, outer: Outer) {
        if let Input::Nothing { facts, outermost: true, .. } = self.0 {
            facts.outer.set(outer);
        }
    }
}

impl<'t> Part<'t> {
    fn below<T>(
        &self,
        node: &Node,
        step: PlaceStep<'_>,
        visit: impl FnOnce(Trial<'_>) -> Result<T, TrialError>,
    ) -> Result<T, TrialError> {
        let place = Place(Some((self.place, step)));
        visit(Trial(Input::Value(Part { node, place: &place, fields: self.fields })))
            .map_err(|error| error.at(|| place.path()))
    }
}

impl<'de> Deserializer<'de> for Trial<'_> {
    type Error = TrialError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let part = self.part()?;
        match part.node {
            Node::Null | Node::Removed => visitor.visit_unit(),
            Node::Bool(value) => visitor.visit_bool(*value),
            Node::Number(text) => number(text, visitor),
            Node::Text(text) => visitor.visit_str(text),
            Node::List(items) => visitor.visit_seq(Items::Parts { part, items: items.iter().enumerate() }),
            Node::Object(members) => {
                visitor.visit_map(Members { part, members: members.entries().iter(), value: None })
            }
        }
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.part()?.node {
            Node::Number(text) if text.parse::<i128>().is_ok() => {
                visitor.visit_i128(text.parse().map_err(de::Error::custom)?)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.part()?.node {
            Node::Number(text) if text.parse::<u128>().is_ok() => {
                visitor.visit_u128(text.parse().map_err(de::Error::custom)?)
            }
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.part()?.node {
            Node::Text(text) => visitor.visit_bytes(text.as_bytes()),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.inner(false) {
            Some(inner) => visitor.visit_some(inner),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        // JSON as text, which serde_json passes under a name that no other deserializer uses.
        if let (RAW_VALUE, Input::Value(part)) = (name, self.0) {
            return visitor.visit_map(RawText(Some(part.node.text())));
        }
        match self.inner(true) {
            Some(inner) => visitor.visit_newtype_struct(inner),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match (self.0, self.inner(false)) {
            (Input::Nothing { .. }, Some(inner)) => visitor.visit_seq(Items::One(Some(inner))),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        // A struct with a flattened field asks for a map too, and says that it is a struct.
        if (&visitor as &dyn Expected).to_string() == "a map" {
            self.found(Outer::Map);
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.0 {
            Input::Nothing { wrapped, .. } => self.found(Outer::Struct { name, fields, wrapped }),
            Input::Value(part) => part.fields.borrow_mut().push((part.place.path(), fields)),
            Input::Absent => {}
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: VariantNames,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if let Input::Nothing { facts, .. } = self.0 {
            facts.variants.set(variants);
        }
        let part = self.part()?;
        match part.node {
            Node::Text(name) => visitor.visit_enum(Variant { name, value: None }),
            Node::Object(members) if members.len() == 1 => {
                let (name, node) = members.iter().next().expect("the object has one member");
                visitor.visit_enum(Variant { name, value: Some(Part { node, ..part }) })
            }
            _ => Err(de::Error::invalid_type(Unexpected::Other("another value"), &"the name of a variant")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        self.part()?;
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string unit unit_struct tuple tuple_struct identifier
    }
}

/// The items of a list.
enum Items<'t> {
    /// An item without a value, to descend into.
    One(Option<Trial<'t>>),
    Parts {
        part: Part<'t>,
        items: std::iter::Enumerate<slice::Iter<'t, Node>>,
    },
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = TrialError;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        match self {
            Self::One(item) => item.take().map(|item| seed.deserialize(item)).transpose(),
            Self::Parts { part, items } => items
                .find(|(_, node)| **node != Node::Removed)
                .map(|(index, node)| {
                    part.below(node, PlaceStep::Index(index), |trial| seed.deserialize(trial))
                })
                .transpose(),
        }
    }
}

/// The members of an object.
struct Members<'t> {
    part: Part<'t>,
    members: slice::Iter<'t, (String, Node)>,
    value: Option<(&'t str, &'t Node)>,
}

impl<'de> MapAccess<'de> for Members<'_> {
    type Error = TrialError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        let Some((name, node)) = self.members.find(|(_, node)| *node != Node::Removed) else {
            return Ok(None);
        };
        self.value = Some((name, node));
        let place = Place(Some((self.part.place, PlaceStep::Name(name))));
        seed.deserialize(Key(name)).map(Some).map_err(|error| error.of_name(place.path()))
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Self::Error> {
        let (name, node) = self.value.take().ok_or_else(|| de::Error::custom("a value without a name"))?;
        self.part.below(node, PlaceStep::Name(name), |trial| seed.deserialize(trial))
    }
}

/// A variant of an enum, with its value.
struct Variant<'t> {
    name: &'t str,
    value: Option<Part<'t>>,
}

impl<'de, 't> EnumAccess<'de> for Variant<'t> {
    type Error = TrialError;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Self::Error> {
        let name: StrDeserializer<'t, TrialError> = self.name.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl Variant<'_> {
    fn value<T>(self, visit: impl FnOnce(Trial<'_>) -> Result<T, TrialError>) -> Result<T, TrialError> {
        match self.value {
            Some(part) => part.below(part.node, PlaceStep::Name(self.name), visit),
            None => Err(TrialError::new(Fault::Expected(format!("an object with `{}`", self.name)))),
        }
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = TrialError;

    fn unit_variant(self) -> Result<(), Self::Error> {
        match &self.value {
            None => Ok(()),
            Some(_) => self.value(|trial| <()>::deserialize(trial)),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Self::Error> {
        self.value(|trial| seed.deserialize(trial))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Self::Error> {
        self.value(|trial| trial.deserialize_any(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        self.value(|trial| trial.deserialize_struct("", fields, visitor))
    }
}
