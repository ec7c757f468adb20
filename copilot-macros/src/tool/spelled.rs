//! Mistakes that the spelling of a type shows, and for which the compiler's message about traits would not name the fix.
//! A type that is spelled in another way is left to the compiler.

use proc_macro2::Span;
use quote::{ToTokens, quote};
use syn::{GenericArgument, PathArguments, ReturnType, Type, TypeParamBound, parse_quote};

use super::model::Tool;
use crate::diagnostics::Diagnostics;

/// Types of `std` that own their content.
const CONTAINERS: [&str; 12] = [
    "BTreeMap",
    "BTreeSet",
    "BinaryHeap",
    "Box",
    "HashMap",
    "HashSet",
    "LinkedList",
    "Option",
    "Range",
    "Result",
    "Vec",
    "VecDeque",
];

pub(super) fn check(tool: &Tool, errors: &mut Diagnostics) {
    for param in &tool.params {
        references(&param.ty, errors);
    }
    if let ReturnType::Type(_, ty) = &tool.function.sig.output
        && let Some(output) = future(ty)
    {
        let written = output.map_or_else(|| "..".to_owned(), |output| text(&output));
        let name = &tool.function.sig.ident;
        errors.push(syn::Error::new_spanned(
            ty,
            format!(
                "a tool that returns a future is an `async fn`; write `async fn {name}(..) -> {written}`, and await the \
                 future in its body"
            ),
        ));
    }
}

/// Reports a reference inside of an argument. `&T` and `Option<&T>` are lent from an owned value; `Vec<&T>` is not.
fn references(ty: &Type, errors: &mut Diagnostics) {
    let mut inner = ty;
    if let Some([only]) = arguments(inner, "Option").as_deref() {
        inner = *only;
    }
    let slice = match inner {
        Type::Reference(reference) => {
            inner = &reference.elem;
            matches!(inner, Type::Slice(_))
        }
        _ => false,
    };
    let Some(span) = reference(inner) else { return };
    let owned = owned(inner);
    let hint = match (&owned, arguments(&owned, "Vec").as_deref()) {
        (Type::Slice(slice), _) => format!("write `&{}`", text(slice)),
        (_, Some([element])) if !slice => format!("write `{}` or `&[{}]`", text(&owned), text(element)),
        _ => format!("write `{}`", text(&owned)),
    };
    errors.at(span, format!("an argument owns its data, and a reference inside of it has no owner; {hint}"));
}

/// Returns the place of the first reference in a type of `std`.
fn reference(ty: &Type) -> Option<Span> {
    match ty {
        Type::Reference(ty) => Some(ty.and_token.span),
        Type::Slice(ty) => reference(&ty.elem),
        Type::Array(ty) => reference(&ty.elem),
        Type::Tuple(ty) => ty.elems.iter().find_map(reference),
        _ => CONTAINERS.iter().find_map(|name| arguments(ty, name))?.into_iter().find_map(reference),
    }
}

/// Returns the type with an owned type in place of each reference.
fn owned(ty: &Type) -> Type {
    match ty {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) => {
                let element = owned(&slice.elem);
                parse_quote!(Vec<#element>)
            }
            Type::Path(path) if path.path.is_ident("str") => parse_quote!(String),
            Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == "Path") => {
                parse_quote!(PathBuf)
            }
            other => owned(other),
        },
        Type::Slice(slice) => {
            let element = owned(&slice.elem);
            parse_quote!([#element])
        }
        Type::Array(array) => {
            let (element, length) = (owned(&array.elem), &array.len);
            parse_quote!([#element; #length])
        }
        Type::Tuple(tuple) => {
            let elements = tuple.elems.iter().map(owned);
            parse_quote!((#(#elements),*))
        }
        Type::Path(path) => {
            let mut path = path.clone();
            if let Some(segment) = path.path.segments.last_mut()
                && let PathArguments::AngleBracketed(arguments) = &mut segment.arguments
            {
                for argument in &mut arguments.args {
                    if let GenericArgument::Type(ty) = argument {
                        *ty = owned(ty);
                    }
                }
            }
            Type::Path(path)
        }
        other => other.clone(),
    }
}

/// Returns the type arguments of a type whose last name this is.
fn arguments<'t>(ty: &'t Type, name: &str) -> Option<Vec<&'t Type>> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    Some(types.collect())
}

/// Returns the output of a future: `impl Future<Output = T>`, `Pin<Box<dyn Future<Output = T>>>` or `BoxFuture<T>`.
/// The inner `None` is an output that is not written.
fn future(ty: &Type) -> Option<Option<Type>> {
    match ty {
        Type::ImplTrait(ty) => of_bounds(&ty.bounds),
        Type::TraitObject(ty) => of_bounds(&ty.bounds),
        _ => {
            if let Some(output) = ["BoxFuture", "LocalBoxFuture"].iter().find_map(|name| arguments(ty, name))
            {
                return Some(output.first().map(|ty| (*ty).clone()));
            }
            let inner = ["Pin", "Box"].iter().find_map(|name| arguments(ty, name))?;
            future(inner.first()?)
        }
    }
}

fn of_bounds<'t>(bounds: impl IntoIterator<Item = &'t TypeParamBound>) -> Option<Option<Type>> {
    bounds.into_iter().find_map(|bound| {
        let TypeParamBound::Trait(bound) = bound else { return None };
        let segment = bound.path.segments.last().filter(|segment| segment.ident == "Future")?;
        let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return Some(None) };
        Some(arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::AssocType(output) => Some(output.ty.clone()),
            _ => None,
        }))
    })
}

/// Returns the type as a person writes it.
pub(super) fn text(ty: &impl ToTokens) -> String {
    let mut text = quote!(#ty).to_string();
    for (spaced, written) in
        [(" < ", "<"), (" <", "<"), ("< ", "<"), (" >", ">"), (" ,", ","), (" :: ", "::")]
    {
        text = text.replace(spaced, written);
    }
    for (spaced, written) in [("& ", "&"), (" ;", ";"), ("[ ", "["), (" ]", "]"), ("' ", "'")] {
        text = text.replace(spaced, written);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(ty: &Type) -> String {
        let mut errors = Diagnostics::default();
        references(ty, &mut errors);
        errors.into_compile_errors().to_string()
    }

    #[test]
    fn references_inside_of_arguments_have_an_owned_form() {
        let cases: [(Type, &str); 9] = [
            (parse_quote!(Vec<&str>), "write `Vec<String>` or `&[String]`"),
            (parse_quote!(Option<Vec<&'static str>>), "write `Vec<String>` or `&[String]`"),
            (parse_quote!(&[&str]), "write `&[String]`"),
            (parse_quote!(&Vec<&Path>), "write `Vec<PathBuf>` or `&[PathBuf]`"),
            (parse_quote!(HashMap<&str, Vec<&[u8]>>), "write `HashMap<String, Vec<Vec<u8>>>`"),
            (parse_quote!((&str, u8)), "write `(String, u8)`"),
            (parse_quote!([&str; 2]), "write `[String; 2]`"),
            (parse_quote!(Box<&Query>), "write `Box<Query>`"),
            (parse_quote!(Vec<Option<&str>>), "write `Vec<Option<String>>` or `&[Option<String>]`"),
        ];
        for (ty, expected) in cases {
            let shown = text(&ty);
            let messages = messages(&ty);
            assert!(messages.contains(expected), "{shown}: {messages}");
        }
    }

    #[test]
    fn lent_and_injected_types_are_left_to_the_compiler() {
        let cases: [Type; 8] = [
            parse_quote!(&str),
            parse_quote!(Option<&str>),
            parse_quote!(Option<&[u8]>),
            parse_quote!(&[String]),
            parse_quote!(State<&'static str>),
            parse_quote!(&State<Vec<&'static str>>),
            parse_quote!(Cow<'_, str>),
            parse_quote!(User<&'static str>),
        ];
        for ty in cases {
            let shown = text(&ty);
            assert_eq!(messages(&ty), "", "{shown}");
        }
    }

    #[test]
    fn futures_are_recognized() {
        let output = |ty: Type| future(&ty).map(|output| output.map(|output| text(&output)));
        let text = Some(Some("Result<String, E>".to_owned()));
        assert_eq!(output(parse_quote!(impl Future<Output = Result<String, E>> + Send)), text);
        assert_eq!(output(parse_quote!(Pin<Box<dyn Future<Output = Result<String, E>>>>)), text);
        assert_eq!(output(parse_quote!(futures::future::BoxFuture<'static, Result<String, E>>)), text);
        assert_eq!(output(parse_quote!(impl Future)), Some(None));
        assert_eq!(output(parse_quote!(impl Display)), None);
        assert_eq!(output(parse_quote!(Box<str>)), None);
    }
}
