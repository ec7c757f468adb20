//! Parses the options of an attribute: `key`, `key = value` and `key(..)` in any order. Reports every mistake.

use proc_macro2::{Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprPath, Ident, Lit, LitStr, Path, Token, token};

use crate::diagnostics::{Diagnostics, suggest};

/// One option: a key with an optional value.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

pub(crate) enum Value {
    None,
    Expr(Expr),
    List(TokenStream),
}

/// A text that is known to the macro, or to the compiler only.
#[derive(Clone)]
pub(crate) enum Text {
    Literal(LitStr),
    /// The path of a constant of type `&'static str`.
    Const(ExprPath),
}

impl ToTokens for Text {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Literal(text) => text.to_tokens(tokens),
            // A variable, so that an error about the type of the constant names nothing else.
            Self::Const(path) => tokens.extend(quote! {{
                let __text: &'static ::core::primitive::str = #path;
                __text
            }}),
        }
    }
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Expr(input.parse()?)
        } else if input.peek(token::Paren) {
            let list;
            syn::parenthesized!(list in input);
            Value::List(list.parse()?)
        } else {
            Value::None
        };
        Ok(Self { key, value })
    }
}

/// Parses the options. Rejects unknown keys, with a suggestion from `known`, and repeated keys.
pub(crate) fn parse(tokens: TokenStream, known: &[&str], errors: &mut Diagnostics) -> Vec<Entry> {
    use syn::parse::Parser;

    if let Some(value) = unnamed(tokens.clone()) {
        let is_text = value.to_string().starts_with('"');
        let option = ["description", "group"].into_iter().find(|key| is_text && known.contains(key));
        let option = option.unwrap_or("option");
        errors.at(
            value.span(),
            format!("this value has no option; write its name, as in `{option} = {value}`"),
        );
        return Vec::new();
    }
    let parser = Punctuated::<Entry, Token![,]>::parse_terminated;
    let Some(entries) = errors.keep(parser.parse2(tokens)) else { return Vec::new() };
    let mut kept: Vec<Entry> = Vec::new();
    for entry in entries {
        let key = entry.key.to_string();
        if !known.contains(&key.as_str()) {
            let hint = match suggest(&key, known.iter().copied()) {
                Some(suggestion) => format!("did you mean `{suggestion}`?"),
                None => format!("valid options are `{}`", known.join("`, `")),
            };
            errors.at(entry.key.span(), format!("unknown option `{key}`; {hint}"));
        } else if kept.iter().any(|other| other.key == entry.key) {
            errors.at(entry.key.span(), format!("option `{key}` is given twice"));
        } else {
            kept.push(entry);
        }
    }
    kept
}

/// Returns a literal in the place of a key.
fn unnamed(tokens: TokenStream) -> Option<Literal> {
    let mut is_start = true;
    tokens.into_iter().find_map(|token| {
        let was_start =
            std::mem::replace(&mut is_start, matches!(&token, TokenTree::Punct(p) if p.as_char() == ','));
        match token {
            TokenTree::Literal(value) if was_start => Some(value),
            _ => None,
        }
    })
}

impl Entry {
    pub(crate) fn span(&self) -> Span {
        self.key.span()
    }

    /// Returns the value of a flag: `true` for a bare key, or a boolean literal.
    pub(crate) fn flag(&self) -> syn::Result<bool> {
        match &self.value {
            Value::None => Ok(true),
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Bool(value), .. })) => Ok(value.value()),
            _ => Err(self.error(format!("`{0}` takes no value: write `{0}`", self.key))),
        }
    }

    /// Returns the expression after `=`; `example` is shown in the error.
    pub(crate) fn expr(&self, example: &str) -> syn::Result<&Expr> {
        match &self.value {
            Value::Expr(expr) => Ok(expr),
            _ => Err(self.error(format!("`{}` needs a value, as in `{0} = {example}`", self.key))),
        }
    }

    /// Returns the string literal after `=`.
    pub(crate) fn text(&self, example: &str) -> syn::Result<&LitStr> {
        match &self.value {
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(text),
            Value::Expr(other) => Err(syn::Error::new_spanned(
                other,
                format!("`{}` must be a string literal, as in `{0} = \"{example}\"`", self.key),
            )),
            _ => Err(self.error(format!("`{}` needs a value, as in `{0} = \"{example}\"`", self.key))),
        }
    }

    /// Returns the string literal or the path of a constant after `=`; `example` is shown in the error.
    pub(crate) fn constant(&self, example: &str) -> syn::Result<Text> {
        match &self.value {
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => Ok(Text::Literal(text.clone())),
            Value::Expr(Expr::Path(path)) => Ok(Text::Const(path.clone())),
            Value::Expr(other) => Err(syn::Error::new_spanned(
                other,
                format!(
                    "`{}` must be a string literal or the path of a constant, as in `{0} = \"{example}\"`",
                    self.key
                ),
            )),
            _ => Err(self.error(format!("`{}` needs a value, as in `{0} = \"{example}\"`", self.key))),
        }
    }

    /// Returns the path after `=`, which may be written as a string literal.
    pub(crate) fn path(&self, example: &str) -> syn::Result<Path> {
        match &self.value {
            Value::Expr(Expr::Path(ExprPath { qself: None, path, .. })) => Ok(path.clone()),
            Value::Expr(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => text.parse(),
            Value::Expr(other) => Err(syn::Error::new_spanned(
                other,
                format!("`{}` must be a path, as in `{0} = {example}`", self.key),
            )),
            _ => Err(self.error(format!("`{}` needs a path, as in `{0} = {example}`", self.key))),
        }
    }

    /// Returns a duration such as `"10s"` in milliseconds.
    pub(crate) fn milliseconds(&self) -> syn::Result<u64> {
        let text = self.text("10s")?;
        let value = text.value();
        let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic()).trim_end();
        let unit = match value.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start() {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" | "min" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        let time = digits.parse::<u64>().ok().zip(unit).and_then(|(number, unit)| number.checked_mul(unit));
        let why = match time {
            Some(0) => "is zero, and a time limit must be more",
            Some(time) => return Ok(time),
            None => "is not a duration",
        };
        Err(syn::Error::new(text.span(), format!("`{value}` {why}; write `500ms`, `10s`, `2m` or `1h`")))
    }

    pub(crate) fn error(&self, message: impl std::fmt::Display) -> syn::Error {
        match &self.value {
            Value::None => syn::Error::new(self.key.span(), message),
            Value::Expr(expr) => syn::Error::new_spanned(expr, message),
            Value::List(list) => {
                let mut tokens = self.key.to_token_stream();
                tokens.extend(list.clone());
                syn::Error::new_spanned(tokens, message)
            }
        }
    }
}
