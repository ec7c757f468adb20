//! The attribute macros of `copilot`, which re-exports them.

#![cfg_attr(not(test), warn(unused_crate_dependencies))]

mod cfg;
mod decode;
mod diagnostics;
mod docs;
mod link;
mod options;
mod paths;
mod tool;
mod toolset;

use proc_macro::TokenStream;

// The documentation is at the re-export.
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

#[allow(missing_docs)]
#[proc_macro]
pub fn link_all(input: TokenStream) -> TokenStream {
    link::link_all(&input.into()).into()
}

/// Expands to an array with the names of the CLI's built-in tools.
#[doc(hidden)]
#[proc_macro]
pub fn builtin_tools(_: TokenStream) -> TokenStream {
    let names = tool::builtins::BUILTINS;
    quote::quote!([#(#names),*]).into()
}

/// Derives how a type of the protocol is read.
#[doc(hidden)]
#[proc_macro_derive(Decode, attributes(decode, serde))]
pub fn decode(item: TokenStream) -> TokenStream {
    decode::decode(item.into()).into()
}
