//! Support for older CLIs: everything that the newest one does not need.

pub(crate) mod versions;
