//! Parses the values of options.

use proc_macro2::Span;
use quote::ToTokens;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{Expr, ExprLit, ExprPath, Lit, Token};

use super::args::{Function, Name, Number, Scalar, bare, scalar};
use crate::docs::Description;
use crate::options::{Entry, Text, Value};

pub(super) fn flag(entry: &Entry) -> syn::Result<Option<Span>> {
    Ok(entry.flag()?.then(|| entry.span()))
}

/// Returns the path or the closure after `=`. A path may be written as a string literal.
pub(super) fn function(entry: &Entry, example: &str) -> syn::Result<Function> {
    match entry.expr(example)? {
        Expr::Closure(closure) => Ok(Function::Closure(closure.clone())),
        Expr::Path(ExprPath { qself: None, path, .. }) => Ok(Function::Path(path.clone())),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => text.parse().map(Function::Path),
        other => Err(syn::Error::new_spanned(
            other,
            format!("`{}` must be a closure or the path of a function, as in `{0} = {example}`", entry.key),
        )),
    }
}

/// Returns which of `words` the value is, written as an identifier or as text.
pub(super) fn word(entry: &Entry, words: &[&'static str]) -> syn::Result<&'static str> {
    let example = words.last().copied().unwrap_or_default();
    let expr = entry.expr(example)?;
    let given = match expr {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    words.iter().copied().find(|word| given.as_deref() == Some(*word)).ok_or_else(|| {
        syn::Error::new_spanned(expr, format!("`{}` must be `{}`", entry.key, words.join("` or `")))
    })
}

pub(super) fn positive(entry: &Entry, example: &str) -> syn::Result<usize> {
    let expr = entry.expr(example)?;
    match scalar(expr) {
        Some(Scalar::Int(number)) if number > 0 => usize::try_from(number).ok(),
        _ => None,
    }
    .ok_or_else(|| {
        let message = format!("`{}` must be an integer above 0, as in `{0} = {example}`", entry.key);
        syn::Error::new_spanned(expr, message)
    })
}

pub(super) fn length(entry: &Entry) -> syn::Result<usize> {
    let expr = entry.expr("80")?;
    match scalar(expr) {
        Some(Scalar::Int(number)) => usize::try_from(number).ok(),
        _ => None,
    }
    .ok_or_else(|| {
        syn::Error::new_spanned(
            expr,
            format!("`{}` must be a non-negative integer, as in `{0} = 80`", entry.key),
        )
    })
}

pub(super) fn number(entry: &Entry) -> syn::Result<Number> {
    let expr = entry.expr("1")?;
    match scalar(expr) {
        Some(Scalar::Int(number)) => Ok(Number::Int(number)),
        Some(Scalar::Float(number)) => Ok(Number::Float(number)),
        None if !matches!(bare(expr), Expr::Lit(_)) => Ok(Number::Expr(expr.clone())),
        None if is_integer(expr) => Err(syn::Error::new_spanned(expr, TOO_LARGE)),
        _ => Err(syn::Error::new_spanned(expr, format!("`{}` must be a number, as in `{0} = 1`", entry.key))),
    }
}

const TOO_LARGE: &str = "an integer in a schema has at most 64 bits";

fn is_integer(expr: &Expr) -> bool {
    matches!(bare(expr), Expr::Lit(ExprLit { lit: Lit::Int(_), .. }))
}

/// Returns the expressions of `key = value`, `key = [a, b]` or `key(a, b)`.
fn exprs(entry: &Entry, example: &str) -> syn::Result<Vec<Expr>> {
    Ok(match &entry.value {
        Value::Expr(Expr::Array(array)) => array.elems.iter().cloned().collect(),
        Value::Expr(expr) => vec![expr.clone()],
        Value::List(list) => {
            Punctuated::<Expr, Token![,]>::parse_terminated.parse2(list.clone())?.into_iter().collect()
        }
        Value::None => {
            return Err(entry.error(format!("`{}` needs a value, as in `{0} = {example}`", entry.key)));
        }
    })
}

/// Returns the values of `key = value`, `key = [a, b]` or `key(a, b)`.
pub(super) fn scalars(entry: &Entry, example: &str) -> syn::Result<Vec<Scalar>> {
    exprs(entry, example)?
        .iter()
        .map(|expr| {
            scalar(expr).ok_or_else(|| {
                if is_integer(expr) {
                    return syn::Error::new_spanned(expr, TOO_LARGE);
                }
                let message = format!("`{}` takes literals only: text, numbers and booleans", entry.key);
                syn::Error::new_spanned(expr, message)
            })
        })
        .collect()
}

pub(super) fn texts(entry: &Entry) -> syn::Result<Vec<Text>> {
    let text = |expr| match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(Text::Literal(text)),
        Expr::Path(path) => Ok(Text::Const(path)),
        other => Err(syn::Error::new_spanned(
            other,
            format!(
                "`{}` takes string literals and paths of constants, as in `{0}(\"a\", \"b\")`",
                entry.key
            ),
        )),
    };
    exprs(entry, "[\"a\", \"b\"]")?.into_iter().map(text).collect()
}

/// Returns the pairs of `meta("ns:key" = value, ..)`.
pub(super) fn meta(entry: &Entry) -> syn::Result<Vec<(String, Scalar)>> {
    let example = "meta(\"example.com:key\" = \"value\")";
    let Value::List(list) = &entry.value else {
        return Err(entry.error(format!("`meta` takes a list, as in `{example}`")));
    };
    let pairs = Punctuated::<Expr, Token![,]>::parse_terminated.parse2(list.clone())?;
    pairs
        .iter()
        .map(|pair| {
            if let Expr::Assign(pair) = pair
                && let (Some(Scalar::Text(key)), Some(value)) = (scalar(&pair.left), scalar(&pair.right))
            {
                return Ok((key, value));
            }
            Err(syn::Error::new_spanned(pair, format!("`meta` takes pairs, as in `{example}`")))
        })
        .collect()
}

pub(super) fn description(entry: &Entry) -> syn::Result<Description> {
    Ok(match entry.expr("\"..\"")? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Description::Text(text.value()),
        expr => Description::Expr(expr.to_token_stream()),
    })
}

pub(super) fn name(entry: &Entry) -> syn::Result<Name> {
    Ok(match entry.expr("\"get_weather\"")? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Name::Text(text.value(), text.span()),
        Expr::Path(path) => Name::Const(path.to_token_stream()),
        other => {
            let message = "`name` must be a string literal or the path of a constant";
            return Err(syn::Error::new_spanned(other, message));
        }
    })
}
