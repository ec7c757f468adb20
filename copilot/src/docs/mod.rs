//! Guides, whose Rust examples are compiled.

#[doc = include_str!("from_python.md")]
pub mod from_python {}
