//! Shadowed names, raw identifiers, aliases, tools in modules, functions and macros.
#![allow(dead_code, non_camel_case_types, clippy::needless_lifetimes)]

type Option = ();
type Result = ();
struct String;
struct Some;
struct None;
struct Ok;
struct Err;
trait Into {}
trait Default {}
mod core {}
mod std {}

type Text<'a> = &'a str;
type Context = copilot::ToolContext;

/// A raw name.
#[copilot::tool]
async fn r#match(
    /** Any text. */
    r#type: Text<'_>,
    /** Other text. */
    #[arg(default = "x")]
    other: &str,
    _cx: &Context,
) -> u8 {
    (r#type.len() + other.len()) as u8
}

mod inner {
    /// In a module.
    #[copilot::tool]
    pub(super) async fn hidden<'a>(
        /** Any text. */
        text: &'a str,
    ) -> &'a str {
        text
    }
}

macro_rules! tools {
    ($($name:ident: $ty:ty),*) => {$(
        #[doc = concat!("Made for `", stringify!($ty), "`.")]
        #[copilot::tool]
        async fn $name(#[doc = "Any."] value: $ty) -> bool {
            value > 0
        }
    )*};
}

tools! { of_u8: u8, of_i64: i64 }

#[cfg(any())]
/// Not there.
#[copilot::tool]
async fn absent(value: NoSuchType) {}

/// Not there either.
#[copilot::tool]
#[cfg(any())]
async fn absent_too(value: NoSuchType) {}

#[test]
fn names_of_the_program_do_not_matter() {
    /// In a function.
    #[copilot::tool]
    async fn local(
        /** Any. */
        n: u8,
    ) -> u8 {
        n
    }
    assert_eq!(r#match::TOOL.name(), "match");
    assert_eq!(of_u8::TOOL.description(), "Made for `u8`.");
    assert_eq!(local::TOOL.name(), "local");
    assert_eq!(inner::hidden::TOOL.name(), "hidden");
}
