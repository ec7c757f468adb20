//! Tool calls: arguments, results, permissions, and tools that fail. Tests of the set of linked tools are in `linked_tools.rs`.

mod calls;
mod permissions;
mod policy;
mod results;
mod user_code;
