//! The expansion of a tool without mistakes. Cannot fail.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, ExprLit, Generics, Ident, Lit, Pat, ReturnType, Type};

use super::args::{self, DefaultValue, Field, Name, Number, Scalar};
use super::check::{closure_ident, serial_param};
use super::model::{Function, Method, Param, Tool, type_span, without_lifetimes};
use super::{documentation, rules};
use crate::cfg;

pub(crate) fn expand(tool: &Tool) -> TokenStream {
    let function = &tool.function;
    let handle = handle(function);
    let cfgs = cfg::of(&function.attrs);
    let runtime = &tool.options.runtime;
    let ident = &function.sig.ident;
    let def = def(tool, &quote!(__shim), &quote!(__needs_approval));
    let shim = shim(tool, &format_ident!("__shim"), Span::call_site());
    let approval = approval(tool, &format_ident!("__needs_approval"));
    let documented = documentation::checks(tool, &format_ident!("__docs"));
    let unique = unique(tool);
    let assertions = rules::assertions(tool, &Generics::default());
    let items = quote! {
        #handle

        #unique

        #(#cfgs)*
        const _: () = {
            #shim

            #approval

            #documented

            #assertions

            static __DEF: #runtime::ToolDef = #def;

            impl #ident {
                /// The tool made from this function.
                pub const TOOL: #runtime::Tool = #runtime::Tool::new(&__DEF);
            }

            #runtime::inventory::submit! { #runtime::Registered(#ident::TOOL) }
        };
    };
    let items = outside_of_impl(ident, &items);
    let function = documentation::shown(tool);
    quote! {
        // Arguments are passed by value, whether the function consumes them or not.
        #[allow(clippy::needless_pass_by_value)]
        #function

        #items
    }
}

/// Passes the items through a macro that can be defined at the level of a module or of a block only. In an `impl` block
/// or a trait, where a macro attribute cannot see that it is, its name is the error, and the items are left out.
fn outside_of_impl(function: &Ident, items: &TokenStream) -> TokenStream {
    let name = Ident::new(
        "in_an_impl_block_write_copilot_tools_on_the_block_and_tool_on_the_function",
        function.span(),
    );
    quote! {
        macro_rules! #name { ($($item:tt)*) => { $($item)* }; }
        #name! { #items }
    }
}

/// The stand-in for a tool with mistakes, so that a use of `name::TOOL` is not a second error.
pub(crate) fn placeholder(tool: &Tool) -> TokenStream {
    let function = &tool.function;
    if tool.is_associated {
        return quote!(#function);
    }
    let handle = handle(function);
    let cfgs = cfg::of(&function.attrs);
    let runtime = &tool.options.runtime;
    let ident = &function.sig.ident;
    let items = outside_of_impl(
        ident,
        &quote! {
            #handle

            #(#cfgs)*
            impl #ident {
                /// The tool made from this function.
                pub const TOOL: #runtime::Tool = #runtime::Tool::new(&#runtime::ToolDef::BASE);
            }
        },
    );
    quote! {
        #function

        #items
    }
}

/// The empty enum named as the function, which has the constant `TOOL`.
fn handle(function: &Function) -> TokenStream {
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let cfgs = cfg::of(&function.attrs);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #vis enum #ident {}
    }
}

/// The `ToolDef` of a tool, as constant data.
pub(crate) fn def(tool: &Tool, shim: &TokenStream, approval: &TokenStream) -> TokenStream {
    let runtime = &tool.options.runtime;
    let name = match &tool.name {
        Name::Text(name, _) => name.to_token_stream(),
        Name::Const(path) => quote!(#runtime::checked_name(#path)),
    };
    let description = &tool.description;
    let receiver = has_receiver(tool).then(|| quote!(#runtime::ParamDef::BASE));
    let params = receiver.into_iter().chain(tool.params.iter().map(|param| param_def(tool, param)));
    let fields = tool.options.fields.iter().map(|(field, value)| {
        let field = Ident::new(field, Span::call_site());
        match value {
            Field::Plain(value) => quote!(#field: #value,),
            Field::Meta(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| {
                    let value = scalar(tool, value);
                    quote!((#key, #value))
                });
                quote!(#field: &[#(#pairs),*],)
            }
            // A variable, so that an error about the function names its type and nothing else.
            Field::Enabled(function) => quote! {
                #field: {
                    let __enabled: fn(&#runtime::SelectionContext<'_>) -> bool = #function;
                    ::core::option::Option::Some(__enabled)
                },
            },
        }
    });
    let needs_approval = tool.options.needs_approval.as_ref().map(|(function, _)| {
        let approval = match function {
            args::Function::Closure(_) => quote!(Params(#approval)),
            args::Function::Path(path) => {
                let span = path.segments.last().map_or_else(Span::call_site, |segment| segment.ident.span());
                let at = runtime.at(span);
                let decide = quote_spanned!(span=> #at::decide(#path, __arguments));
                quote!(Object(|__arguments| #decide))
            }
        };
        quote!(needs_approval: ::core::option::Option::Some(#runtime::Approval::#approval),)
    });
    let serial_by = tool.options.serial_by.as_ref().and_then(|path| {
        let text = path.value();
        let rest = text.split_once('.').map(|(_, rest)| format!(".{rest}")).unwrap_or_default();
        let path = format!("{}{rest}", serial_param(tool, &text)?.name);
        Some(quote!(serial_by: ::core::option::Option::Some(#path),))
    });
    let output = output(tool);
    let span = tool.function.sig.ident.span();
    let line = quote_spanned!(span=> ::core::line!());
    quote! {
        #runtime::ToolDef {
            name: #name,
            description: #description,
            location: #runtime::Location::new(::core::module_path!(), ::core::file!(), #line),
            params: &[#(#params),*],
            shim: #shim,
            #(#fields)*
            #needs_approval
            #serial_by
            #output
            ..#runtime::ToolDef::BASE
        }
    }
}

/// The schema of the returned JSON, where the returned type can be named in a constant.
fn output(tool: &Tool) -> Option<TokenStream> {
    let ReturnType::Type(_, ty) = &tool.function.sig.output else { return None };
    if matches!(**ty, Type::Never(_) | Type::ImplTrait(_)) {
        return None;
    }
    let ty = without_lifetimes(ty);
    if names_impl(ty.clone()) {
        return None;
    }
    let runtime = &tool.options.runtime;
    Some(quote! {
        output: {
            #[allow(unused_imports)]
            use #runtime::Unstructured as _;
            #[allow(deprecated)]
            let __output = #runtime::Returned::<#ty>::SCHEMA;
            __output
        },
    })
}

/// Returns whether a type has `impl Trait` in it.
fn names_impl(ty: TokenStream) -> bool {
    ty.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "impl",
        TokenTree::Group(group) => names_impl(group.stream()),
        _ => false,
    })
}

/// Defines a macro named after the tool, so that rustc rejects a second tool of that name in the crate and shows both.
pub(crate) fn unique(tool: &Tool) -> TokenStream {
    let Name::Text(name, span) = &tool.name else { return TokenStream::new() };
    let name = name.replace('-', "__dash__");
    let macro_name = Ident::new(&format!("a_tool_named_{name}__choose_another_with_the_option_name"), *span);
    let cfgs = cfg::of(&tool.function.attrs);
    let definition = quote_spanned!(*span=> macro_rules! #macro_name { () => {}; });
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_local_definitions)]
        #[macro_export]
        #definition
    }
}

/// The `ParamDef` of a parameter, as constant data.
fn param_def(tool: &Tool, param: &Param) -> TokenStream {
    let runtime = &tool.options.runtime;
    let (name, description, options) = (&param.name, &param.description, &param.options);
    let mut fields = TokenStream::new();
    let some = |value: TokenStream| quote!(::core::option::Option::Some(#value));
    for (field, bound) in [("min", &options.min), ("max", &options.max)] {
        if let Some((bound, _)) = bound {
            let field = Ident::new(field, Span::call_site());
            let bound = some(number(tool, bound));
            fields.extend(quote!(#field: #bound,));
        }
    }
    for (field, bound) in [("min_len", &options.min_len), ("max_len", &options.max_len)] {
        if let Some((bound, _)) = bound {
            let field = Ident::new(field, Span::call_site());
            let bound = some(quote!(#bound));
            fields.extend(quote!(#field: #bound,));
        }
    }
    if let Some(pattern) = &options.pattern {
        let pattern = some(quote!(#pattern));
        fields.extend(quote!(pattern: #pattern,));
    }
    for (field, values) in [("one_of", &options.one_of), ("examples", &options.examples)] {
        if !values.is_empty() {
            let field = Ident::new(field, Span::call_site());
            let values = values.iter().map(|value| scalar(tool, value));
            fields.extend(quote!(#field: &[#(#values),*],));
        }
    }
    if options.flatten.is_some() {
        fields.extend(quote!(shape: #runtime::Shape::Flatten,));
    }
    if options.nest.is_some() {
        fields.extend(quote!(shape: #runtime::Shape::Nest,));
    }
    quote!(#runtime::ParamDef { name: #name, description: #description, #fields ..#runtime::ParamDef::BASE })
}

pub(crate) fn number(tool: &Tool, number: &Number) -> TokenStream {
    let runtime = &tool.options.runtime;
    match number {
        Number::Int(value) => quote!(#runtime::Scalar::Int(#value)),
        Number::Float(value) => quote!(#runtime::Scalar::Float(#value)),
        Number::Expr(expr) => {
            let span = expr.span();
            let path = runtime.at(span);
            // A variable with the span of the function, so that an error about both is one.
            let value = Ident::new("__value", span);
            let number = quote_spanned!(span=> #path::number(#value));
            quote! {{
                let #value = #expr;
                let __bound = #number;
                #[allow(clippy::all, clippy::pedantic, clippy::as_conversions, trivial_numeric_casts)]
                let __bound = #runtime::bound(__bound, __bound as i128, __bound as u128, __bound as f64);
                __bound
            }}
        }
    }
}

pub(crate) fn scalar(tool: &Tool, scalar: &Scalar) -> TokenStream {
    let runtime = &tool.options.runtime;
    match scalar {
        Scalar::Text(value) => quote!(#runtime::Scalar::Text(#value)),
        Scalar::Int(value) => quote!(#runtime::Scalar::Int(#value)),
        Scalar::Float(value) => quote!(#runtime::Scalar::Float(#value)),
        Scalar::Bool(value) => quote!(#runtime::Scalar::Bool(#value)),
    }
}

/// The function that visits each parameter and then starts the tool. `owner` is the span of a method's type.
pub(crate) fn shim(tool: &Tool, name: &Ident, owner: Span) -> TokenStream {
    let runtime = &tool.options.runtime;
    let sig = &tool.function.sig;
    let ident = &sig.ident;
    let slots: Vec<Ident> =
        (0..tool.params.len()).map(|index| format_ident!("__a{index}", span = Span::mixed_site())).collect();
    let offset = usize::from(has_receiver(tool));
    let visits = tool.params.iter().enumerate().map(|(index, param)| {
        let (slot, visit) = (&slots[index], visit(tool, index + offset, param));
        quote!(let #slot = #visit;)
    });
    // The `self` of a method is read from the session's state.
    let receiver = format_ident!("__self", span = Span::mixed_site());
    let (visit_receiver, keep_receiver) = if has_receiver(tool) {
        let path = runtime.at(owner);
        let kind = quote_spanned!(owner=> #path::receiver::<Self>());
        (quote!(let #receiver = __v.visit(0usize, #kind);), quote!(let mut #receiver = #receiver?;))
    } else {
        (TokenStream::new(), TokenStream::new())
    };
    let call = match &tool.method {
        None => quote!(#ident(#(#slots.lend()),*)),
        Some(Method { has_receiver: false }) => quote!(Self::#ident(#(#slots.lend()),*)),
        Some(Method { has_receiver: true }) => quote!(Self::#ident(&*#receiver.lend(), #(#slots.lend()),*)),
    };
    let returns = match &sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => type_span(ty),
    };
    let awaited = if sig.asyncness.is_some() { quote!(#call.await) } else { call };
    let path = runtime.at(returns);
    // A separate variable, so that an error about the returned value points at the type.
    let returned = Ident::new("__returned", returns);
    let outcome = quote_spanned!(returns=> { let #returned = #awaited; #path::outcome(#returned) });
    // An error about the future, for example that it is not `Send`, points at the function's name.
    let options = &tool.options;
    let path = runtime.at(ident.span());
    let start = if sig.asyncness.is_none() {
        let start = if options.inline.is_some() { quote!(inline) } else { quote!(blocking) };
        quote_spanned!(ident.span()=> #path::#start(move || #outcome))
    } else if options.local.is_some() {
        quote_spanned!(ident.span()=> #path::local(move || async move { #outcome }))
    } else {
        quote_spanned!(ident.span()=> #path::run(async move { #outcome }))
    };
    quote! {
        // A macro of the user's crate is in between, so clippy takes this for code of the user.
        #[allow(clippy::all, clippy::pedantic, deprecated, unused_imports, unused_mut)]
        fn #name(__v: &mut #runtime::Visitor<'_>) -> ::core::option::Option<#runtime::Started> {
            use #runtime::{NoJson as _, ProbeValue as _};
            #visit_receiver
            #(#visits)*
            __v.ready()?;
            #keep_receiver
            #(let mut #slots = #slots?;)*
            #start
        }
    }
}

/// The function that takes the arguments which the closure of `needs_approval` names, and decides.
pub(crate) fn approval(tool: &Tool, name: &Ident) -> TokenStream {
    let Some((args::Function::Closure(closure), _)) = &tool.options.needs_approval else {
        return TokenStream::new();
    };
    let runtime = &tool.options.runtime;
    let offset = usize::from(has_receiver(tool));
    let mut visits = TokenStream::new();
    let mut lends = TokenStream::new();
    for (number, input) in closure.inputs.iter().enumerate() {
        let Some(ident) = closure_ident(input) else { continue };
        let Some(index) = tool.params.iter().position(|param| param.ident == *ident) else { continue };
        let param = &tool.params[index];
        let slot = format_ident!("__a{number}", span = Span::mixed_site());
        let path = runtime.at(ident.span());
        let visit = visit_as(
            tool,
            index + offset,
            param,
            |probe| quote_spanned!(ident.span()=> #path::argument(#probe)),
        );
        visits.extend(quote!(let #slot = #visit;));
        let ty = without_lifetimes(match input {
            Pat::Type(input) => &input.ty,
            _ => &param.ty,
        });
        lends.extend(quote! {
            let mut #slot = #slot?;
            let #ident: #ty = #slot.lend();
        });
    }
    let body = &closure.body;
    quote! {
        // A macro of the user's crate is in between, so clippy takes this for code of the user.
        #[allow(clippy::all, clippy::pedantic, deprecated, unused_imports, unused_mut)]
        fn #name(__v: &mut #runtime::Visitor<'_>) -> ::core::option::Option<bool> {
            use #runtime::{NoJson as _, ProbeValue as _};
            #visits
            __v.ready()?;
            #lends
            let __needs_approval = || -> bool { #body };
            ::core::option::Option::Some(__needs_approval())
        }
    }
}

fn has_receiver(tool: &Tool) -> bool {
    tool.method.as_ref().is_some_and(|method| method.has_receiver)
}

fn visit(tool: &Tool, index: usize, param: &Param) -> TokenStream {
    visit_as(tool, index, param, |probe| probe)
}

/// The visit of a parameter; `bound` wraps the functions that its probe returns.
fn visit_as(
    tool: &Tool,
    index: usize,
    param: &Param,
    bound: impl FnOnce(TokenStream) -> TokenStream,
) -> TokenStream {
    let runtime = &tool.options.runtime;
    let ty = without_lifetimes(&param.ty);
    let span = type_span(&param.ty);
    let path = runtime.at(span);
    let probe = bound(quote_spanned!(span=> #path::Probe::<#ty>::NEW.kind()));
    let Some(default) = &param.options.default else {
        return quote!(__v.visit(#index, #probe));
    };
    let value = match default {
        DefaultValue::OfType => quote!(::core::default::Default::default()),
        // `default = "Oslo"` for a `String`, and for the owner of a `&str`.
        DefaultValue::Expr(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            let path = runtime.at(text.span());
            quote_spanned!(text.span()=> #path::text(#text))
        }
        DefaultValue::Expr(expr) => expr.to_token_stream(),
    };
    quote!(__v.visit_or(#index, #probe, || #value, |__d| #runtime::MaybeJson(__d).json()))
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}
