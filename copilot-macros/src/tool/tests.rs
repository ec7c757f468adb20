//! Tests of the expansion, from tokens to tokens.

use proc_macro2::TokenTree;
use quote::quote;

use super::*;

#[test]
fn half_typed_code_keeps_the_item() {
    let item = quote! {
        async fn weather(
            #[doc = " City."] #[arg(default = 1)] city: &str,
            days: ,
        ) -> String { city. }
    };
    let output = tool(TokenStream::new(), item).to_string();
    assert!(output.contains("compile_error"), "{output}");
    assert!(output.contains("async fn weather (city : & str , days : ,)"), "{output}");
}

fn pretty(tokens: TokenStream) -> String {
    // The items are the argument of a macro, which the printer would not format.
    let mut items = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let called = matches!(&token, TokenTree::Ident(name) if name.to_string().starts_with("in_an_impl_block"))
            && matches!(tokens.peek(), Some(TokenTree::Punct(_)));
        if called {
            tokens.next();
            let Some(TokenTree::Group(argument)) = tokens.next() else {
                panic!("a macro call without an argument")
            };
            items.extend(argument.stream());
        } else {
            items.extend([token]);
        }
    }
    prettyplease::unparse(&syn::parse2(items).expect("the expansion parses"))
}

#[test]
fn a_tool_expands_to_const_data_and_one_small_function() {
    let options = quote!(read_only, timeout = "10s", group = "sky", meta("x:y" = 1));
    let item = quote! {
        /// Current weather.
        pub async fn weather(
            /// City name.
            #[arg(min_len = 2, example = "Oslo")]
            city: &str,
            #[arg(default = 1, max = 14, description = "How many.")] days: u8,
            other: Option<&'a str>,
            cx: &ToolContext,
        ) -> Result<String, ToolError> {
            anything at all
        }
    };
    // The macro never parses the body, but `prettyplease` does.
    let output = tool(options, item).to_string().replace("anything at all", "");
    insta::assert_snapshot!(pretty(output.parse().unwrap()));
}

#[test]
fn methods_expand_to_one_list() {
    let item = quote! {
        impl GitHub {
            /// Search issues.
            #[tool(inline)]
            fn search(&self, #[doc = " Words."] query: &str) -> String { String::new() }

            fn other(&self) {}
        }
    };
    insta::assert_snapshot!(pretty(crate::toolset::tools(quote!(group = "github", prefix = "gh_"), item)));
}

#[test]
fn mistakes_keep_the_function_and_its_handle() {
    let item = quote! {
        async fn weather(#[doc = " City."] #[arg(mn = 1)] city: &str) {}
    };
    insta::assert_snapshot!(pretty(tool(quote!(crate = ::agent), item)));
}

#[test]
fn the_model_reads_no_sections_for_the_programmer() {
    let item = quote! {
        #[doc = "\n * Current weather.\n *\n * # Errors\n *\n * If the service fails.\n "]
        async fn weather() -> String {}
    };
    let output = tool(TokenStream::new(), item).to_string();
    assert!(output.contains(r#"description : "Current weather.""#), "{output}");
    let item = quote! {
        /** # Errors */
        async fn weather() -> String {}
    };
    let options = quote!(description = "Current weather.\n\n# Errors\n\nIf the city is unknown.");
    let output = tool(options, item).to_string();
    assert!(output.contains("unknown"), "a given text is unchanged: {output}");
}

#[test]
fn the_documentation_of_public_tools_shows_how_to_use_them() {
    let documented = |options, item| tool(options, item).to_string();
    let public = quote! {
        /// Current weather.
        pub async fn weather() -> String {}
    };
    let output = documented(TokenStream::new(), public.clone());
    assert!(output.contains("`Session::builder().with_tools([weather::TOOL])`"), "{output}");
    assert!(output.contains("this function as the tool `weather`"), "{output}");
    assert!(output.contains(r#"description : "Current weather.""#), "the model does not read it: {output}");
    let output = documented(quote!(name = "forecast"), public.clone());
    assert!(output.contains("([weather::TOOL])`") && output.contains("the tool `forecast`"), "{output}");
    let output = documented(quote!(name = NAME), public);
    assert!(output.contains("this function as a tool."), "{output}");
    let private = quote! {
        /// Current weather.
        async fn weather() -> String {}
    };
    assert!(!documented(TokenStream::new(), private).contains("with_tools"));
    let block = quote! {
        impl GitHub {
            /// Search issues.
            #[tool]
            pub fn search(&self) {}
        }
    };
    let output = crate::toolset::tools(quote!(prefix = "gh_"), block).to_string();
    let expected =
        "`Session::builder().with_toolset(value)` gives a session this method as the tool `gh_search`.";
    assert!(output.contains(expected), "{output}");
}
