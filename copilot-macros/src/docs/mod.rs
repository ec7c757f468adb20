//! Descriptions of tools and arguments from doc comments.

mod comment;
pub(crate) mod sections;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// A description: literal text, or an expression that evaluates to `&'static str`.
#[derive(Clone)]
pub(crate) enum Description {
    Text(String),
    /// From `#[doc = include_str!("..")]` or `description = CONST`.
    Expr(TokenStream),
}

impl Description {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl Default for Description {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl ToTokens for Description {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Text(text) => text.to_tokens(tokens),
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}

/// Returns the values of the doc attributes: lines of `///` comments, whole `/** */` comments, and expressions.
fn values(attrs: &[Attribute]) -> impl Iterator<Item = &Expr> {
    attrs.iter().filter_map(|attr| match &attr.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => Some(&meta.value),
        _ => None,
    })
}

fn literal(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// Returns the doc comment of an item; an empty text without one.
pub(crate) fn description(attrs: &[Attribute]) -> Description {
    let values: Vec<&Expr> = values(attrs).collect();
    let literals: Vec<Option<String>> = values.iter().map(|expr| literal(expr)).collect();
    let indent = comment::indent(literals.iter().flatten());
    let clean = |text: &String| comment::clean(text, indent);
    if let Some(parts) = literals.iter().map(|text| text.as_ref().map(clean)).collect::<Option<Vec<_>>>() {
        return Description::Text(parts.join("\n").trim().to_owned());
    }
    let mut parts = TokenStream::new();
    for (index, (value, text)) in values.iter().zip(&literals).enumerate() {
        let part =
            text.as_ref().map_or_else(|| value.to_token_stream(), |text| clean(text).to_token_stream());
        parts.extend(if index == 0 { quote!(#part) } else { quote!(, "\n", #part) });
    }
    Description::Expr(quote!(::core::concat!(#parts)))
}

/// Returns the span of the comment that contains the line.
pub(crate) fn span_of(attrs: &[Attribute], line: &str) -> Option<Span> {
    values(attrs).find(|value| literal(value).is_some_and(|text| text.contains(line))).map(Spanned::span)
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn check(attrs: &[Attribute], expected: &str) {
        let Description::Text(text) = description(attrs) else { panic!("not literal") };
        assert_eq!(text, expected);
    }

    #[test]
    fn paragraphs_and_lists_are_kept() {
        check(
            &[
                parse_quote!(#[doc = " Weather."]),
                parse_quote!(#[doc = ""]),
                parse_quote!(#[inline]),
                parse_quote!(#[doc = " - one"]),
                parse_quote!(#[doc = "   two"]),
                parse_quote!(#[doc = " "]),
            ],
            "Weather.\n\n- one\n  two",
        );
    }

    #[test]
    fn the_common_indentation_is_removed() {
        check(
            &[parse_quote!(#[doc = "   Weather."]), parse_quote!(#[doc = "     Today."])],
            "Weather.\n  Today.",
        );
        check(&[parse_quote!(#[doc = "Weather."]), parse_quote!(#[doc = " Today."])], "Weather.\nToday.");
    }

    #[test]
    fn block_comments_are_text_without_stars() {
        check(
            &[parse_quote!(#[doc = "\n     * Weather.\n     *\n     * - one\n     *   two\n     "])],
            "Weather.\n\n- one\n  two",
        );
        check(&[parse_quote!(#[doc = " Weather.\n *\n * Today.\n "])], "Weather.\n\nToday.");
        check(
            &[parse_quote!(#[doc = "\n     Weather.\n\n     * one\n       two\n     "])],
            "Weather.\n\n* one\n  two",
        );
        check(&[parse_quote!(#[doc = " One line. "])], "One line.");
    }

    #[test]
    fn included_text_is_joined_by_the_compiler() {
        let attrs = [parse_quote!(#[doc = " Weather."]), parse_quote!(#[doc = include_str!("w.md")])];
        let tokens = description(&attrs).to_token_stream().to_string();
        assert_eq!(tokens, r#":: core :: concat ! ("Weather." , "\n" , include_str ! ("w.md"))"#);
    }

    #[test]
    fn the_span_is_that_of_the_line() {
        let attrs: [Attribute; 2] =
            [parse_quote!(#[doc = " Weather."]), parse_quote!(#[doc = " * `city` - City."])];
        assert!(span_of(&attrs, "* `city` - City.").is_some());
        assert!(span_of(&attrs, "* `day`").is_none());
    }
}
