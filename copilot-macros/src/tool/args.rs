//! The options of `#[tool(..)]` and `#[arg(..)]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprClosure, ExprLit, ExprUnary, Lit, LitStr, Meta, Path, UnOp};

use super::values::{
    description, flag, function, length, meta, name, number, positive, scalars, texts, word,
};
use crate::diagnostics::Diagnostics;
use crate::docs::Description;
use crate::options::{self, Entry, Text, Value};
use crate::paths::Runtime;

/// The options of `#[tool(..)]`.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<Name>,
    pub(crate) description: Option<Description>,
    pub(crate) read_only: Option<Span>,
    pub(crate) destructive: Option<Span>,
    pub(crate) idempotent: Option<Span>,
    pub(crate) inline: Option<Span>,
    pub(crate) local: Option<Span>,
    pub(crate) overrides_builtin: Option<Span>,
    pub(crate) retries: Option<Span>,
    pub(crate) skip_permission: Option<Span>,
    pub(crate) needs_approval: Option<(Function, Span)>,
    /// The name of a parameter, or a path that begins with one.
    pub(crate) serial_by: Option<LitStr>,
    /// The lint level for an argument without a description: `allow`, `warn` or `deny`.
    pub(crate) docs: Option<&'static str>,
    pub(crate) runtime: Runtime,
    /// Fields of `ToolDef` with their values, copied into the definition unchanged.
    pub(crate) fields: Vec<(&'static str, Field)>,
}

/// The value of a field of the definition.
pub(crate) enum Field {
    /// An expression that does not refer to the runtime crate.
    Plain(TokenStream),
    /// Pairs of key and value for `meta`.
    Meta(Vec<(String, Scalar)>),
    /// The function of `enabled`.
    Enabled(Function),
}

/// The value of an option that takes a function.
pub(crate) enum Function {
    Path(Path),
    Closure(ExprClosure),
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Path(path) => path.to_tokens(tokens),
            Self::Closure(closure) => closure.to_tokens(tokens),
        }
    }
}

/// The name of the tool.
pub(crate) enum Name {
    Text(String, Span),
    /// The path of a constant, checked during constant evaluation.
    Const(TokenStream),
}

impl Options {
    pub(crate) const KEYS: [&str; 28] = [
        "budget",
        "coerce",
        "concurrency",
        "crate",
        "defer",
        "description",
        "destructive",
        "docs",
        "enabled",
        "errors",
        "group",
        "idempotent",
        "inline",
        "local",
        "max_output",
        "meta",
        "name",
        "needs_approval",
        "open_world",
        "overrides_builtin",
        "read_only",
        "retries",
        "serial_by",
        "skip_permission",
        "tags",
        "terminal",
        "timeout",
        "title",
    ];

    pub(crate) fn parse(tokens: TokenStream, errors: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for entry in options::parse(tokens, &Self::KEYS, errors) {
            let set = options.set(&entry);
            errors.keep(set);
        }
        options
    }

    fn set(&mut self, entry: &Entry) -> syn::Result<()> {
        let key = entry.key.to_string();
        match key.as_str() {
            "budget" => {
                let calls = positive(entry, "3")?;
                self.plain("budget", quote!(::core::option::Option::Some(#calls)));
            }
            "coerce" => {
                let on = word(entry, &["on", "off"])? == "on";
                self.plain("coerce", quote!(#on));
            }
            "concurrency" => {
                let limit = positive(entry, "4")?;
                self.plain("concurrency", quote!(::core::option::Option::Some(#limit)));
            }
            "crate" => self.runtime = Runtime(Some(entry.path("::copilot")?)),
            "defer" => {
                let defer = word(entry, &["auto", "never"])?;
                self.plain("defer", quote!(::core::option::Option::Some(#defer)));
            }
            "description" => self.description = Some(description(entry)?),
            "destructive" => self.destructive = self.flag(entry, "destructive")?,
            "docs" => self.docs = Some(word(entry, &["allow", "warn", "deny"])?),
            "enabled" => {
                let function = function(entry, "|session| session.model().is_some()")?;
                self.fields.push(("enabled", Field::Enabled(function)));
            }
            "errors" => {
                let visible = word(entry, &["visible", "hidden"])? == "visible";
                self.plain("errors_visible", quote!(::core::option::Option::Some(#visible)));
            }
            "group" => self.text(entry, "group", "files")?,
            "idempotent" => self.idempotent = self.flag(entry, "idempotent")?,
            "inline" => self.inline = flag(entry)?,
            "local" => self.local = flag(entry)?,
            "max_output" => {
                let limit = positive(entry, "10_000")?;
                self.plain("max_output", quote!(::core::option::Option::Some(#limit)));
            }
            "meta" => self.fields.push(("meta", Field::Meta(meta(entry)?))),
            "name" => self.name = Some(name(entry)?),
            "needs_approval" => {
                let function = function(entry, "|path| path.starts_with(\"/etc\")")?;
                self.needs_approval = Some((function, entry.span()));
            }
            "open_world" => drop(self.flag(entry, "open_world")?),
            "overrides_builtin" => self.overrides_builtin = self.flag(entry, "overrides_builtin")?,
            "read_only" => self.read_only = self.flag(entry, "read_only")?,
            "retries" => {
                let retries = u32::try_from(positive(entry, "2")?).unwrap_or(u32::MAX);
                self.retries = Some(entry.span());
                self.plain("retries", quote!(#retries));
            }
            "serial_by" => self.serial_by = Some(entry.text("path")?.clone()),
            "skip_permission" => self.skip_permission = self.flag(entry, "skip_permission")?,
            "tags" => {
                let tags = texts(entry)?;
                self.plain("tags", quote!(&[#(#tags),*]));
            }
            "terminal" => drop(self.flag(entry, "terminal")?),
            "timeout" => {
                let timeout = entry.milliseconds()?;
                self.plain("timeout_ms", quote!(::core::option::Option::Some(#timeout)));
            }
            "title" => self.text(entry, "title", "Weather report")?,
            _ => {}
        }
        Ok(())
    }

    fn plain(&mut self, field: &'static str, value: TokenStream) {
        self.fields.push((field, Field::Plain(value)));
    }

    fn flag(&mut self, entry: &Entry, field: &'static str) -> syn::Result<Option<Span>> {
        let set = flag(entry)?;
        if set.is_some() {
            self.plain(field, quote!(true));
        }
        Ok(set)
    }

    fn text(&mut self, entry: &Entry, field: &'static str, example: &str) -> syn::Result<()> {
        let text = entry.constant(example)?;
        self.plain(field, quote!(::core::option::Option::Some(#text)));
        Ok(())
    }
}

/// The options of `#[arg(..)]`.
#[derive(Default)]
pub(crate) struct ArgOptions {
    pub(crate) name: Option<(String, Span)>,
    pub(crate) description: Option<Description>,
    pub(crate) default: Option<DefaultValue>,
    pub(crate) min: Option<(Number, Span)>,
    pub(crate) max: Option<(Number, Span)>,
    pub(crate) min_len: Option<(usize, Span)>,
    pub(crate) max_len: Option<(usize, Span)>,
    pub(crate) pattern: Option<Text>,
    pub(crate) one_of: Vec<Scalar>,
    pub(crate) examples: Vec<Scalar>,
    pub(crate) flatten: Option<Span>,
    pub(crate) nest: Option<Span>,
    /// The options that are set, with their places.
    keys: Vec<(String, Span)>,
}

/// The value of a parameter that a call omits.
pub(crate) enum DefaultValue {
    /// `#[arg(default)]`: the `Default` of the type.
    OfType,
    Expr(Expr),
}

/// The bound of a number.
#[derive(Clone)]
pub(crate) enum Number {
    Int(i128),
    Float(f64),
    /// An expression, known only to the compiler.
    Expr(Expr),
}

/// The value of a literal.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Text(String),
    Int(i128),
    Float(f64),
    Bool(bool),
}

impl ArgOptions {
    pub(crate) const KEYS: [&str; 12] = [
        "default",
        "description",
        "example",
        "flatten",
        "max",
        "max_len",
        "min",
        "min_len",
        "name",
        "nest",
        "one_of",
        "pattern",
    ];

    pub(crate) fn parse(attrs: &[Attribute], errors: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("arg")) {
            let Meta::List(list) = &attr.meta else {
                errors
                    .push(syn::Error::new_spanned(attr, "write `#[arg(..)]` with options, or leave it out"));
                continue;
            };
            for entry in options::parse(list.tokens.clone(), &Self::KEYS, errors) {
                options.keys.push((entry.key.to_string(), entry.span()));
                let set = options.set(&entry);
                errors.keep(set);
            }
        }
        options
    }

    /// Returns the place of an option.
    pub(crate) fn span_of(&self, key: &str) -> Option<Span> {
        self.keys.iter().find(|(own, _)| own == key).map(|(_, span)| *span)
    }

    fn set(&mut self, entry: &Entry) -> syn::Result<()> {
        match entry.key.to_string().as_str() {
            "default" => {
                self.default = Some(match &entry.value {
                    Value::None => DefaultValue::OfType,
                    _ => DefaultValue::Expr(entry.expr("1")?.clone()),
                });
            }
            "description" => self.description = Some(description(entry)?),
            "example" => self.examples = scalars(entry, "\"Oslo\"")?,
            "flatten" => self.flatten = flag(entry)?,
            "max" => self.max = Some((number(entry)?, entry.span())),
            "max_len" => self.max_len = Some((length(entry)?, entry.span())),
            "min" => self.min = Some((number(entry)?, entry.span())),
            "min_len" => self.min_len = Some((length(entry)?, entry.span())),
            "name" => {
                let text = entry.text("max_days")?;
                self.name = Some((text.value(), text.span()));
            }
            "nest" => self.nest = flag(entry)?,
            "one_of" => self.one_of = scalars(entry, "[\"low\", \"high\"]")?,
            "pattern" => self.pattern = Some(entry.constant("[A-Z]+-[0-9]+")?),
            _ => {}
        }
        Ok(())
    }
}

impl Number {
    pub(crate) fn known(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "bounds are compared, not computed with")]
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Expr(_) => None,
        }
    }
}

/// Returns the value of an expression that is a literal, or a negated one. An integer has at most 64 bits.
pub(crate) fn scalar(expr: &Expr) -> Option<Scalar> {
    let fits = |number: i128| i64::try_from(number).is_ok() || u64::try_from(number).is_ok();
    literal(expr).filter(|scalar| !matches!(scalar, Scalar::Int(number) if !fits(*number)))
}

/// Returns the expression in parentheses, and in the invisible ones of a value that comes from another macro.
pub(super) fn bare(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => bare(&group.expr),
        Expr::Paren(paren) => bare(&paren.expr),
        _ => expr,
    }
}

fn literal(expr: &Expr) -> Option<Scalar> {
    match bare(expr) {
        Expr::Lit(ExprLit { lit, .. }) => match lit {
            Lit::Str(text) => Some(Scalar::Text(text.value())),
            Lit::Char(text) => Some(Scalar::Text(text.value().to_string())),
            Lit::Int(number) => number.base10_parse().ok().map(Scalar::Int),
            Lit::Float(number) => number.base10_parse().ok().map(Scalar::Float),
            Lit::Bool(value) => Some(Scalar::Bool(value.value())),
            _ => None,
        },
        Expr::Unary(ExprUnary { op: UnOp::Neg(_), expr, .. }) => match literal(expr)? {
            Scalar::Int(number) => Some(Scalar::Int(number.checked_neg()?)),
            Scalar::Float(number) => Some(Scalar::Float(-number)),
            _ => None,
        },
        _ => None,
    }
}
