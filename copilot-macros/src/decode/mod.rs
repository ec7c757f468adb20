//! `#[derive(Decode)]`: how a type of the protocol is read from JSON. For the crate `copilot` only.
//!
//! It expands to one function that reads a member by its name, and to little else: there are some three hundred of these
//! types, and every line of theirs is compiled in each program.

mod attributes;
mod expand;

use proc_macro2::TokenStream;
use syn::{Error, Fields, ItemStruct, Result};

use attributes::{Container, Member, Source};

/// A struct with named members, and how each of them is read.
struct Model {
    item: ItemStruct,
    container: Container,
    members: Vec<Member>,
}

pub(crate) fn decode(item: TokenStream) -> TokenStream {
    model(item).map_or_else(Error::into_compile_error, |model| expand::expand(&model))
}

fn model(item: TokenStream) -> Result<Model> {
    let item: ItemStruct = syn::parse2(item)?;
    let Fields::Named(fields) = &item.fields else {
        return Err(Error::new_spanned(&item.ident, "`Decode` is for structs with named members"));
    };
    let container = Container::parse(&item.attrs)?;
    let members: Vec<Member> =
        fields.named.iter().map(|field| Member::parse(field, &container)).collect::<Result<_>>()?;
    if members.len() > MOST {
        return Err(Error::new_spanned(&item.ident, format!("a type has {MOST} members at most")));
    }
    members.iter().try_for_each(|member| member.check(&container))?;
    let mut inner = members.iter().filter(|member| member.source == Source::Flattened && !member.is_rest());
    if let (Some(_), Some(second)) = (inner.next(), inner.next()) {
        return Err(Error::new_spanned(&second.ident, "a type has one flattened type at most"));
    }
    Ok(Model { item, container, members })
}

/// The reader has one bit for each member that it has seen, and one for the rest.
const MOST: usize = 63;

#[cfg(test)]
mod tests;
