//! The rules of `#[arg(..)]` that depend on the type of the argument, as assertions that the compiler evaluates.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Generics;

use super::args::{Number, Scalar};
use super::expand::{number, scalar};
use super::model::{Param, Tool, mentions, without_lifetimes};
use super::spelled;

/// Returns the assertions about all parameters. A type that depends on the `impl` block is checked when the session
/// starts, and so is a bound that does: a constant outside of the block cannot name it.
pub(crate) fn assertions(tool: &Tool, generics: &Generics) -> TokenStream {
    let runtime = &tool.options.runtime;
    let outer: Vec<String> = generics
        .type_params()
        .map(|param| param.ident.to_string())
        .chain(generics.const_params().map(|param| param.ident.to_string()))
        .chain(["Self".to_owned()])
        .collect();
    let mut assertions = TokenStream::new();
    for param in tool.params.iter().filter(|param| !mentions(param.ty.to_token_stream(), &outer)) {
        of_param(tool, param, &outer, &mut assertions);
    }
    if assertions.is_empty() {
        return assertions;
    }
    quote! {
        #[allow(unused_imports)]
        use #runtime::Unknown as _;
        #assertions
    }
}

fn of_param(tool: &Tool, param: &Param, outer: &[String], assertions: &mut TokenStream) {
    let options = &param.options;
    let (name, ty) = (&param.name, spelled::text(&param.ty));
    let mut assert = |key: &str, condition: TokenStream, message: String| {
        let span = options.span_of(key).unwrap_or(param.name_span);
        assertions.extend(assertion(tool, param, span, &condition, &message));
    };
    for (key, bound) in [("min", &options.min), ("max", &options.max)] {
        let Some((bound, _)) = bound else { continue };
        if matches!(bound, Number::Expr(expr) if mentions(expr.to_token_stream(), outer)) {
            continue;
        }
        let (shown, number_of_json) = match bound {
            Number::Int(value) => (format!("`{key} = {value}`"), "number"),
            Number::Float(value) => (format!("`{key} = {value:?}`"), "number"),
            Number::Expr(_) => (format!("`{key}`"), "finite number within 64 bits"),
        };
        let number = number(tool, bound);
        let message = format!(
            "{shown} of argument `{name}` is not a {number_of_json} that `{ty}` can have; lengths have `{key}_len`"
        );
        assert(key, quote!(is_bounded_by(#number)), message);
    }
    for (key, other, bound) in [("min_len", "min", &options.min_len), ("max_len", "max", &options.max_len)] {
        if bound.is_some() {
            let message = format!(
                "`{key}` of argument `{name}` does not fit `{ty}`, which has no length; the bound of a number is `{other}`"
            );
            assert(key, quote!(has_length()), message);
        }
    }
    if options.pattern.is_some() {
        let message = format!("`pattern` of argument `{name}` does not fit `{ty}`; it applies to text");
        assert("pattern", quote!(is_text()), message);
    }
    for (key, values) in [("one_of", &options.one_of), ("example", &options.examples)] {
        for value in values {
            let message = format!(
                "`{key}` of argument `{name}` has the value {}, which `{ty}` cannot have",
                shown(value)
            );
            let value = scalar(tool, value);
            assert(key, quote!(takes(#value)), message);
        }
    }
}

/// One constant each, so that the compiler reports all mistakes.
fn assertion(tool: &Tool, param: &Param, span: Span, condition: &TokenStream, message: &str) -> TokenStream {
    let path = tool.options.runtime.at(span);
    let ty = without_lifetimes(&param.ty);
    // The message of `assert!` is a format string.
    let message = message.replace('{', "{{").replace('}', "}}");
    quote_spanned!(span=> const _: () = ::core::assert!(#path::Probe::<#ty>::KIND.#condition, #message);)
}

/// Returns the literal as it is written.
pub(super) fn shown(value: &Scalar) -> String {
    match value {
        Scalar::Text(value) => format!("{value:?}"),
        Scalar::Int(value) => value.to_string(),
        Scalar::Float(value) => format!("{value:?}"),
        Scalar::Bool(value) => value.to_string(),
    }
}
