//! The attribute macros of `copilot`; use them through that crate.

mod diagnostics;
mod docs;
mod options;
mod paths;
mod tool;
mod toolset;

use proc_macro::TokenStream;

// Its documentation stands where it is re-exported.
#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    tool::tool(options.into(), item.into()).into()
}

#[allow(missing_docs)]
#[proc_macro_attribute]
pub fn tools(options: TokenStream, item: TokenStream) -> TokenStream {
    toolset::tools(options.into(), item.into()).into()
}

/// The names of the CLI's own tools, as an array of text.
#[doc(hidden)]
#[proc_macro]
pub fn builtin_tools(_: TokenStream) -> TokenStream {
    let names = tool::builtins::BUILTINS;
    quote::quote!([#(#names),*]).into()
}
