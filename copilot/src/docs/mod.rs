//! Guides: one question each, with examples that compile.

#[cfg(feature = "object-store")]
#[doc = include_str!("beyond_one_machine.md")]
pub mod beyond_one_machine {}

#[cfg(feature = "evals")]
#[doc = include_str!("evals.md")]
pub mod evals {}

#[doc = include_str!("from_python.md")]
pub mod from_python {}

#[cfg(feature = "mcp")]
#[doc = include_str!("mcp.md")]
pub mod mcp {}

#[doc = include_str!("observability.md")]
#[cfg_attr(feature = "testing", doc = "\n[docs::testing]: crate::docs::testing")]
#[cfg_attr(
    not(feature = "testing"),
    doc = "\n[docs::testing]: https://docs.rs/copilot-tools/latest/copilot/docs/testing/"
)]
pub mod observability {}

#[doc = include_str!("permissions.md")]
pub mod permissions {}

#[doc = include_str!("production.md")]
pub mod production {}

#[cfg(feature = "testing")]
#[doc = include_str!("testing.md")]
#[cfg_attr(feature = "cassette", doc = include_str!("testing_cassettes.md"))]
pub mod testing {}

#[cfg(feature = "toolbox")]
#[doc = include_str!("toolbox.md")]
pub mod toolbox {}

#[doc = include_str!("workspaces.md")]
pub mod workspaces {}
