//! `#[tool]`: parse → model → check → expand. Each step collects all mistakes; `expand` cannot fail.

pub(crate) mod args;
pub(crate) mod builtins;
pub(crate) mod check;
pub(crate) mod documentation;
pub(crate) mod expand;
pub(crate) mod fallback;
pub(crate) mod model;
mod pattern;
pub(crate) mod rules;
mod spelled;
#[cfg(test)]
mod tests;
mod values;

use proc_macro2::TokenStream;

use crate::diagnostics::Diagnostics;

/// Expands `#[tool(options)] item`.
pub(crate) fn tool(options: TokenStream, item: TokenStream) -> TokenStream {
    let mut errors = Diagnostics::default();
    let options = args::Options::parse(options, &mut errors);
    let Some(function) = errors.keep(syn::parse2::<model::Function>(item.clone())) else {
        return fallback::without_model(errors, item);
    };
    let tool = model::Tool::new(options, function, &mut errors);
    check::check(&tool, &mut errors);
    if errors.is_empty() { expand::expand(&tool) } else { fallback::with_model(errors, &tool) }
}
