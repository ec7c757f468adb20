//! The expansion of a tool with mistakes: the errors and the item itself, so that each mistake is one error and editors
//! keep working.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

use super::expand;
use super::model::Tool;
use crate::diagnostics::Diagnostics;

/// The expansion of a function that was parsed but has mistakes.
pub(crate) fn with_model(errors: Diagnostics, tool: &Tool) -> TokenStream {
    let mut output = errors.into_compile_errors();
    output.extend(expand::placeholder(tool));
    output
}

/// The expansion of an item that could not be parsed, such as half-typed code.
pub(crate) fn without_model(errors: Diagnostics, item: TokenStream) -> TokenStream {
    let mut output = errors.into_compile_errors();
    output.extend(without_macro_attributes(item));
    output
}

/// Removes the attributes of parameters that rustc rejects: `#[arg]` and doc comments.
pub(crate) fn without_macro_attributes(item: TokenStream) -> TokenStream {
    let mut seen_fn = false;
    item.into_iter()
        .map(|token| match token {
            TokenTree::Ident(ident) if ident == "fn" => {
                seen_fn = true;
                ident.into()
            }
            TokenTree::Group(group) if seen_fn && group.delimiter() == Delimiter::Parenthesis => {
                seen_fn = false;
                let mut stripped = Group::new(Delimiter::Parenthesis, strip(group.stream(), &["arg", "doc"]));
                stripped.set_span(group.span());
                stripped.into()
            }
            other => other,
        })
        .collect()
}

/// Removes the attributes with these names.
pub(crate) fn strip(tokens: TokenStream, names: &[&str]) -> TokenStream {
    let is_named = |group: &Group| match group.stream().into_iter().next() {
        Some(TokenTree::Ident(ident)) => names.iter().any(|name| ident == name),
        _ => false,
    };
    let mut kept = Vec::new();
    for token in tokens {
        let is_macro_attribute = matches!(&token, TokenTree::Group(group)
            if group.delimiter() == Delimiter::Bracket && is_named(group));
        let after_hash = matches!(kept.last(), Some(TokenTree::Punct(punct)) if punct.as_char() == '#');
        if is_macro_attribute && after_hash {
            kept.pop();
        } else {
            kept.push(token);
        }
    }
    kept.into_iter().collect()
}
