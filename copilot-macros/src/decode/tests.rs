//! Tests of the expansion, from tokens to tokens.

use quote::quote;

use super::*;

fn pretty(item: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(decode(item)).expect("the expansion parses"))
}

#[test]
fn a_type_with_a_default_value_is_read_in_place() {
    let item = quote! {
        #[derive(Default, Serialize, Decode)]
        #[serde(rename_all = "camelCase", default)]
        pub struct Model {
            /// Its id.
            pub model_id: String,
            #[serde(rename = "type", alias = "kind", skip_serializing_if = "Option::is_none")]
            #[decode(with = lenient::text)]
            pub kind: Option<String>,
            #[serde(flatten)]
            pub price: Price,
            #[serde(flatten)]
            pub other: BTreeMap<String, Value>,
        }
    };
    insta::assert_snapshot!(pretty(item));
}

#[test]
fn a_type_without_one_is_made_of_its_parts() {
    let item = quote! {
        struct Asked<'a, E> {
            name: Cow<'a, str>,
            #[serde(default)]
            items: Vec<E>,
            #[serde(default = "null")]
            request: &'a RawValue,
            #[serde(skip)]
            reader: bool,
        }
    };
    insta::assert_snapshot!(pretty(item));
}

#[test]
fn what_is_not_supported_is_an_error_where_it_stands() {
    let refused = |item: TokenStream| {
        let output = decode(item).to_string();
        output.split('"').nth(1).unwrap_or_else(|| panic!("{output}")).to_owned()
    };
    assert_eq!(
        refused(quote!(
            struct Unit;
        )),
        "`Decode` is for structs with named members"
    );
    assert_eq!(
        refused(quote!(
            struct Pair(u8, u8);
        )),
        "`Decode` is for structs with named members"
    );
    assert_eq!(
        refused(quote!(
            enum Choice {
                One,
            }
        )),
        "expected `struct`"
    );
    let case = quote! { #[serde(rename_all = "kebab-case")] struct A { a: u8 } };
    assert_eq!(refused(case), "`Decode` does not know this case");
    let strict = quote! { #[serde(deny_unknown_fields)] struct A { a: u8 } };
    assert_eq!(refused(strict), "`Decode` does not know this attribute of a type");
    let with = quote! { struct A { #[serde(deserialize_with = "count")] a: u8 } };
    assert_eq!(refused(with), "`Decode` does not know this attribute of a member");
    assert_eq!(refused(quote! { struct A { #[decode(by = count)] a: u8 } }), "expected `with`");
    let part = quote! { struct A { #[decode(with = count)] a: u8 } };
    assert_eq!(refused(part), "a member that a function reads needs `#[serde(default)]` here");
    let twice = quote! { #[serde(default)] struct A { #[serde(default = "one")] a: u8 } };
    assert_eq!(refused(twice), "the default value of the type has this member already");
    let two = quote! { #[serde(default)] struct A { #[serde(flatten)] a: B, #[serde(flatten)] c: C } };
    assert_eq!(refused(two), "a type has one flattened type at most");
    let members = (0..64).map(|number| quote::format_ident!("m{number}"));
    assert_eq!(refused(quote! { struct Wide { #(#members: u8),* } }), "a type has 63 members at most");
}
