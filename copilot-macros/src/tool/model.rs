//! A function with `#[tool]` and its options. The body is never parsed.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, FnArg, Ident, Pat, ReceiverKind, Signature, Type, Visibility};

use super::args::{ArgOptions, Name, Options};
use crate::diagnostics::{Diagnostics, suggest};
use crate::docs::sections::{self, Bullet};
use crate::docs::{self, Description};

/// A function whose body is kept as tokens.
pub(crate) struct Function {
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) sig: Signature,
    pub(crate) body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        Ok(Self { attrs, vis, sig: signature(input)?, body: input.parse()? })
    }
}

/// Parses the signature of a function with `#[tool]`.
pub(crate) fn signature(input: ParseStream<'_>) -> syn::Result<Signature> {
    if input.fork().parse::<Signature>().is_err() && !looks_like_function(&input.fork()) {
        let message = "`#[tool]` requires a function: `async fn name(arguments) -> result { .. }`";
        return Err(syn::Error::new(input.span(), message));
    }
    input.parse()
}

fn looks_like_function(input: ParseStream<'_>) -> bool {
    while let Ok(token) = input.parse::<TokenTree>() {
        match token {
            TokenTree::Ident(ident) if ident == "fn" => return true,
            TokenTree::Ident(ident)
                if matches!(ident.to_string().as_str(), "const" | "async" | "unsafe" | "extern") => {}
            TokenTree::Literal(_) => {}
            _ => return false,
        }
    }
    false
}

/// A tool: the function, its options and its parameters.
pub(crate) struct Tool {
    pub(crate) options: Options,
    /// The user's function without the attributes of the macro.
    pub(crate) function: Function,
    pub(crate) name: Name,
    pub(crate) description: Description,
    pub(crate) params: Vec<Param>,
    /// Set for a function of an `impl` block with `#[tools]`.
    pub(crate) method: Option<Method>,
    /// Whether the function is certainly one of an `impl` block or a trait.
    pub(crate) is_associated: bool,
}

/// A function of an `impl` block.
pub(crate) struct Method {
    pub(crate) has_receiver: bool,
}

/// A parameter of the function, except the receiver.
pub(crate) struct Param {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) name_span: Span,
    pub(crate) ty: Type,
    pub(crate) description: Description,
    pub(crate) options: ArgOptions,
}

impl Tool {
    pub(crate) fn new(options: Options, function: Function, errors: &mut Diagnostics) -> Self {
        Self::build(options, function, false, errors)
    }

    /// As [`new`](Self::new), for a function of an `impl` block.
    pub(crate) fn of_type(options: Options, function: Function, errors: &mut Diagnostics) -> Self {
        Self::build(options, function, true, errors)
    }

    fn build(mut options: Options, mut function: Function, of_type: bool, errors: &mut Diagnostics) -> Self {
        let ident = &function.sig.ident;
        let name = options.name.take().unwrap_or_else(|| Name::Text(ident.unraw().to_string(), ident.span()));
        let mut description = options.description.take().unwrap_or_else(|| {
            let mut description = docs::description(&function.attrs);
            sections::drop_for_programmers(&mut description);
            description
        });
        let bullets = sections::take_arguments(&mut description);
        let mut params: Vec<Param> =
            function.sig.inputs.iter_mut().filter_map(|input| param(input, of_type, errors)).collect();
        describe(&mut params, &bullets, &function, errors);
        let has_receiver = function.sig.receiver().is_some();
        let method = of_type.then_some(Method { has_receiver });
        let self_type = if of_type || has_receiver { None } else { self_type(&function) };
        if let Some(span) = self_type {
            errors.at(span, NOT_IN_IMPL);
        }
        let is_associated = has_receiver || self_type.is_some();
        Self { options, function, name, description, params, method, is_associated }
    }
}

const NOT_IN_IMPL: &str = "`#[copilot::tool]` is for functions outside of `impl` blocks and traits; write \
                           `#[copilot::tools]` on the `impl` block of a type, and `#[tool]` on each function that is a \
                           tool";

/// Returns the place of a `Self` that exists in an `impl` block or a trait only.
fn self_type(function: &Function) -> Option<Span> {
    fn find(tokens: TokenStream, is_body: bool) -> Result<Option<Span>, ()> {
        for token in tokens {
            match token {
                TokenTree::Ident(ident) if ident == "Self" => return Ok(Some(ident.span())),
                // These have a `Self` too.
                TokenTree::Ident(ident)
                    if is_body
                        && ["impl", "trait", "struct", "enum", "union"].iter().any(|word| ident == word) =>
                {
                    return Err(());
                }
                TokenTree::Group(group) => match find(group.stream(), is_body)? {
                    None => {}
                    found => return Ok(found),
                },
                _ => {}
            }
        }
        Ok(None)
    }
    let of_signature = find(function.sig.to_token_stream(), false);
    of_signature.ok().flatten().or_else(|| find(function.body.clone(), true).ok().flatten())
}

/// Describes the parameters without their own comments by the bullets under `# Arguments`.
fn describe(params: &mut [Param], bullets: &[Bullet], function: &Function, errors: &mut Diagnostics) {
    let is_receiver = |input: &&FnArg| matches!(input, FnArg::Receiver(_));
    let all_parsed =
        params.len() + function.sig.inputs.iter().filter(is_receiver).count() == function.sig.inputs.len();
    for (index, Bullet { name, text, line }) in bullets.iter().enumerate() {
        let span = || docs::span_of(&function.attrs, line).unwrap_or_else(|| function.sig.ident.span());
        if bullets[..index].iter().any(|other| other.name == *name) {
            errors.at(span(), format!("`# Arguments` describes `{name}` twice; keep one of the bullets"));
        }
        let is_named = |param: &Param| param.name == *name || param.ident.unraw() == *name;
        if let Some(param) = params.iter_mut().find(|param| is_named(param)) {
            if param.description.is_empty() {
                param.description = Description::Text(text.clone());
            }
        } else if all_parsed && !matches!(name.as_str(), "self" | "&self") {
            let names: Vec<String> = params.iter().map(|param| param.name.clone()).collect();
            let hint = match suggest(name, names.iter().map(String::as_str)) {
                Some(suggestion) => format!("did you mean `{suggestion}`?"),
                None if names.is_empty() => "it has no parameters".to_owned(),
                None => format!("its parameters are `{}`", names.join("`, `")),
            };
            errors.at(
                span(),
                format!("`# Arguments` describes `{name}`, which is not a parameter of the function; {hint}"),
            );
        }
    }
}

/// Parses a parameter and removes the attributes that rustc rejects there.
fn param(input: &mut FnArg, of_type: bool, errors: &mut Diagnostics) -> Option<Param> {
    let input = match input {
        FnArg::Typed(input) => input,
        FnArg::Receiver(receiver) => {
            receiver.attrs.retain(|attr| !is_macro_attribute(attr));
            let wrong = match &receiver.kind {
                _ if !of_type => Some(NOT_IN_IMPL),
                ReceiverKind::Reference(_, _, None) => None,
                _ => Some(
                    "a tool takes `&self`: concurrent calls share the value; keep mutable data in a `Mutex`",
                ),
            };
            if let Some(wrong) = wrong {
                errors.at(receiver.self_token.span, wrong);
            }
            return None;
        }
    };
    let attrs = std::mem::take(&mut input.attrs);
    let options = ArgOptions::parse(&attrs, errors);
    let description = options.description.clone().unwrap_or_else(|| docs::description(&attrs));
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr")) {
        errors.push(syn::Error::new_spanned(
            attr,
            "the arguments of a tool cannot depend on `cfg`; write two functions, each with its own `#[cfg(..)]`",
        ));
    }
    input.attrs = attrs.into_iter().filter(|attr| !is_macro_attribute(attr)).collect();
    let Pat::Ident(pat) = &*input.pat else {
        errors.push(syn::Error::new_spanned(
            &input.pat,
            "an argument of a tool needs a name for the model; destructure the value in the body",
        ));
        return None;
    };
    let own = pat.ident.unraw().to_string();
    let own = own.trim_start_matches('_');
    let (name, name_span) = match &options.name {
        Some((name, span)) => (name.clone(), *span),
        None => (own.to_owned(), pat.ident.span()),
    };
    Some(Param { ident: pat.ident.clone(), name, name_span, ty: (*input.ty).clone(), description, options })
}

fn is_macro_attribute(attr: &Attribute) -> bool {
    attr.path().is_ident("arg") || attr.path().is_ident("doc")
}

/// Returns whether one of the tokens is one of these names.
pub(crate) fn mentions(tokens: TokenStream, names: &[String]) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => names.iter().any(|name| ident == name),
        TokenTree::Group(group) => mentions(group.stream(), names),
        _ => false,
    })
}

/// Returns a type with its lifetimes replaced by `'_`, so that it can be written inside a function.
pub(crate) fn without_lifetimes(ty: &Type) -> TokenStream {
    fn erase(tokens: TokenStream) -> TokenStream {
        let mut erased = TokenStream::new();
        let mut after_quote = false;
        for token in tokens {
            let token = match token {
                TokenTree::Ident(ident) if after_quote && ident != "static" => {
                    TokenTree::Ident(Ident::new("_", ident.span()))
                }
                TokenTree::Group(group) => {
                    let mut inner = proc_macro2::Group::new(group.delimiter(), erase(group.stream()));
                    inner.set_span(group.span());
                    TokenTree::Group(inner)
                }
                other => other,
            };
            after_quote = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '\'');
            erased.extend([token]);
        }
        erased
    }
    erase(ty.to_token_stream())
}

/// Returns the span of the most specific token of a type. Joined spans need a nightly compiler.
pub(crate) fn type_span(ty: &Type) -> Span {
    match ty {
        Type::Reference(ty) => type_span(&ty.elem),
        Type::Path(ty) => ty.path.segments.last().map_or_else(|| ty.span(), |segment| segment.ident.span()),
        other => other.span(),
    }
}
