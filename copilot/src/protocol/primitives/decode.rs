//! The one way to decode JSON of the CLI into a type of this crate.
//!
//! Invariant: `null` means absent, in every member of every type, without an attribute on the member. A payload that
//! serde reads as it stands costs one pass. Only one that serde refuses is read a second time, member by member, with
//! the members left out that are `null`. The error names the member that is wrong.
//!
//! Three kinds of payload differ in how much may be missing from them:
//!
//! - A [`question`] decides what the agent may do, so a member of a wrong type is an error.
//! - An [`answer`] is an error as well then, but `null` entries of its lists and maps are left out.
//! - An [`event`] reports. A member that has an absent form (an option, a list, a map, a flag, a number) and is of a
//!   wrong type is left out; a text that must be there is an error, so that no empty answer stands in for it.

use std::any::type_name;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, CowStrDeserializer};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::scan::{Member, Scan, Scanner};
use super::unescape::unescaped;

type Result<T> = serde_json::Result<T>;

/// Decodes a request of the CLI, or an event that asks.
pub(crate) fn question<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T> {
    read(text, Mode::Question)
}

/// Decodes a question of a type that can be read in the [usual form](super::scan).
pub(crate) fn usual_question<'de, T: Scan<'de> + Deserialize<'de>>(text: &'de str) -> Result<T> {
    let mut value = T::default();
    if Scanner::read(text, &mut value).is_some() { Ok(value) } else { question(text) }
}

/// Decodes the result of a call.
pub(crate) fn answer<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T> {
    read(text, Mode::Answer)
}

/// Decodes a message that reports.
pub(crate) fn event<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T> {
    read(text, Mode::Event)
}

/// Reads a member that has a default, in types that other code decodes too: `null` means absent.
pub(crate) fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Question,
    Answer,
    Event,
}

/// A payload of at least this size is read member by member, so that a text with escapes takes memory of exactly its size
/// and no more.
const LARGE: usize = 1 << 20;

fn read<'de, T: Deserialize<'de>>(text: &'de str, mode: Mode) -> Result<T> {
    if text.len() >= LARGE
        && let Ok(read) = by_member(text, &Pass::default())
    {
        return Ok(read);
    }
    serde_json::from_str(text).or_else(|error| if error.is_data() { again(text, mode) } else { Err(error) })
}

/// Reads a value member by member. Not inlined, as each of its types is large.
#[inline(never)]
fn by_member<'de, T: Deserialize<'de>>(text: &'de str, pass: &Pass) -> Result<T> {
    T::deserialize(Place::new(text, pass, &Cell::default()))
}

/// How many places may be left out before the payload is given up. Places of one member in many elements count once
/// where they are `null`.
const MOST: usize = 64;

#[cold]
#[inline(never)]
fn again<'de, T: Deserialize<'de>>(text: &'de str, mode: Mode) -> Result<T> {
    let mut read = None;
    attempt(mode, &mut |pass| {
        read = Some(by_member(text, pass)?);
        Ok(())
    })?;
    read.ok_or_else(|| de::Error::custom("the last attempt has no value"))
}

/// Leaves out what cannot be read, until `read` succeeds. Of no type, because it would be compiled for each.
fn attempt(mode: Mode, read: &mut dyn FnMut(&Pass) -> Result<()>) -> Result<()> {
    let pass = Pass::default();
    let mut first = None;
    for _ in 0..=MOST {
        let Err(error) = read(&pass) else { return Ok(()) };
        let Some(mut failure) = pass.failure.take() else { return Err(first.unwrap_or(error)) };
        if failure.null.is_none() {
            find(&pass, &mut failure, read);
        }
        let left_out = pass.leave_out(&failure, mode);
        let error = failure.into_error(&error);
        if !left_out {
            return Err(first.unwrap_or(error));
        }
        tracing::debug!(%error, "a member is left out");
        first.get_or_insert(error);
    }
    Err(first.unwrap_or_else(|| de::Error::custom("too many members are of a wrong type")))
}

/// Finds the member of a flattened type that cannot be read: the one without which the rest can.
fn find(pass: &Pass, failure: &mut Failure, read: &mut dyn FnMut(&Pass) -> Result<()>) {
    for (name, value) in std::mem::take(&mut failure.members) {
        pass.values.borrow_mut().push(value);
        let read = read(pass);
        pass.values.borrow_mut().pop();
        let other = pass.failure.take();
        if read.is_ok() || other.is_some_and(|other| other.members.is_empty()) {
            failure.value = value;
            failure.path = joined(&failure.path, &name);
            return;
        }
    }
}

fn joined(container: &str, member: &str) -> String {
    let separator =
        if container.is_empty() || member.is_empty() || member.starts_with('[') { "" } else { "." };
    format!("{container}{separator}{member}")
}

/// The parts of a payload that are left out, and where the last attempt failed.
#[derive(Default)]
struct Pass {
    /// Values, by where they begin in the text.
    values: RefCell<Vec<*const u8>>,
    /// Members that are `null`, by their container's type and their name; every member where there is no name.
    nulls: RefCell<Vec<(&'static str, Option<String>)>>,
    failure: RefCell<Option<Failure>>,
}

struct Failure {
    /// The value that cannot be read, or the closest one around it that can be left out.
    value: *const u8,
    path: String,
    kind: Kind,
    /// Where it is `null`.
    null: Option<(&'static str, Option<String>)>,
    is_element: bool,
    /// The members of the value, where any of them may be the one.
    members: Vec<(String, *const u8)>,
}

/// How a value was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unasked,
    /// Has no absent form.
    Text,
    /// An option, a list, a map, a flag, a number.
    Other,
    /// Any value of a list or map, whose own absence says nothing.
    Entry,
}

impl Failure {
    fn can_be_left_out(&self) -> bool {
        self.kind == Kind::Other
    }

    fn into_error(self, error: &serde_json::Error) -> serde_json::Error {
        let text = error.to_string();
        // A position within a part of the text means nothing to a reader.
        let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
        match self.path.as_str() {
            "" => de::Error::custom(text),
            path => de::Error::custom(format_args!("`{path}`: {text}")),
        }
    }
}

impl Pass {
    /// Leaves out the place of a failure in the next attempt; `false` where nothing can be left out.
    fn leave_out(&self, failure: &Failure, mode: Mode) -> bool {
        if let Some(null) = &failure.null
            && (!failure.is_element || mode != Mode::Question)
        {
            self.nulls.borrow_mut().push(null.clone());
            return true;
        }
        if mode == Mode::Event && failure.can_be_left_out() {
            self.values.borrow_mut().push(failure.value);
            return true;
        }
        false
    }

    fn is_left_out(&self, value: &RawValue) -> bool {
        self.values.borrow().contains(&value.get().as_ptr())
    }

    fn is_absent(&self, container: &'static str, name: Option<&str>) -> bool {
        let nulls = self.nulls.borrow();
        nulls.iter().any(|(of, member)| *of == container && (member.is_none() || member.as_deref() == name))
    }

    /// Notes that the value of a member or element cannot be read.
    fn failed(&self, part: &Part<'_>, kind: Kind) {
        let mut failure = self.failure.borrow_mut();
        let kind = if part.is_element { Kind::Entry } else { kind };
        let value = part.value.get().as_ptr();
        match &mut *failure {
            None => {
                let null = is_null(part.value).then(|| {
                    let name = (!part.is_element).then(|| part.name.to_string());
                    (part.container, name)
                });
                let (path, is_element) = (part.name.to_string(), part.is_element);
                *failure = Some(Failure { value, path, kind, null, is_element, members: Vec::new() });
            }
            Some(failure) => {
                failure.path = joined(&part.name, &failure.path);
                if !failure.can_be_left_out() {
                    (failure.value, failure.kind) = (value, kind);
                }
            }
        }
    }
}

/// A member or element.
struct Part<'a> {
    container: &'static str,
    name: Cow<'a, str>,
    value: &'a RawValue,
    is_element: bool,
}

/// One value of the text, and how it is read.
#[derive(Clone, Copy)]
struct Place<'a, 'de> {
    text: &'de str,
    pass: &'a Pass,
    kind: &'a Cell<Kind>,
}

impl<'a, 'de> Place<'a, 'de> {
    fn new(text: &'de str, pass: &'a Pass, kind: &'a Cell<Kind>) -> Self {
        Self { text, pass, kind }
    }

    /// Notes how the value is asked for; the first one counts, as an option is asked for before what is in it.
    fn asked(self, kind: Kind) -> Self {
        if self.kind.get() == Kind::Unasked {
            self.kind.set(kind);
        }
        self
    }

    fn is_object(self) -> bool {
        self.text.trim_start().starts_with('{')
    }

    /// Reads a type whose members are known: none of them is `null`.
    fn structure<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let container = type_name::<V>();
        let (members, _) = self.members(container, true)?;
        visitor.visit_map(Object { members: members.into_iter(), value: None, pass: self.pass, container })
    }

    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let container = type_name::<V>();
        let (members, has_nulls) = self.members(container, false)?;
        let left = members.clone().into_iter();
        let read = visitor.visit_map(Object { members: left, value: None, pass: self.pass, container });
        if read.is_err() {
            self.failed_inside(members, has_nulls.then_some((container, None)));
        }
        read
    }

    /// Returns the members of an object that are not left out, and whether any of them is `null`.
    fn members(self, container: &'static str, skips_nulls: bool) -> Result<(Vec<Member<'de>>, bool)> {
        let mut members = match Scanner::members(self.text) {
            Some(members) => members,
            None => serde_json::from_str::<Members<'_>>(self.text)?.0,
        };
        let mut has_nulls = false;
        members.retain(|(name, value)| {
            let null = is_null(value);
            let absent = null && (skips_nulls || self.pass.is_absent(container, Some(name)));
            has_nulls |= null && !absent;
            !absent && !self.pass.is_left_out(value)
        });
        Ok((members, has_nulls))
    }

    /// Notes that a map cannot be read, unless the member is known already. Otherwise the member is in a flattened type,
    /// whose members cannot be seen from here.
    fn failed_inside(self, members: Vec<Member<'de>>, null: Option<(&'static str, Option<String>)>) {
        self.pass.failure.borrow_mut().get_or_insert_with(|| Failure {
            value: self.text.as_ptr(),
            path: String::new(),
            kind: Kind::Other,
            null,
            is_element: false,
            members: members
                .into_iter()
                .map(|(name, value)| (name.into_owned(), value.get().as_ptr()))
                .collect(),
        });
    }

    fn list<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let items: Vec<&'de RawValue> = serde_json::from_str(self.text)?;
        let container = type_name::<V>();
        let skips_nulls = self.pass.is_absent(container, None);
        visitor.visit_seq(List {
            items: items.into_iter().enumerate(),
            pass: self.pass,
            container,
            skips_nulls,
        })
    }
}

fn is_null(value: &RawValue) -> bool {
    value.get() == "null"
}

/// Hands a value to serde_json, which reads it without looking for absent members.
macro_rules! plain {
    ($($method:ident($kind:ident $(, $argument:ident: $of:ty)*);)*) => {$(
        fn $method<V: Visitor<'de>>(self $(, $argument: $of)*, visitor: V) -> Result<V::Value> {
            let text = self.asked(Kind::$kind).text;
            serde_json::Deserializer::from_str(text).$method($($argument,)* visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Place<'_, 'de> {
    type Error = serde_json::Error;

    plain! {
        deserialize_any(Other);
        deserialize_bool(Other);
        deserialize_i8(Other);
        deserialize_i16(Other);
        deserialize_i32(Other);
        deserialize_i64(Other);
        deserialize_i128(Other);
        deserialize_u8(Other);
        deserialize_u16(Other);
        deserialize_u32(Other);
        deserialize_u64(Other);
        deserialize_u128(Other);
        deserialize_f32(Other);
        deserialize_f64(Other);
        deserialize_char(Text);
        deserialize_str(Text);
        deserialize_bytes(Text);
        deserialize_byte_buf(Text);
        deserialize_unit(Other);
        deserialize_unit_struct(Other, name: &'static str);
        deserialize_enum(Text, name: &'static str, variants: &'static [&'static str]);
        deserialize_identifier(Text);
        deserialize_ignored_any(Other);
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let text = self.asked(Kind::Text).text;
        if text.len() >= LARGE
            && let Some(text) = unescaped(text)
        {
            return visitor.visit_string(text);
        }
        serde_json::Deserializer::from_str(text).deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.asked(Kind::Other);
        if value.text.trim() == "null" { visitor.visit_none() } else { visitor.visit_some(value) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value> {
        // How serde_json asks for a value as text.
        if name.starts_with('$') {
            let text = self.asked(Kind::Other).text;
            return serde_json::Deserializer::from_str(text).deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.asked(Kind::Other);
        if value.text.trim_start().starts_with('[') {
            return value.list(visitor);
        }
        serde_json::Deserializer::from_str(value.text).deserialize_seq(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    /// A map, or a type with a flattened member: an entry of a map may be `null`.
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let value = self.asked(Kind::Other);
        if value.is_object() {
            return value.map(visitor);
        }
        serde_json::Deserializer::from_str(value.text).deserialize_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        let value = self.asked(Kind::Other);
        if value.is_object() {
            return value.structure(visitor);
        }
        serde_json::Deserializer::from_str(value.text).deserialize_struct(name, fields, visitor)
    }
}

struct Object<'a, 'de> {
    members: std::vec::IntoIter<Member<'de>>,
    value: Option<Member<'de>>,
    pass: &'a Pass,
    container: &'static str,
}

impl<'de> MapAccess<'de> for Object<'_, 'de> {
    type Error = serde_json::Error;

    // Not inlined: every member of every type would have a copy.
    #[inline(never)]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let Some((name, value)) = self.members.next() else { return Ok(None) };
        self.value = Some((name.clone(), value));
        match name {
            Cow::Borrowed(name) => seed.deserialize(BorrowedStrDeserializer::new(name)),
            Cow::Owned(_) => seed.deserialize(CowStrDeserializer::new(name)),
        }
        .map(Some)
    }

    #[inline(never)]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let (name, value) = self.value.take().ok_or_else(|| de::Error::custom("a value before its name"))?;
        let kind = Cell::default();
        seed.deserialize(Place::new(value.get(), self.pass, &kind)).inspect_err(|_| {
            let part = Part { container: self.container, name, value, is_element: false };
            self.pass.failed(&part, kind.get());
        })
    }
}

struct List<'a, 'de> {
    items: std::iter::Enumerate<std::vec::IntoIter<&'de RawValue>>,
    pass: &'a Pass,
    container: &'static str,
    skips_nulls: bool,
}

impl<'de> SeqAccess<'de> for List<'_, 'de> {
    type Error = serde_json::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let skips_nulls = self.skips_nulls;
        let Some((at, value)) = self.items.find(|(_, value)| !(skips_nulls && is_null(value))) else {
            return Ok(None);
        };
        let kind = Cell::default();
        let read = seed.deserialize(Place::new(value.get(), self.pass, &kind)).inspect_err(|_| {
            let name = format!("[{at}]").into();
            let part = Part { container: self.container, name, value, is_element: true };
            self.pass.failed(&part, kind.get());
        });
        read.map(Some)
    }
}

/// The members of an object, as text.
struct Members<'de>(Vec<Member<'de>>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

        struct All;

        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(All)
    }
}

#[cfg(test)]
pub(crate) mod tests;
