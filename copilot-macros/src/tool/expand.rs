//! The output for a tool without mistakes. Cannot fail.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, ExprLit, Ident, Lit, ReturnType};

use super::args::{Default_, Name};
use super::model::{Function, Param, Tool, type_span, without_lifetimes};

pub(crate) fn expand(tool: &Tool) -> TokenStream {
    let function = &tool.function;
    let handle = handle(function);
    let cfgs = cfgs(function);
    let runtime = &tool.options.runtime;
    let ident = &function.sig.ident;
    let def = def(tool);
    let shim = shim(tool);
    quote! {
        #function

        #handle

        #(#cfgs)*
        const _: () = {
            #shim

            static __DEF: #runtime::ToolDef = #def;

            impl #ident {
                /// The tool that this function is.
                pub const TOOL: #runtime::Tool = #runtime::Tool::new(&__DEF);
            }

            #runtime::inventory::submit! { #runtime::Registered(#ident::TOOL) }
        };
    }
}

/// What stands for a tool with mistakes, so that naming it is not one more.
pub(crate) fn placeholder(tool: &Tool) -> TokenStream {
    let function = &tool.function;
    let handle = handle(function);
    let cfgs = cfgs(function);
    let runtime = &tool.options.runtime;
    let ident = &function.sig.ident;
    quote! {
        #function

        #handle

        #(#cfgs)*
        impl #ident {
            /// The tool that this function is.
            pub const TOOL: #runtime::Tool = #runtime::Tool::new(&#runtime::ToolDef::BASE);
        }
    }
}

/// The type of the function's name, which carries the tool.
fn handle(function: &Function) -> TokenStream {
    let (vis, ident) = (&function.vis, &function.sig.ident);
    let cfgs = cfgs(function);
    quote! {
        #(#cfgs)*
        #[doc(hidden)]
        #[allow(non_camel_case_types)]
        #vis enum #ident {}
    }
}

/// What decides whether the function is there decides it for all that belongs to it.
fn cfgs(function: &Function) -> Vec<&Attribute> {
    function.attrs.iter().filter(|attr| attr.path().is_ident("cfg")).collect()
}

/// The definition, as const data.
fn def(tool: &Tool) -> TokenStream {
    let runtime = &tool.options.runtime;
    let name = match &tool.name {
        Name::Text(name, _) => name.to_token_stream(),
        Name::Const(path) => quote!(#runtime::checked_name(#path)),
    };
    let description = &tool.description;
    let params = tool.params.iter().map(|param| {
        let (name, description) = (&param.name, &param.description);
        quote!(#runtime::ParamDef { name: #name, description: #description })
    });
    let mut said = TokenStream::new();
    if tool.options.read_only.is_some() {
        said.extend(quote!(read_only: true,));
    }
    if tool.options.destructive.is_some() {
        said.extend(quote!(destructive: true,));
    }
    if let Some(timeout) = tool.options.timeout_ms {
        said.extend(quote!(timeout_ms: #timeout,));
    }
    let span = tool.function.sig.ident.span();
    let line = quote_spanned!(span=> ::core::line!());
    quote! {
        #runtime::ToolDef {
            name: #name,
            description: #description,
            location: #runtime::Location::new(::core::module_path!(), ::core::file!(), #line),
            params: &[#(#params),*],
            shim: __shim,
            #said
            ..#runtime::ToolDef::BASE
        }
    }
}

/// Visits each parameter, then starts the function.
fn shim(tool: &Tool) -> TokenStream {
    let runtime = &tool.options.runtime;
    let sig = &tool.function.sig;
    let ident = &sig.ident;
    let slots: Vec<Ident> =
        (0..tool.params.len()).map(|index| format_ident!("__a{index}", span = Span::mixed_site())).collect();
    let visits = tool.params.iter().enumerate().map(|(index, param)| {
        let (slot, visit) = (&slots[index], visit(tool, index, param));
        quote!(let #slot = #visit;)
    });
    let call = quote!(#ident(#(#slots.lend()),*));
    let returns = match &sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let awaited = if sig.asyncness.is_some() { quote!(#call.await) } else { call };
    let path = runtime.at(returns);
    let outcome = quote_spanned!(returns=> #path::outcome(#awaited));
    // An error about the future, such as that it is not `Send`, points at the function's name.
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
        #[allow(unused_imports)]
        use #runtime::{NoJson as _, ProbeValue as _};

        #[allow(deprecated, unused_mut)]
        fn __shim(__v: &mut #runtime::Visitor<'_>) -> ::core::option::Option<#runtime::Started> {
            #(#visits)*
            __v.ready()?;
            #(let mut #slots = #slots?;)*
            #start
        }
    }
}

fn visit(tool: &Tool, index: usize, param: &Param) -> TokenStream {
    let runtime = &tool.options.runtime;
    let ty = without_lifetimes(&param.ty);
    let span = type_span(&param.ty);
    let path = runtime.at(span);
    let probe = quote_spanned!(span=> #path::Probe::<#ty>::NEW.kind());
    let Some(default) = &param.options.default else {
        return quote!(__v.visit(#index, #probe));
    };
    let value = match default {
        Default_::OfType => quote!(::core::default::Default::default()),
        // `default = "Oslo"` for a `String`, and for what a `&str` is lent from.
        Default_::Expr(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) => {
            quote_spanned!(text.span()=> ::core::convert::Into::into(#text))
        }
        Default_::Expr(expr) => expr.to_token_stream(),
    };
    quote!(__v.visit_or(#index, #probe, || #value, |__d| #runtime::MaybeJson(__d).json()))
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self { attrs, vis, sig, body } = self;
        tokens.extend(quote!(#(#attrs)* #vis #sig #body));
    }
}
