//! The path of the runtime crate: `::copilot`, or the path of `crate = path`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};

/// The path at which the expansion finds `__private`; `None` for `::copilot`.
#[derive(Default)]
pub(crate) struct Runtime(pub(crate) Option<syn::Path>);

impl Runtime {
    /// Returns the path with the span `span`, so that a compiler error about the expression points there.
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
