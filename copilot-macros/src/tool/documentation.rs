//! The documentation of a tool: what rustdoc shows of it, and the warnings about what is missing or too long.

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Ident, Type, Visibility};

use super::args::Name;
use super::model::{Function, Param, Tool, without_lifetimes};
use crate::docs::Description;

/// The user's function. Its documentation also says how a session gets the tool, because rustdoc does not show the
/// handle.
pub(crate) fn shown(tool: &Tool) -> TokenStream {
    let Function { attrs, vis, sig, body } = &tool.function;
    let usage = match vis {
        Visibility::Inherited => None,
        _ => {
            let (ident, is_method) = (&sig.ident, tool.method.is_some());
            let item = if is_method { "method" } else { "function" };
            let call = if is_method {
                "with_toolset(value)".to_owned()
            } else {
                format!("with_tools([{ident}::TOOL])")
            };
            let name = match &tool.name {
                Name::Text(name, _) => format!("the tool `{name}`"),
                Name::Const(_) => "a tool".to_owned(),
            };
            let text =
                format!("\n # Tool\n\n `Session::builder().{call}` gives a session this {item} as {name}.");
            Some(quote!(#[doc = #text]))
        }
    };
    quote!(#(#attrs)* #usage #vis #sig #body)
}

/// The length of a description that every provider accepts, in characters.
const LONGEST_DESCRIPTION: usize = 1_024;

/// A function that triggers a lint for each argument without a description, and for a long description of the tool.
/// Whether a parameter is an argument depends on its type.
pub(crate) fn checks(tool: &Tool, name: &Ident) -> TokenStream {
    let runtime = &tool.options.runtime;
    let mut checks = Vec::new();
    for param in tool.params.iter().filter(|param| param.description.is_empty() && !is_injected(&param.ty)) {
        let Param { ident, name, .. } = param;
        let ty = without_lifetimes(&param.ty);
        let span = ident.span();
        let path = runtime.at(span);
        let note = format!(
            "argument `{name}` has no description; add a `///` comment to it, or a bullet for it under \
             `# Arguments`: the model reads it to decide what to send"
        );
        // A trait per argument, because the text of the lint belongs to a declaration.
        let declared = format_ident!("argument_{}", ident.unraw(), span = span);
        checks.push(quote_spanned! {span=> {
            trait #declared: ::core::marker::Sized {
                #[deprecated(note = #note)]
                fn has_no_description(self) {}
            }
            impl<T: #path::Plain> #declared for #path::Probe<T> {}
            #path::Probe::<#ty>::NEW.has_no_description();
        }});
    }
    if let Description::Text(text) = &tool.description
        && text.chars().count() > LONGEST_DESCRIPTION
    {
        let span = tool.function.sig.ident.span();
        let path = runtime.at(span);
        checks.push(quote_spanned!(span=> #path::long_description();));
    }
    if checks.is_empty() || tool.options.docs == Some("allow") {
        return TokenStream::new();
    }
    let level = Ident::new(tool.options.docs.unwrap_or("warn"), Span::call_site());
    quote! {
        #[allow(dead_code, non_camel_case_types, unused_imports)]
        #[#level(deprecated)]
        fn #name() {
            use #runtime::Described as _;
            #(#checks)*
        }
    }
}

/// Returns whether a type is named as an injected one, which needs no description. The compiler decides about all others
/// by their traits; a type of the program of this name is not checked by them either.
fn is_injected(ty: &Type) -> bool {
    match ty {
        Type::Reference(ty) => is_injected(&ty.elem),
        Type::Path(ty) => ty
            .path
            .segments
            .last()
            .is_some_and(|segment| segment.ident == "ToolContext" || segment.ident == "State"),
        _ => false,
    }
}
