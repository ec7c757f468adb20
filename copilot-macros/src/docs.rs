//! Descriptions of tools and arguments from doc comments.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// A description: literal text, or an expression that evaluates to `&'static str`.
#[derive(Clone)]
pub(crate) enum Description {
    Text(String),
    /// From `#[doc = include_str!("..")]` or `description = CONST`.
    Expr(TokenStream),
}

impl Description {
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

impl Default for Description {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl ToTokens for Description {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        match self {
            Self::Text(text) => text.to_tokens(tokens),
            Self::Expr(expr) => expr.to_tokens(tokens),
        }
    }
}

/// Returns the doc comment of an item; an empty text without one.
pub(crate) fn description(attrs: &[Attribute]) -> Description {
    let values: Vec<&Expr> = attrs
        .iter()
        .filter_map(|attr| match &attr.meta {
            Meta::NameValue(meta) if meta.path.is_ident("doc") => Some(&meta.value),
            _ => None,
        })
        .collect();
    let literal = |expr: &Expr| match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    };
    match values.iter().map(|expr| literal(expr)).collect::<Option<Vec<_>>>() {
        Some(lines) => Description::Text(text(&lines)),
        None => {
            let mut parts = TokenStream::new();
            for (index, value) in values.iter().enumerate() {
                let part = literal(value).map_or_else(
                    || value.to_token_stream(),
                    |line| line.strip_prefix(' ').unwrap_or(&line).to_token_stream(),
                );
                parts.extend(if index == 0 { quote!(#part) } else { quote!(, "\n", #part) });
            }
            Description::Expr(quote!(::core::concat!(#parts)))
        }
    }
}

/// Joins the lines of a doc comment: strips one leading space, keeps lists and paragraphs, drops blank lines at both
/// ends.
fn text(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines.iter().flat_map(|line| line.split('\n')) {
        text.push_str(line.strip_prefix(' ').unwrap_or(line).trim_end());
        text.push('\n');
    }
    text.trim().to_owned()
}

/// Removes the `# Arguments` section from a description and returns its bullets as pairs of parameter and description.
pub(crate) fn take_arguments(description: &mut Description) -> Vec<(String, String)> {
    let Description::Text(text) = description else { return Vec::new() };
    let is_heading = |line: &str| line.starts_with('#') && line.trim_start_matches('#').starts_with(' ');
    let names_arguments = |line: &str| {
        is_heading(line) && matches!(line.trim_start_matches('#').trim(), "Arguments" | "Args" | "Parameters")
    };
    let lines: Vec<&str> = text.lines().collect();
    let Some(start) = lines.iter().position(|line| names_arguments(line)) else { return Vec::new() };
    let end = lines[start + 1..]
        .iter()
        .position(|line| is_heading(line))
        .map_or(lines.len(), |end| start + 1 + end);
    let mut arguments: Vec<(String, String)> = Vec::new();
    for line in &lines[start + 1..end] {
        if let Some(argument) = bullet(line) {
            arguments.push(argument);
        } else if let (Some((_, text)), false) = (arguments.last_mut(), line.trim().is_empty()) {
            text.push(' ');
            text.push_str(line.trim());
        }
    }
    if arguments.is_empty() {
        return arguments;
    }
    let kept: Vec<&str> = lines[..start].iter().chain(&lines[end..]).copied().collect();
    *text = kept.join("\n").trim().to_owned();
    arguments
}

/// Parses a bullet such as ``* `city` - City name.`` into name and description.
fn bullet(line: &str) -> Option<(String, String)> {
    let item = line.trim().strip_prefix(['*', '-', '+'])?.trim_start();
    let (name, rest) = match item.strip_prefix('`') {
        Some(quoted) => quoted.split_once('`')?,
        None => item.split_once([':', ' '])?,
    };
    let text = rest.trim_start_matches([':', '-', '–', '—', ' ']).trim();
    Some((name.trim().to_owned(), text.to_owned()))
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    fn check(attrs: &[Attribute], expected: &str) {
        let Description::Text(text) = description(attrs) else { panic!("not literal") };
        assert_eq!(text, expected);
    }

    #[test]
    fn paragraphs_and_lists_are_kept() {
        check(
            &[
                parse_quote!(#[doc = " Weather."]),
                parse_quote!(#[doc = ""]),
                parse_quote!(#[inline]),
                parse_quote!(#[doc = " - one"]),
                parse_quote!(#[doc = "   two"]),
                parse_quote!(#[doc = " "]),
            ],
            "Weather.\n\n- one\n  two",
        );
    }

    #[test]
    fn included_text_is_joined_by_the_compiler() {
        let attrs = [parse_quote!(#[doc = " Weather."]), parse_quote!(#[doc = include_str!("w.md")])];
        let tokens = description(&attrs).to_token_stream().to_string();
        assert_eq!(tokens, r#":: core :: concat ! ("Weather." , "\n" , include_str ! ("w.md"))"#);
    }

    #[test]
    fn the_arguments_section_describes_the_parameters() {
        let mut description = Description::Text(
            "Weather.\n\n# Arguments\n\n* `city` - City\n  name.\n- days: Days.\n\n# Notes\nNone.".into(),
        );
        let arguments = take_arguments(&mut description);
        assert_eq!(arguments, [("city".into(), "City name.".into()), ("days".into(), "Days.".into())]);
        assert!(matches!(description, Description::Text(text) if text == "Weather.\n\n# Notes\nNone."));
    }
}
