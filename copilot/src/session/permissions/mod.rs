//! Permissions: the policy of a session, requests of the CLI, decisions, and the guard of calls without a request.

pub(in crate::session) mod guard;
pub(in crate::session) mod name_clash;
pub(in crate::session) mod policy;
pub(in crate::session) mod request;
pub(in crate::session) mod requested;
