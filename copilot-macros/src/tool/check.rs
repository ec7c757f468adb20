//! The rules for tools that can be checked without types. Each has a UI test in `tests/ui/tool/fail/`.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{GenericParam, Ident, Pat, PatIdent, Safety, Type};

use super::args::{self, DefaultValue, Function, Name, Number, Scalar};
use super::builtins::BUILTINS;
use super::model::{Param, Tool};
use super::pattern;
use super::rules::shown;
use super::spelled;
use crate::diagnostics::{Diagnostics, suggest};
use crate::options::Text;

pub(crate) fn check(tool: &Tool, errors: &mut Diagnostics) {
    name(tool, errors);
    description(tool, errors);
    signature(tool, errors);
    parameters(tool, errors);
    contradictions(tool, errors);
    approval(tool, errors);
    spelled::check(tool, errors);
    serial(tool, errors);
}

/// Checks that `serial_by` begins with the name of an argument of the tool.
fn serial(tool: &Tool, errors: &mut Diagnostics) {
    let Some(path) = &tool.options.serial_by else { return };
    if serial_param(tool, &path.value()).is_some() {
        return;
    }
    let text = path.value();
    let first = text.split('.').next().unwrap_or_default();
    let hint = match suggest(first, tool.params.iter().map(|param| &*param.name)) {
        Some(name) => format!("did you mean `{name}`?"),
        None if tool.params.is_empty() => "it has no arguments".to_owned(),
        None => {
            let names: Vec<&str> = tool.params.iter().map(|param| &*param.name).collect();
            format!("its arguments are `{}`", names.join("`, `"))
        }
    };
    errors.at(path.span(), format!("the tool has no argument `{first}` for `serial_by`; {hint}"));
}

/// Returns the parameter that a path begins with, by its name in the schema or in the function.
pub(crate) fn serial_param<'t>(tool: &'t Tool, path: &str) -> Option<&'t Param> {
    let first = path.split('.').next()?;
    tool.params.iter().find(|param| param.name == first || param.ident == first)
}

/// Checks that a closure of `needs_approval` names arguments of the tool.
fn approval(tool: &Tool, errors: &mut Diagnostics) {
    let Some((Function::Closure(closure), _)) = &tool.options.needs_approval else { return };
    if let Some(token) = &closure.asyncness {
        errors.at(
            token.span,
            "`needs_approval` cannot be `async`: it decides before the tool runs; remove `async`",
        );
    }
    for input in &closure.inputs {
        let Some(ident) = closure_ident(input) else {
            errors.push(syn::Error::new_spanned(
                input,
                "`needs_approval` finds arguments by their names; write the name of an argument of the tool, and \
                 destructure it in the body",
            ));
            continue;
        };
        if tool.params.iter().any(|param| param.ident == *ident) {
            continue;
        }
        let names: Vec<String> = tool.params.iter().map(|param| param.ident.to_string()).collect();
        let hint = match suggest(&ident.to_string(), names.iter().map(String::as_str)) {
            Some(name) => format!("did you mean `{name}`?"),
            None if names.is_empty() => "it has no arguments".to_owned(),
            None => format!("its arguments are `{}`", names.join("`, `")),
        };
        errors.at(ident.span(), format!("the tool has no argument `{ident}`; {hint}"));
    }
}

/// Returns the name of a closure's parameter; `None` for other patterns.
pub(crate) fn closure_ident(input: &Pat) -> Option<&Ident> {
    match input {
        Pat::Ident(PatIdent { by_ref: None, subpat: None, ident, .. }) => Some(ident),
        Pat::Type(input) => closure_ident(&input.pat),
        _ => None,
    }
}

fn name(tool: &Tool, errors: &mut Diagnostics) {
    let Name::Text(name, span) = &tool.name else { return };
    if BUILTINS.contains(&name.as_str()) && tool.options.overrides_builtin.is_none() {
        errors.at(
            *span,
            format!(
                "the CLI has a built-in tool `{name}`; rename this one with `#[tool(name = \"..\")]`, or add \
                 `overrides_builtin` to replace it"
            ),
        );
    }
    if let (false, Some(span)) = (BUILTINS.contains(&name.as_str()), tool.options.overrides_builtin) {
        errors.at(
            span,
            format!("the CLI has no built-in tool `{name}` to replace; remove `overrides_builtin`"),
        );
    }
    if is_tool_name(name) && name.starts_with(|first: char| first.is_ascii_digit() || first == '-') {
        errors.at(
            *span,
            format!(
                "the name `{name}` starts with a digit or `-`, which Gemini refuses; start it with a letter or `_`"
            ),
        );
    }
    if !is_tool_name(name) {
        errors.at(
            *span,
            format!(
                "`{name}` is not a valid tool name: a name has 1 to 64 ASCII letters, digits, `_` and `-`; choose one \
                 with `#[tool(name = \"..\")]`"
            ),
        );
    }
}

/// Returns whether every provider accepts the name of an argument.
fn is_argument_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-'))
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
                "tool `{ident}` has no description; add a `///` comment, which the model reads to decide when to \
                 call the tool"
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
            "a tool cannot be `unsafe`: the model cannot uphold its contract; check the arguments in a safe function",
        );
    }
    if let Some(abi) = &sig.abi {
        errors.at(abi.extern_token.span, "a tool cannot be `extern`: it is called from Rust only");
    }
    if let Some(variadic) = &sig.variadic {
        errors.at(variadic.span(), "a tool cannot be variadic; take a `Vec<T>`");
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
        errors.at(span, "`local` applies to `async fn` only; a synchronous tool runs on one thread anyway");
    }
    if sig.asyncness.is_some()
        && let Some(span) = tool.options.inline
    {
        errors.at(
            span,
            "`inline` applies to synchronous tools only; an `async fn` never runs on the blocking pool",
        );
    }
}

fn parameters(tool: &Tool, errors: &mut Diagnostics) {
    for param in &tool.params {
        rules(param, errors);
        match &param.ty {
            Type::ImplTrait(ty) => errors.push(syn::Error::new_spanned(
                ty,
                "an argument of a tool cannot be `impl Trait`, which has no schema; write a concrete type",
            )),
            Type::Reference(ty) if ty.mutability.is_some() => errors.push(syn::Error::new_spanned(
                ty,
                "an argument of a tool cannot be `&mut`; take it by value, as `mut name: Type`; the context is \
                 `&ToolContext`, and a state that changes is `State<Mutex<T>>`",
            )),
            Type::Reference(ty)
                if ty.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static") =>
            {
                errors.push(syn::Error::new_spanned(
                    ty,
                    "an argument cannot be `'static`: it is borrowed for the duration of the call; remove `'static`",
                ));
            }
            _ => {}
        }
    }
    for (index, param) in tool.params.iter().enumerate() {
        if tool.params[..index].iter().any(|other| other.name == param.name) {
            errors.at(param.name_span, format!("two arguments are named `{}`", param.name));
        }
        // The name of a parameter may be that of an injected value, which is not sent.
        if param.options.name.is_some() && !param.name.is_empty() && !is_argument_name(&param.name) {
            errors.at(
                param.name_span,
                format!(
                    "Anthropic refuses the argument name `{}`: a name has 1 to 64 ASCII letters, digits, `_`, `.` and \
                     `-`; rename it",
                    param.name
                ),
            );
        }
        if param.name.is_empty() {
            errors.at(
                param.name_span,
                "an argument of a tool needs a name for the model; choose one with `#[arg(name = \"..\")]`",
            );
        }
    }
}

fn contradictions(tool: &Tool, errors: &mut Diagnostics) {
    let options = &tool.options;
    if let (Some(_), Some(span)) = (options.read_only, options.destructive) {
        errors.at(span, "`destructive` contradicts `read_only`; remove one of them");
    }
    if let (Some(_), Some(span)) = (options.skip_permission, options.destructive) {
        errors.at(
            span,
            "`destructive` contradicts `skip_permission`: a tool that may destroy something needs a permission; remove \
             one of them",
        );
    }
    if let (Some(_), Some((_, span))) = (options.skip_permission, &options.needs_approval) {
        errors.at(
            *span,
            "`needs_approval` contradicts `skip_permission`, which disables the permission request; remove one of \
             them",
        );
    }
    if let Some(span) = options.retries
        && options.read_only.is_none()
        && options.idempotent.is_none()
    {
        errors.at(span, "`retries` requires `read_only` or `idempotent`: running a tool twice must be safe");
    }
}

/// Checks that the options of `#[arg(..)]` do not contradict each other, the default included.
fn rules(param: &Param, errors: &mut Diagnostics) {
    let options = &param.options;
    if let (Some(_), Some(span)) = (options.flatten, options.nest) {
        errors.at(span, "`nest` contradicts `flatten`; remove one of them");
    }
    let known = |bound: &Option<(Number, Span)>| bound.as_ref().and_then(|(number, _)| number.known());
    let (min, max) = (known(&options.min), known(&options.max));
    if let (Some(low), Some(high), Some((_, span))) = (min, max, &options.max)
        && low > high
    {
        errors.at(*span, format!("`max = {high}` is below `min = {low}`, so no value is valid"));
    }
    if let (Some((low, _)), Some((high, span))) = (&options.min_len, &options.max_len)
        && low > high
    {
        errors.at(*span, format!("`max_len = {high}` is below `min_len = {low}`, so no length is valid"));
    }
    if let Some(DefaultValue::Expr(expr)) = &options.default
        && let Some(value) = args::scalar(expr)
        && let Some(wrong) = broken_bound(param, &value).or_else(|| unlisted(param, &value))
    {
        errors.push(syn::Error::new_spanned(
            expr,
            format!("the default does not fit the rules of its argument: {wrong}"),
        ));
    }
    if let Some(Text::Literal(pattern)) = &options.pattern
        && let Some(mistake) = pattern::mistake(&pattern.value())
    {
        let text = pattern.value();
        errors.at(pattern.span(), format!("`{text}` is not a regular expression: {mistake}"));
    }
    let place = |key| options.span_of(key).unwrap_or(param.name_span);
    for value in &options.examples {
        if let Some(wrong) = broken_bound(param, value).or_else(|| unlisted(param, value)) {
            let value = shown(value);
            errors.at(
                place("example"),
                format!("the example {value} does not fit the rules of its argument: {wrong}"),
            );
        }
    }
    for value in &options.one_of {
        if let Some(wrong) = broken_bound(param, value) {
            let value = shown(value);
            errors.at(place("one_of"), format!("{value} in `one_of` does not fit the other rules: {wrong}"));
        }
    }
    if let Some(first) = options.one_of.first()
        && let Some(other) = options.one_of.iter().find(|value| noun(value) != noun(first))
    {
        errors.at(
            place("one_of"),
            format!("`one_of` has {} and {}, but an argument has one type", noun(first), noun(other)),
        );
    }
}

fn noun(value: &Scalar) -> &'static str {
    match value {
        Scalar::Text(_) => "text",
        Scalar::Int(_) | Scalar::Float(_) => "numbers",
        Scalar::Bool(_) => "booleans",
    }
}

fn unlisted(param: &Param, value: &Scalar) -> Option<String> {
    let one_of = &param.options.one_of;
    (!one_of.is_empty() && !one_of.contains(value)).then(|| "it is not in `one_of`".to_owned())
}

/// Returns which bound of its argument a literal is outside of.
fn broken_bound(param: &Param, value: &Scalar) -> Option<String> {
    let options = &param.options;
    let known = |bound: &Option<(Number, Span)>| bound.as_ref().and_then(|(number, _)| number.known());
    let (min, max) = (known(&options.min), known(&options.max));
    match value {
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
    }
}

fn outside(number: f64, min: Option<f64>, max: Option<f64>) -> Option<String> {
    match (min, max) {
        (Some(min), _) if number < min => Some(format!("it is below `min = {min}`")),
        (_, Some(max)) if number > max => Some(format!("it is above `max = {max}`")),
        _ => None,
    }
}
