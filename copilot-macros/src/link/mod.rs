//! `link_all!`: refers to the crates with tools that a manifest lists.

mod manifest;
mod toml;

use std::path::PathBuf;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::Ident;

use self::manifest::{Linked, Manifests};

/// Expands `link_all!()`.
pub(crate) fn link_all(input: &TokenStream) -> TokenStream {
    let linked = if input.is_empty() { linked() } else { Err("it takes no arguments".to_owned()) };
    linked.unwrap_or_else(|error| {
        syn::Error::new(Span::call_site(), format!("`link_all!` cannot list the crates with tools: {error}"))
            .into_compile_error()
    })
}

fn linked() -> Result<TokenStream, String> {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").ok_or("only Cargo sets `CARGO_MANIFEST_DIR`")?;
    let mut manifests = Manifests::new(|path| std::fs::read_to_string(path).ok());
    let is_program = std::env::var_os("CARGO_BIN_NAME").is_some();
    let own = std::env::var("CARGO_CRATE_NAME").unwrap_or_default();
    let linked = manifests.linked(&PathBuf::from(folder), |library| is_program || *library != *own)?;
    if linked.is_empty() {
        return Err(
            "no dependency with a `path` depends on `copilot-tools`; name crates of a registry with \
                    `copilot::link!(that_crate);`"
                .to_owned(),
        );
    }
    let crates = linked.iter().map(extern_crate).collect::<Result<Vec<_>, _>>()?;
    // The compiler runs the macro again when one of these changes.
    let read = manifests.read().map(|path| path.display().to_string());
    Ok(quote! {
        #(#crates)*
        const _: &[&[u8]] = &[#(::core::include_bytes!(#read)),*];
    })
}

fn extern_crate(linked: &Linked) -> Result<TokenStream, String> {
    let Linked { name, conditions } = linked;
    let conditions = conditions.iter().map(|condition| {
        let parsed: Result<TokenStream, _> = condition.parse();
        parsed.map_err(|error| format!("`{condition}` cannot be read: {error}"))
    });
    let conditions = conditions.collect::<Result<Vec<_>, _>>()?;
    let ident: Ident = syn::parse_str(name).map_err(|_| format!("`{name}` is not the name of a crate"))?;
    Ok(quote!(#[cfg(all(#(#conditions),*))] extern crate #ident as _;))
}
