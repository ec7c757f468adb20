//! `#[tools]` on an `impl` block: each function with `#[tool]` is a tool, and `&self` is a state.

mod model;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{Generics, Ident, Type};

use self::model::{Header, Item, Options, Toolset};
use crate::diagnostics::Diagnostics;
use crate::paths::Runtime;
use crate::tool::model::{Tool, type_span};
use crate::tool::{documentation, expand, fallback, rules};

/// Expands `#[tools(options)] item`.
pub(crate) fn tools(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let options = Options::parse(options, &mut errors);
    let Some(toolset) = errors.keep(syn::parse2::<model::Block>(item.clone())) else {
        let mut output = errors.into_compile_errors();
        if let Some(Header { generics, self_ty, .. }) = Header::of_broken(item.clone()) {
            output.extend(list(&options.runtime, &generics, &self_ty, &TokenStream::new()));
        }
        output.extend(without_macro_attributes(item));
        return output;
    };
    let toolset = Toolset::new(options, toolset, &mut errors);
    if errors.is_empty() {
        expand(&toolset)
    } else {
        let mut output = errors.into_compile_errors();
        output.extend(placeholder(&toolset));
        output
    }
}

/// The block with mistakes and an empty list of tools, so that a use of the list is not a second error.
fn placeholder(toolset: &Toolset) -> TokenStream {
    let Toolset { options, generics, self_ty, .. } = toolset;
    let block = block(toolset, |tool| tool.function.to_token_stream());
    let list = list(&options.runtime, generics, self_ty, &TokenStream::new());
    quote!(#block #list)
}

/// The implementation of the trait that lists the tools.
fn list(runtime: &Runtime, generics: &Generics, self_ty: &Type, defs: &TokenStream) -> TokenStream {
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        impl #impl_generics #runtime::ToolsInOneImplBlock for #self_ty #where_clause {
            const DEFS: &'static [#runtime::ToolDef] = &[#defs];
        }
    }
}

/// Removes the attributes that rustc rejects from a block that could not be parsed.
fn without_macro_attributes(item: TokenStream) -> TokenStream {
    let of_block = |token: TokenTree| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            let content = fallback::without_macro_attributes(group.stream());
            let mut stripped = Group::new(Delimiter::Brace, fallback::strip(content, &["tool"]));
            stripped.set_span(group.span());
            stripped.into()
        }
        other => other,
    };
    item.into_iter().map(of_block).collect()
}

/// The user's `impl` block without the attributes of the macro; `function` returns the function of a tool.
fn block(toolset: &Toolset, function: impl Fn(&Tool) -> TokenStream) -> TokenStream {
    let Toolset { attrs, generics, of_trait, self_ty, items, .. } = toolset;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let items = items.iter().map(|item| match item {
        Item::Tool(tool) => {
            let function = function(tool);
            // Arguments are passed by value, whether the function consumes them or not.
            quote!(#[allow(clippy::needless_pass_by_value)] #function)
        }
        Item::Other(tokens) => tokens.clone(),
    });
    quote! {
        #(#attrs)*
        impl #impl_generics #of_trait #self_ty #where_clause {
            #(#items)*
        }
    }
}

fn expand(toolset: &Toolset) -> TokenStream {
    let Toolset { options, generics, self_ty, .. } = toolset;
    let runtime = &options.runtime;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let block = block(toolset, documentation::shown);
    let tools: Vec<_> = toolset.tools().collect();
    // Distinct in all blocks of a type, so that a second block with tools is one error.
    let names: Vec<Ident> = tools
        .iter()
        .map(|tool| {
            format_ident!("__copilot_tool_{}", tool.function.sig.ident.unraw(), span = Span::mixed_site())
        })
        .collect();
    let shims = tools.iter().zip(&names).map(|(tool, name)| expand::shim(tool, name, type_span(self_ty)));
    let documented = tools.iter().zip(&names).map(|(tool, name)| {
        let name = format_ident!("{name}_docs");
        documentation::checks(tool, &name)
    });
    let approvals = tools.iter().zip(&names).map(|(tool, name)| {
        let name = format_ident!("{name}_needs_approval");
        expand::approval(tool, &name)
    });
    let defs = tools.iter().zip(&names).map(|(tool, name)| {
        let approval = format_ident!("{name}_needs_approval");
        expand::def(tool, &quote!(Self::#name), &quote!(Self::#approval))
    });
    // A generic type has no tools to register: they exist for its instances only.
    let is_generic = generics.params.iter().next().is_some();
    let (unique, registered) = if is_generic {
        (Vec::new(), Vec::new())
    } else {
        let registered = (0..tools.len()).map(|index| {
            quote! {
                #runtime::inventory::submit! {
                    #runtime::Registered(#runtime::Tool::new(&<#self_ty as #runtime::ToolsInOneImplBlock>::DEFS[#index]))
                }
            }
        });
        (tools.iter().map(|tool| expand::unique(tool)).collect(), registered.collect())
    };
    let assertions = tools.iter().map(|tool| {
        let assertions = rules::assertions(tool, generics);
        // Each has its imports.
        (!assertions.is_empty()).then(|| quote!(const _: () = { #assertions };))
    });
    let list = list(runtime, generics, self_ty, &quote!(#(#defs),*));
    quote! {
        #block

        #(#unique)*

        const _: () = {
            impl #impl_generics #self_ty #where_clause {
                #(#shims)*
                #(#approvals)*
                #(#documented)*
            }

            #list

            #(#assertions)*

            #(#registered)*
        };
    }
}
