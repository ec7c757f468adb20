//! `#[tools]` on an `impl` block: each function with `#[tool]` is a tool, and `&self` is a state.

mod model;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{format_ident, quote};
use syn::Ident;

use self::model::{Item, Options, Toolset};
use crate::diagnostics::Diagnostics;
use crate::tool::model::type_span;
use crate::tool::{expand, fallback};

/// Expands `#[tools(options)] item`.
pub(crate) fn tools(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let options = Options::parse(options, &mut errors);
    let Some(toolset) = errors.keep(syn::parse2::<model::Block>(item.clone())) else {
        let mut output = errors.into_compile_errors();
        output.extend(without_macro_attributes(item));
        return output;
    };
    let toolset = Toolset::new(options, toolset, &mut errors);
    if errors.is_empty() {
        expand(&toolset)
    } else {
        let block = block(&toolset);
        let errors = errors.into_compile_errors();
        quote!(#errors #block)
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

/// The user's `impl` block without the attributes of the macro.
fn block(toolset: &Toolset) -> TokenStream {
    let Toolset { attrs, generics, self_ty, items, .. } = toolset;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let items = items.iter().map(|item| match item {
        Item::Tool(tool) => {
            let function = &tool.function;
            quote!(#function)
        }
        Item::Other(tokens) => tokens.clone(),
    });
    quote! {
        #(#attrs)*
        impl #impl_generics #self_ty #where_clause {
            #(#items)*
        }
    }
}

fn expand(toolset: &Toolset) -> TokenStream {
    let Toolset { options, generics, self_ty, .. } = toolset;
    let runtime = &options.runtime;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let block = block(toolset);
    let tools: Vec<_> = toolset.tools().collect();
    let names: Vec<Ident> = (0..tools.len())
        .map(|index| format_ident!("__copilot_tool_{index}", span = Span::mixed_site()))
        .collect();
    let shims = tools.iter().zip(&names).map(|(tool, name)| expand::shim(tool, name, type_span(self_ty)));
    let documented = tools.iter().zip(&names).map(|(tool, name)| {
        let name = format_ident!("{name}_descriptions");
        expand::documented(tool, &name)
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
                    #runtime::Registered(#runtime::Tool::new(&<#self_ty as #runtime::Toolset>::DEFS[#index]))
                }
            }
        });
        (tools.iter().map(|tool| expand::unique(tool)).collect(), registered.collect())
    };
    quote! {
        #block

        #(#unique)*

        const _: () = {
            impl #impl_generics #self_ty #where_clause {
                #(#shims)*
                #(#approvals)*
                #(#documented)*
            }

            impl #impl_generics #runtime::Toolset for #self_ty #where_clause {
                const DEFS: &'static [#runtime::ToolDef] = &[#(#defs),*];
            }

            #(#registered)*
        };
    }
}
