//! The pipeline, token by token.

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
