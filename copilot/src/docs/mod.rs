//! Pages to read: long explanations, with examples that are compiled.

#[doc = include_str!("from_python.md")]
pub mod from_python {}
