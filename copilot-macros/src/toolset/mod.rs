//! `#[tools]` on an `impl` block: each function with `#[tool]` is a tool, and `&self` is a state.

mod model;

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::{Generics, Type};

use self::model::{Header, Item, Options, Toolset};
use crate::cfg;
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
    let list = cfg::under(&cfg::of(&toolset.attrs), list);
    quote!(#block #list)
}

/// The implementation of the trait that lists the tools.
fn list(runtime: &Runtime, generics: &Generics, self_ty: &Type, defs: &TokenStream) -> TokenStream {
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    quote! {
        impl #impl_generics #runtime::ToolsInOneImplBlock for #self_ty #where_clause {
            const DEFS: &'static [&'static #runtime::ToolDef] = &[#defs];
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
    let Toolset { options, attrs, generics, self_ty, .. } = toolset;
    let runtime = &options.runtime;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let block = block(toolset, documentation::shown);
    let of_block = cfg::of(attrs);
    // A generic type has no tools to register: they exist for its instances only.
    let is_generic = generics.params.iter().next().is_some();
    let mut parts = Parts::default();
    for tool in toolset.tools() {
        parts.add(toolset, tool, is_generic);
    }
    let Parts { functions, defs, assertions, unique, registered } = parts;
    let unique = unique.into_iter().map(|unique| cfg::under(&of_block, unique));
    let list = list(runtime, generics, self_ty, &defs);
    let items = cfg::under(
        &of_block,
        quote! {
            const _: () = {
                impl #impl_generics #self_ty #where_clause {
                    #functions
                }

                #list

                #assertions

                #registered
            };
        },
    );
    quote! {
        #block

        #(#unique)*

        #items
    }
}

/// The parts of the expansion that have an element for each tool, under the `cfg` of its function.
#[derive(Default)]
struct Parts {
    /// Items of an `impl` block.
    functions: TokenStream,
    /// Elements of the list.
    defs: TokenStream,
    assertions: TokenStream,
    unique: Vec<TokenStream>,
    registered: TokenStream,
}

impl Parts {
    fn add(&mut self, toolset: &Toolset, tool: &Tool, is_generic: bool) {
        let Toolset { options, generics, self_ty, .. } = toolset;
        let runtime = &options.runtime;
        let cfgs = cfg::of(&tool.function.attrs);
        let under = |item: TokenStream| cfg::under(&cfgs, item);
        let ident = tool.function.sig.ident.unraw();
        // Distinct in all blocks of a type, so that a second block with tools is one error.
        let name = format_ident!("__copilot_tool_{ident}", span = Span::mixed_site());
        let approval = format_ident!("{name}_needs_approval");
        let docs = format_ident!("{name}_docs");
        let constant = format_ident!("{name}_def");
        let def = expand::def(tool, &quote!(Self::#name), &quote!(Self::#approval));
        self.functions.extend(under(expand::shim(tool, &name, type_span(self_ty))));
        self.functions.extend(under(expand::approval(tool, &approval)));
        self.functions.extend(under(documentation::checks(tool, &docs)));
        self.functions.extend(under(quote! {
            #[allow(non_upper_case_globals)]
            const #constant: &'static #runtime::ToolDef = &#def;
        }));
        self.defs.extend(under(quote!(Self::#constant,)));
        let assertions = rules::assertions(tool, generics);
        if !assertions.is_empty() {
            // Each has its imports.
            self.assertions.extend(under(quote!(const _: () = { #assertions };)));
        }
        if !is_generic {
            self.unique.push(expand::unique(tool));
            self.registered.extend(under(quote! {
                #runtime::inventory::submit! {
                    #runtime::Registered(#runtime::Tool::new(<#self_ty>::#constant))
                }
            }));
        }
    }
}
