//! The attributes of serde, as far as the protocol uses them, so that a type which is also `Serialize` names its members
//! once; and `#[decode(with = function)]`.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, Expr, Field, Ident, LitStr, Path, Result, Type};

/// How the members of a type are named, and what they are where they are absent.
#[derive(Default)]
pub(super) struct Container {
    /// An absent member is that of the type's default value.
    pub(super) has_default: bool,
    case: Case,
}

#[derive(Clone, Copy, Default)]
enum Case {
    #[default]
    Snake,
    Camel,
    Pascal,
}

/// One member of a type.
pub(super) struct Member {
    pub(super) ident: Ident,
    pub(super) ty: Type,
    /// Its names on the wire.
    pub(super) names: Vec<String>,
    pub(super) absent: Absent,
    pub(super) source: Source,
    /// The function that reads it.
    pub(super) with: Option<Path>,
}

/// The value of a member that is absent, where the type has no default value.
pub(super) enum Absent {
    /// Its type decides.
    Type,
    Default,
    Function(Path),
}

/// Where a member comes from.
#[derive(PartialEq)]
pub(super) enum Source {
    Name,
    /// The members of the container that are its own.
    Flattened,
    /// It is not on the wire.
    Skipped,
}

impl Container {
    pub(super) fn parse(attributes: &[Attribute]) -> Result<Self> {
        let mut container = Self::default();
        each(attributes, "serde", |meta| {
            match name(&meta)?.as_str() {
                "rename_all" => container.case = Case::parse(&meta.value()?.parse()?)?,
                "default" => container.has_default = true,
                _ => return Err(meta.error("`Decode` does not know this attribute of a type")),
            }
            Ok(())
        })?;
        Ok(container)
    }
}

impl Member {
    pub(super) fn parse(field: &Field, container: &Container) -> Result<Self> {
        let Some(ident) = field.ident.clone() else { return Err(Error::new_spanned(field, "no name")) };
        let mut member = Self {
            names: vec![container.case.apply(&ident.to_string())],
            ident,
            ty: field.ty.clone(),
            absent: Absent::Type,
            source: Source::Name,
            with: None,
        };
        each(&field.attrs, "serde", |meta| member.serde(&meta))?;
        each(&field.attrs, "decode", |meta| {
            if name(&meta)? != "with" {
                return Err(meta.error("expected `with`"));
            }
            member.with = Some(meta.value()?.parse()?);
            Ok(())
        })?;
        Ok(member)
    }

    fn serde(&mut self, meta: &ParseNestedMeta<'_>) -> Result<()> {
        match name(meta)?.as_str() {
            "rename" => self.names[0] = text(meta)?,
            "alias" => self.names.push(text(meta)?),
            "default" if meta.input.peek(syn::Token![=]) => {
                self.absent = Absent::Function(meta.value()?.parse::<LitStr>()?.parse()?);
            }
            "default" => self.absent = Absent::Default,
            "flatten" => self.source = Source::Flattened,
            "skip" => self.source = Source::Skipped,
            // How it is written.
            "skip_serializing_if" | "serialize_with" => drop(meta.value()?.parse::<Expr>()?),
            _ => return Err(meta.error("`Decode` does not know this attribute of a member")),
        }
        Ok(())
    }

    /// Refuses what would be read in another way than serde does it.
    pub(super) fn check(&self, container: &Container) -> Result<()> {
        let message = match &self.absent {
            Absent::Function(_) if container.has_default => {
                "the default value of the type has this member already"
            }
            Absent::Type if self.with.is_some() && !container.has_default => {
                "a member that a function reads needs `#[serde(default)]` here"
            }
            _ => return Ok(()),
        };
        Err(Error::new_spanned(&self.ident, message))
    }

    /// Returns whether the member is the map of all members that have no place of their own.
    pub(super) fn is_rest(&self) -> bool {
        let mut ty = &self.ty;
        // A type that a macro passes on.
        while let Type::Group(group) = ty {
            ty = &group.elem;
        }
        let Type::Path(path) = ty else { return false };
        self.source == Source::Flattened
            && path.path.segments.last().is_some_and(|segment| segment.ident == "BTreeMap")
    }
}

impl Case {
    fn parse(case: &LitStr) -> Result<Self> {
        Ok(match case.value().as_str() {
            "snake_case" => Self::Snake,
            "camelCase" => Self::Camel,
            "PascalCase" => Self::Pascal,
            _ => return Err(Error::new_spanned(case, "`Decode` does not know this case")),
        })
    }

    fn apply(self, ident: &str) -> String {
        let ident = ident.trim_start_matches("r#");
        let mut upper = matches!(self, Self::Pascal);
        let mut name = String::new();
        for letter in ident.chars() {
            match letter {
                '_' if !matches!(self, Self::Snake) => upper = true,
                _ if std::mem::take(&mut upper) => name.push(letter.to_ascii_uppercase()),
                _ => name.push(letter),
            }
        }
        name
    }
}

fn each(
    attributes: &[Attribute],
    name: &str,
    mut read: impl FnMut(ParseNestedMeta<'_>) -> Result<()>,
) -> Result<()> {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident(name))
        .try_for_each(|attribute| attribute.parse_nested_meta(&mut read))
}

fn name(meta: &ParseNestedMeta<'_>) -> Result<String> {
    meta.path.require_ident().map(Ident::to_string)
}

fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    meta.value()?.parse::<LitStr>().map(|text| text.value())
}
