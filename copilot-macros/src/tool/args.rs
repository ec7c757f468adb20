//! The options of `#[tool(..)]` and `#[arg(..)]`.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

use crate::diagnostics::Diagnostics;
use crate::docs::Description;
use crate::options::{self, Entry, Value};
use crate::paths::Runtime;

/// What `#[tool(..)]` says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Name>,
    pub(crate) description: Option<Description>,
    pub(crate) read_only: Option<Span>,
    pub(crate) destructive: Option<Span>,
    pub(crate) timeout_ms: Option<u64>,
    pub(crate) inline: Option<Span>,
    pub(crate) local: Option<Span>,
    pub(crate) runtime: Runtime,
}

/// The name that the model sees.
pub(crate) enum Name {
    Text(String, Span),
    /// A constant, which only the compiler can check.
    Const(TokenStream),
}

impl Options {
    const KEYS: [&str; 8] =
        ["crate", "description", "destructive", "inline", "local", "name", "read_only", "timeout"];

    pub(crate) fn parse(tokens: TokenStream, errors: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for entry in options::parse(tokens, &Self::KEYS, errors) {
            let set = options.set(&entry);
            errors.keep(set);
        }
        options
    }

    fn set(&mut self, entry: &Entry) -> syn::Result<()> {
        match entry.key.to_string().as_str() {
            "crate" => self.runtime = Runtime(Some(entry.path("::copilot")?)),
            "description" => self.description = Some(description(entry)?),
            "destructive" => self.destructive = flag(entry)?,
            "inline" => self.inline = flag(entry)?,
            "local" => self.local = flag(entry)?,
            "name" => self.name = Some(name(entry)?),
            "read_only" => self.read_only = flag(entry)?,
            "timeout" => self.timeout_ms = Some(entry.milliseconds()?),
            _ => {}
        }
        Ok(())
    }
}

/// What `#[arg(..)]` says.
#[derive(Default)]
pub(crate) struct ArgOptions {
    pub(crate) name: Option<(String, Span)>,
    pub(crate) description: Option<Description>,
    pub(crate) default: Option<Default_>,
}

/// The value of a parameter that the model leaves out.
pub(crate) enum Default_ {
    /// `#[arg(default)]`
    OfType,
    Expr(Expr),
}

impl ArgOptions {
    const KEYS: [&str; 3] = ["default", "description", "name"];

    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("arg")) {
            let Meta::List(list) = &attr.meta else {
                errors
                    .push(syn::Error::new_spanned(attr, "write `#[arg(..)]` with options, or leave it out"));
                continue;
            };
            for entry in options::parse(list.tokens.clone(), &Self::KEYS, errors) {
                let set = options.set(&entry);
                errors.keep(set);
            }
        }
        options
    }

    fn set(&mut self, entry: &Entry) -> syn::Result<()> {
        match entry.key.to_string().as_str() {
            "default" => {
                self.default = Some(match &entry.value {
                    Value::None => Default_::OfType,
                    _ => Default_::Expr(entry.expr("1")?.clone()),
                });
            }
            "description" => self.description = Some(description(entry)?),
            "name" => {
                let text = entry.text("max_days")?;
                self.name = Some((text.value(), text.span()));
            }
            _ => {}
        }
        Ok(())
    }
}

fn flag(entry: &Entry) -> syn::Result<Option<Span>> {
    Ok(entry.flag()?.then(|| entry.span()))
}

fn description(entry: &Entry) -> syn::Result<Description> {
    Ok(match entry.expr("\"..\"")? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Description::Text(text.value()),
        expr => Description::Expr(expr.to_token_stream()),
    })
}

fn name(entry: &Entry) -> syn::Result<Name> {
    Ok(match entry.expr("\"get_weather\"")? {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Name::Text(text.value(), text.span()),
        Expr::Path(path) => Name::Const(path.to_token_stream()),
        other => {
            let message = "`name` is a string literal or the path of a constant";
            return Err(syn::Error::new_spanned(other, message));
        }
    })
}
