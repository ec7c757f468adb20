//! The rules for tools that need no types. Each has a UI test of its name in `tests/ui/tool/fail/`.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{GenericParam, Safety, Type};

use super::args::{self, Default_, Name, Number, Scalar};
use super::builtins::BUILTINS;
use super::model::{Param, Tool};
use crate::diagnostics::Diagnostics;

pub(crate) fn check(tool: &Tool, errors: &mut Diagnostics) {
    name(tool, errors);
    description(tool, errors);
    signature(tool, errors);
    parameters(tool, errors);
    contradictions(tool, errors);
}

fn name(tool: &Tool, errors: &mut Diagnostics) {
    let Name::Text(name, span) = &tool.name else { return };
    if BUILTINS.contains(&name.as_str()) && tool.options.overrides_builtin.is_none() {
        errors.at(
            *span,
            format!(
                "the CLI has a tool `{name}` of its own; rename this one with `#[tool(name = \"..\")]`, or add \
                 `overrides_builtin` to take its place"
            ),
        );
    }
    if let (false, Some(span)) = (BUILTINS.contains(&name.as_str()), tool.options.overrides_builtin) {
        errors.at(span, format!("the CLI has no tool `{name}` that this one could take the place of"));
    }
    if !is_tool_name(name) {
        errors.at(
            *span,
            format!(
                "`{name}` cannot be the name of a tool: names use ASCII letters, digits, `_` and `-`, and are 1 to 64 \
                 long; choose one with `#[tool(name = \"..\")]`"
            ),
        );
    }
}

fn is_tool_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_' || c == b'-')
}

fn description(tool: &Tool, errors: &mut Diagnostics) {
    if tool.description.is_empty() {
        let ident = &tool.function.sig.ident;
        errors.at(
            ident.span(),
            format!(
                "tool `{ident}` has no description; add a `///` comment, the model reads it to decide when to call"
            ),
        );
    }
}

fn signature(tool: &Tool, errors: &mut Diagnostics) {
    let sig = &tool.function.sig;
    if let Some(token) = &sig.constness {
        errors.at(token.span, "a tool cannot be `const`: it runs when the model calls it");
    }
    if let Safety::Unsafe(token) = &sig.safety {
        errors.at(
            token.span,
            "a tool cannot be `unsafe`: the model keeps no promises; check what you need in a safe function",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi.extern_token.span, "a tool cannot be `extern`: it is called from Rust only");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic.span(), "a tool takes a fixed number of arguments; take a `Vec<T>`");
    }
    for param in &sig.generics.params {
        match param {
            GenericParam::Lifetime(_) => {}
            GenericParam::Type(param) => errors.at(
                param.ident.span(),
                "a tool cannot be generic: the model calls one function with one schema; write the type",
            ),
            GenericParam::Const(param) => errors.at(
                param.ident.span(),
                "a tool cannot be generic: the model calls one function with one schema; write the value",
            ),
        }
    }
    if sig.asyncness.is_none()
        && let Some(span) = tool.options.local
    {
        errors.at(span, "`local` is for `async fn`; a synchronous tool stays on one thread anyway");
    }
    if sig.asyncness.is_some()
        && let Some(span) = tool.options.inline
    {
        errors.at(span, "`inline` is for synchronous tools; an `async fn` never runs on the blocking pool");
    }
}

fn parameters(tool: &Tool, errors: &mut Diagnostics) {
    for param in &tool.params {
        rules(param, errors);
        match &param.ty {
            Type::ImplTrait(ty) => errors.push(syn::Error::new_spanned(
                ty,
                "an argument of a tool needs a type with a schema, `impl Trait` has none; write the type",
            )),
            Type::Reference(ty) if ty.mutability.is_some() => errors.push(syn::Error::new_spanned(
                ty,
                "an argument of a tool cannot be `&mut`; take it by value, as `mut name: Type`",
            )),
            Type::Reference(ty)
                if ty.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") =>
            {
                errors.push(syn::Error::new_spanned(
                    ty,
                    "an argument is lent for the time of the call only; leave `'static` out",
                ));
            }
            _ => {}
        }
    }
    for (index, param) in tool.params.iter().enumerate() {
        if tool.params[..index].iter().any(|other| other.name == param.name) {
            errors.at(param.name_span, format!("two arguments are named `{}`", param.name));
        }
        if param.name.is_empty() {
            errors.at(
                param.name_span,
                "an argument of a tool needs a name, which the model sees; `#[arg(name = \"..\")]` gives it one",
            );
        }
    }
}

fn contradictions(tool: &Tool, errors: &mut Diagnostics) {
    let options = &tool.options;
    if let (Some(_), Some(span)) = (options.read_only, options.destructive) {
        errors
            .at(span, "`destructive` contradicts `read_only`: a tool that changes nothing destroys nothing");
    }
    if let (Some(_), Some(span)) = (options.skip_permission, options.destructive) {
        errors.at(
            span,
            "`destructive` contradicts `skip_permission`: a tool that may destroy something needs a permission; remove \
             one of them",
        );
    }
    if let (Some(_), Some(span)) = (options.skip_permission, options.needs_approval) {
        errors.at(
            span,
            "`needs_approval` contradicts `skip_permission`: nobody is asked for a tool that skips it",
        );
    }
    if let Some(span) = options.retries
        && options.read_only.is_none()
        && options.idempotent.is_none()
    {
        errors.at(
            span,
            "`retries` runs the tool again, which is safe only if it says `read_only` or `idempotent` as well",
        );
    }
}

/// What `#[arg(..)]` says about a value must hold for the values that stand there as well.
fn rules(param: &Param, errors: &mut Diagnostics) {
    let options = &param.options;
    if let (Some(_), Some(span)) = (options.flatten, options.nest) {
        errors.at(span, "`nest` contradicts `flatten`");
    }
    let known = |bound: &Option<(Number, Span)>| bound.as_ref().and_then(|(number, _)| number.known());
    let (min, max) = (known(&options.min), known(&options.max));
    if let (Some(low), Some(high), Some((_, span))) = (min, max, &options.max)
        && low > high
    {
        errors.at(*span, format!("`max` is below `min`: no value is between {low} and {high}"));
    }
    if let (Some((low, _)), Some((high, span))) = (&options.min_len, &options.max_len)
        && low > high
    {
        errors.at(*span, format!("`max_len` is below `min_len`: no length is between {low} and {high}"));
    }
    let Some(Default_::Expr(expr)) = &options.default else { return };
    let Some(value) = args::scalar(expr) else { return };
    let wrong = match &value {
        #[expect(clippy::cast_precision_loss, reason = "bounds are compared, not computed with")]
        Scalar::Int(number) => outside(*number as f64, min, max),
        Scalar::Float(number) => outside(*number, min, max),
        Scalar::Text(text) => {
            let length = text.chars().count();
            match (&options.min_len, &options.max_len) {
                (Some((low, _)), _) if length < *low => Some(format!("it is shorter than `min_len = {low}`")),
                (_, Some((high, _))) if length > *high => {
                    Some(format!("it is longer than `max_len = {high}`"))
                }
                _ => None,
            }
        }
        Scalar::Bool(_) => None,
    };
    let wrong = wrong.or_else(|| {
        let listed = options.one_of.is_empty() || options.one_of.contains(&value);
        (!listed).then(|| "it is not in `one_of`".to_owned())
    });
    if let Some(wrong) = wrong {
        errors.push(syn::Error::new_spanned(expr, format!("the model could not send this default: {wrong}")));
    }
}

fn outside(number: f64, min: Option<f64>, max: Option<f64>) -> Option<String> {
    match (min, max) {
        (Some(min), _) if number < min => Some(format!("it is below `min = {min}`")),
        (_, Some(max)) if number > max => Some(format!("it is above `max = {max}`")),
        _ => None,
    }
}
