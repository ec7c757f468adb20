//! An `impl` block with `#[tools]`. The bodies of its functions are never parsed.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::parse::{Parse, ParseStream, Parser as _};
use syn::{Attribute, Generics, Meta, Signature, Token, Type, Visibility, braced};

use crate::cfg;
use crate::diagnostics::Diagnostics;
use crate::options::{self, Text};
use crate::paths::Runtime;
use crate::tool::args::{self, Field, Name};
use crate::tool::check;
use crate::tool::model::{self, Function, Tool};

/// The options of `#[tools(..)]`.
#[derive(Default)]
pub(crate) struct Options {
    group: Option<Text>,
    prefix: Option<Text>,
    pub(crate) runtime: Runtime,
}

impl Options {
    const KEYS: [&str; 3] = ["crate", "group", "prefix"];

    pub(crate) fn parse(tokens: TokenStream, errors: &mut Diagnostics) -> Self {
        let mut options = Self::default();
        for entry in options::parse(tokens, &Self::KEYS, errors) {
            let set = match entry.key.to_string().as_str() {
                "crate" => entry.path("::copilot").map(|path| options.runtime = Runtime(Some(path))),
                "group" => entry.constant("github").map(|text| options.group = Some(text)),
                _ => entry.constant("github_").map(|text| options.prefix = Some(text)),
            };
            errors.keep(set);
        }
        options
    }
}

/// The parsed block.
pub(crate) struct Block {
    header: Header,
    items: Vec<BlockItem>,
}

/// The part of a block before its braces.
pub(crate) struct Header {
    attrs: Vec<Attribute>,
    pub(crate) generics: Generics,
    /// The trait of a trait implementation, with its `for`: a mistake.
    of_trait: TokenStream,
    pub(crate) self_ty: Type,
    place: Span,
}

enum BlockItem {
    Function(Box<Function>),
    Other(TokenStream),
}

impl Parse for Header {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let place = input.span();
        if input.parse::<Token![impl]>().is_err() {
            let wrong = "`#[tools]` requires an `impl` block of a type: `impl Type { #[tool] async fn .. }`";
            return Err(syn::Error::new(place, wrong));
        }
        let mut generics: Generics = input.parse()?;
        let mut self_ty: Type = input.parse()?;
        let mut of_trait = TokenStream::new();
        if let Some(token) = input.parse::<Option<Token![for]>>()? {
            of_trait = quote!(#self_ty #token);
            self_ty = input.parse()?;
        }
        generics.where_clause = input.parse()?;
        Ok(Self { attrs, generics, of_trait, self_ty, place })
    }
}

impl Header {
    /// Parses the header of a block whose content is not valid.
    pub(crate) fn of_broken(block: TokenStream) -> Option<Self> {
        let parser = |input: ParseStream<'_>| {
            let header = input.parse()?;
            input.parse::<TokenStream>()?;
            Ok(header)
        };
        parser.parse2(block).ok()
    }
}

impl Parse for Block {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let header = input.parse()?;
        let content;
        braced!(content in input);
        let mut items = Vec::new();
        while !content.is_empty() {
            items.push(item(&content)?);
        }
        Ok(Self { header, items })
    }
}

fn item(input: ParseStream<'_>) -> syn::Result<BlockItem> {
    let attrs = input.call(Attribute::parse_outer)?;
    let vis: Visibility = input.parse()?;
    if attrs.iter().any(is_tool) || input.fork().parse::<Signature>().is_ok() {
        let sig = model::signature(input)?;
        // The body is the one group that follows.
        let body: TokenTree = input.parse()?;
        return Ok(BlockItem::Function(Box::new(Function { attrs, vis, sig, body: body.into() })));
    }
    let mut tokens = quote!(#(#attrs)* #vis);
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let ends = match &token {
            TokenTree::Punct(punct) => punct.as_char() == ';',
            TokenTree::Group(group) => group.delimiter() == proc_macro2::Delimiter::Brace,
            _ => false,
        };
        tokens.extend([token]);
        if ends {
            break;
        }
    }
    Ok(BlockItem::Other(tokens))
}

fn is_tool(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|segment| segment.ident == "tool")
}

/// Returns whether an attribute is `#[cfg_attr(.., tool)]`.
fn may_be_tool(attr: &Attribute) -> bool {
    fn is_tool(attribute: TokenStream) -> bool {
        if let Some((_, attributes)) = cfg::conditional(attribute.clone()) {
            return attributes.into_iter().any(is_tool);
        }
        let path = attribute.into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
        path.last().is_some_and(|last| matches!(last, TokenTree::Ident(last) if last == "tool"))
    }
    cfg::conditional(attr.meta.to_token_stream())
        .is_some_and(|(_, attributes)| attributes.into_iter().any(is_tool))
}

/// The block with its options and tools.
pub(crate) struct Toolset {
    pub(crate) options: Options,
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) generics: Generics,
    pub(crate) of_trait: TokenStream,
    pub(crate) self_ty: Type,
    pub(crate) items: Vec<Item>,
}

pub(crate) enum Item {
    Tool(Box<Tool>),
    Other(TokenStream),
}

impl Toolset {
    pub(crate) fn new(options: Options, block: Block, errors: &mut Diagnostics) -> Self {
        let Block { header: Header { attrs, generics, of_trait, self_ty, place }, items } = block;
        if !of_trait.is_empty() {
            errors.at(
                place,
                "the functions of a trait implementation cannot be tools; move them to an `impl` block of the type",
            );
        }
        let items = items.into_iter().map(|item| match item {
            BlockItem::Other(tokens) => Item::Other(tokens),
            BlockItem::Function(function) => Self::item(&options, *function, errors),
        });
        let items: Vec<Item> = items.collect();
        let toolset = Self { options, attrs, generics, of_trait, self_ty, items };
        if toolset.tools().next().is_none() && errors.is_empty() {
            errors.at(
                Span::call_site(),
                "`#[tools]` found no tool in this block; add `#[tool]` to each function that is a tool",
            );
        }
        toolset
    }

    pub(crate) fn tools(&self) -> impl Iterator<Item = &Tool> {
        self.items.iter().filter_map(|item| match item {
            Item::Tool(tool) => Some(&**tool),
            Item::Other(_) => None,
        })
    }

    fn item(options: &Options, mut function: Function, errors: &mut Diagnostics) -> Item {
        let Some(position) = function.attrs.iter().position(is_tool) else {
            if let Some(position) = function.attrs.iter().position(may_be_tool) {
                errors.push(syn::Error::new_spanned(
                    function.attrs.remove(position),
                    "`#[tools]` cannot read a `#[tool]` inside of `cfg_attr`; write `#[tool]`, and `#[cfg(..)]` on the \
                     function where it depends on a condition",
                ));
            }
            return Item::Other(quote!(#function));
        };
        let attr = function.attrs.remove(position);
        let tokens = match &attr.meta {
            Meta::List(list) => list.tokens.clone(),
            _ => TokenStream::new(),
        };
        let mut of_tool = args::Options::parse(tokens, errors);
        of_tool.runtime = Runtime(options.runtime.0.clone());
        let has_group = of_tool.fields.iter().any(|(field, _)| *field == "group");
        if let (Some(group), false) = (&options.group, has_group) {
            of_tool.fields.push(("group", Field::Plain(quote!(::core::option::Option::Some(#group)))));
        }
        let is_named = of_tool.name.is_some();
        let mut tool = Tool::of_type(of_tool, function, errors);
        match (&options.prefix, &mut tool.name) {
            (Some(Text::Literal(prefix)), Name::Text(name, _)) if !is_named => {
                name.insert_str(0, &prefix.value());
            }
            (Some(Text::Const(prefix)), Name::Text(name, _)) if !is_named => {
                let runtime = &options.runtime;
                tool.name = Name::Const(quote! {{
                    const __LENGTH: usize = #runtime::length_of(#prefix, #name);
                    const __NAME: &[u8] = &#runtime::joined::<__LENGTH>(#prefix, #name);
                    #runtime::text_of(__NAME)
                }});
            }
            _ => {}
        }
        check::check(&tool, errors);
        Item::Tool(Box::new(tool))
    }
}
