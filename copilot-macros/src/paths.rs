//! The path of the runtime crate: `::copilot`, or what `crate = path` says.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// Where the expansion finds `__private`.
#[derive(Default)]
pub(crate) struct Runtime(pub(crate) Option<syn::Path>);

impl Runtime {
    /// The path as if it stood at `span`, so that an error about an expression points there and nowhere else.
    pub(crate) fn at(&self, span: Span) -> TokenStream {
        let respanned = self.to_token_stream().into_iter().map(|mut token| {
            token.set_span(span);
            token
        });
        respanned.collect()
    }
}

impl ToTokens for Runtime {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        tokens.extend(match &self.0 {
            Some(path) => quote!(#path::__private),
            None => quote!(::copilot::__private),
        });
    }
}
