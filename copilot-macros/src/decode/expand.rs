//! The expansion of `#[derive(Decode)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{GenericParam, Ident, Lifetime, Visibility};

use super::Model;
use super::attributes::{Absent, Member, Source};

pub(super) fn expand(model: &Model) -> TokenStream {
    let Parts { de, parameters, bounds } = parts(model);
    let name = &model.item.ident;
    let (_, arguments, _) = model.item.generics.split_for_impl();
    let Own { name: member_name, reader } = &Own::default();
    let reads = if model.container.has_default { into_default(model) } else { by_parts(model) };
    let in_place = model.container.has_default.then(|| {
        let arms = arms(model, |member| {
            let ident = &member.ident;
            quote!(self.#ident)
        });
        quote! {
            impl<#de, #(#parameters),*> crate::protocol::decode::Members<#de> for #name #arguments #bounds {
                fn member(
                    &mut self,
                    #member_name: &str,
                    #reader: &mut crate::protocol::decode::Reader<#de>,
                ) -> crate::protocol::decode::Result<Option<u32>> {
                    #arms
                }
            }
        }
    });
    let sample = sample(model);
    let is_public = matches!(model.item.vis, Visibility::Public(_));
    let serde = (is_public && model.item.generics.params.is_empty()).then(|| {
        quote! {
            impl<'de> ::serde::Deserialize<'de> for #name {
                fn deserialize<D: ::serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    crate::protocol::decode::from_serde(deserializer)
                }
            }
        }
    });
    quote! {
        #[automatically_derived]
        impl<#de, #(#parameters),*> crate::protocol::decode::Decode<#de> for #name #arguments #bounds {
            fn decode(
                #reader: &mut crate::protocol::decode::Reader<#de>,
            ) -> crate::protocol::decode::Result<Self> {
                #reads
            }

            #sample
        }

        #in_place
        #serde
    }
}

/// The generic parts of the impl.
struct Parts {
    /// The lifetime of the text: that of the type, where it borrows from it.
    de: Lifetime,
    /// The other parameters.
    parameters: Vec<TokenStream>,
    bounds: TokenStream,
}

fn parts(model: &Model) -> Parts {
    let mut de = None;
    let (mut parameters, mut types) = (Vec::new(), Vec::new());
    for parameter in &model.item.generics.params {
        match parameter {
            GenericParam::Lifetime(of) => de = Some(of.lifetime.clone()),
            GenericParam::Type(of) => {
                parameters.push(quote!(#of));
                types.push(&of.ident);
            }
            GenericParam::Const(of) => parameters.push(quote!(#of)),
        }
    }
    let de = de.unwrap_or_else(|| Lifetime::new("'de", Span::call_site()));
    let bounds = quote!(where #(#types: crate::protocol::decode::Decode<#de>),*);
    let bounds = if types.is_empty() { TokenStream::new() } else { bounds };
    Parts { de, parameters, bounds }
}

/// The variables of the expansion, which are none of the members' own.
struct Own {
    name: Ident,
    reader: Ident,
}

impl Default for Own {
    fn default() -> Self {
        Self { name: own("name"), reader: own("reader") }
    }
}

/// The variable that a member is read into.
fn place_of(member: &Member) -> Ident {
    own(&format!("of_{}", member.ident.to_string().trim_start_matches("r#")))
}

fn own(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}

/// Reads the members into the type's default value.
fn into_default(model: &Model) -> TokenStream {
    let text = model.item.ident.to_string();
    let Own { name, reader } = Own::default();
    quote! {
        let mut value = Self::default();
        #reader.object(#text, &mut |#name, #reader| {
            crate::protocol::decode::Members::member(&mut value, #name, #reader)
        })?;
        Ok(value)
    }
}

/// Reads the members into variables, and makes the type of them.
fn by_parts(model: &Model) -> TokenStream {
    let places = model.members.iter().filter(|member| member.source != Source::Skipped).map(|member| {
        let (ident, ty) = (place_of(member), &member.ty);
        match &member.absent {
            _ if member.source == Source::Flattened => quote!(let mut #ident = <#ty>::default();),
            _ if is_part(member) => quote!(let mut #ident: Option<#ty> = None;),
            Absent::Type | Absent::Default => quote!(let mut #ident = <#ty>::default();),
            Absent::Function(function) => quote!(let mut #ident: #ty = #function();),
        }
    });
    let arms = arms(model, |member| {
        let ident = place_of(member);
        quote!(#ident)
    });
    let made = model.members.iter().map(|member| {
        let (ident, place) = (&member.ident, place_of(member));
        let name = &member.names[0];
        match member.source {
            Source::Skipped => quote!(#ident: Default::default()),
            Source::Name if is_part(member) => {
                quote!(#ident: crate::protocol::decode::present(#place, #name)?)
            }
            _ => quote!(#ident: #place),
        }
    });
    let Own { name, reader } = Own::default();
    let text = model.item.ident.to_string();
    quote! {
        #(#places)*
        #reader.object(#text, &mut |#name, #reader| { #arms })?;
        Ok(Self { #(#made),* })
    }
}

/// Whether a member is read into an option first, because its type decides what it is where it is absent.
fn is_part(member: &Member) -> bool {
    matches!(member.absent, Absent::Type) && member.with.is_none()
}

/// Reads a member by its name.
fn arms(model: &Model, place: impl Fn(&Member) -> TokenStream) -> TokenStream {
    let Own { name, reader } = &Own::default();
    let named = model.members.iter().filter(|member| member.source == Source::Name);
    let arms = named.enumerate().map(|(number, member)| {
        let (names, place) = (&member.names, place(member));
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let of_parts = !model.container.has_default && is_part(member);
        let read = match (&member.with, of_parts) {
            (Some(with), _) => quote!(#reader.put_with(#number, &mut #place, #with)),
            (None, true) => quote!(#reader.required(#number, &mut #place)),
            (None, false) => quote!(#reader.put(#number, &mut #place)),
        };
        quote!(#(#names)|* => #read)
    });
    let first = model.members.iter().filter(|member| member.source == Source::Name).count();
    let first = u32::try_from(first).unwrap_or(u32::MAX);
    let flattened = model.members.iter().filter(|member| member.source == Source::Flattened);
    let (rest, inner): (Vec<_>, Vec<_>) = flattened.partition(|member| member.is_rest());
    let inner = inner.into_iter().map(|member| {
        let place = place(member);
        quote! {
            if let Some(number) = crate::protocol::decode::Members::member(&mut #place, #name, #reader)? {
                return Ok(Some(crate::protocol::decode::Reader::within(#first, number)));
            }
        }
    });
    let rest = rest.first().map_or_else(
        || quote!(Ok(None)),
        |member| {
            let place = place(member);
            quote!(#reader.rest(#name, &mut #place))
        },
    );
    quote! {
        match #name {
            #(#arms,)*
            _ => { #(#inner)* #rest }
        }
    }
}

/// A value of the type with all its members, for the test of them all.
fn sample(model: &Model) -> TokenStream {
    let members = model.members.iter().filter_map(|member| {
        let (name, ty) = (&member.names[0], &member.ty);
        match member.source {
            Source::Skipped => None,
            _ if member.is_rest() => None,
            Source::Flattened => Some(quote!(("", <#ty as crate::protocol::decode::Decode<'_>>::sample))),
            Source::Name => Some(quote!((#name, <#ty as crate::protocol::decode::Decode<'_>>::sample))),
        }
    });
    let text = model.item.ident.to_string();
    quote! {
        #[cfg(test)]
        fn sample(seen: &mut std::collections::BTreeSet<String>) -> ::serde_json::Value {
            crate::protocol::decode::samples::object(#text, &[#(#members),*], seen)
        }
    }
}
