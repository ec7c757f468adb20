//! The conditions of a user's item, which hold for everything that the macros add to it.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::Attribute;

/// Returns the `#[cfg(..)]` of an item, and of its `#[cfg_attr(..)]` the parts that are conditions.
pub(crate) fn of(attrs: &[Attribute]) -> Vec<TokenStream> {
    let conditions = attrs.iter().filter_map(|attr| condition(attr.meta.to_token_stream()));
    conditions.map(|condition| quote!(#[#condition])).collect()
}

/// Puts conditions before an item, if there is one.
pub(crate) fn under(conditions: &[TokenStream], item: TokenStream) -> TokenStream {
    if item.is_empty() {
        return item;
    }
    quote!(#(#conditions)* #item)
}

/// Returns the condition in the content of an attribute.
fn condition(attribute: TokenStream) -> Option<TokenStream> {
    let mut tokens = attribute.clone().into_iter();
    let Some(TokenTree::Ident(name)) = tokens.next() else { return None };
    if name == "cfg" {
        return Some(attribute);
    }
    let (predicate, attributes) = conditional(attribute)?;
    let conditions: Vec<_> = attributes.into_iter().filter_map(condition).collect();
    (!conditions.is_empty()).then(|| quote!(cfg_attr(#predicate, #(#conditions),*)))
}

/// Returns the predicate of a `cfg_attr(..)` and the attributes behind it; `None` for another attribute.
pub(crate) fn conditional(attribute: TokenStream) -> Option<(TokenStream, Vec<TokenStream>)> {
    let mut tokens = attribute.into_iter();
    let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(list))) = (tokens.next(), tokens.next()) else {
        return None;
    };
    if name != "cfg_attr" || list.delimiter() != Delimiter::Parenthesis {
        return None;
    }
    let mut parts = vec![TokenStream::new()];
    for token in list.stream() {
        match &token {
            TokenTree::Punct(comma) if comma.as_char() == ',' => parts.push(TokenStream::new()),
            _ => parts.last_mut()?.extend([token]),
        }
    }
    let predicate = parts.remove(0);
    Some((predicate, parts))
}
