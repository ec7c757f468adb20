//! Tool calls: arguments, results, permissions, and tools that fail. Tests of the set of linked tools are in `linked_tools.rs`.

mod calls;
mod changes;
mod conditional;
mod ended_sessions;
mod failing_handlers;
mod generated;
mod injected;
mod late_decisions;
mod permissions;
mod policy;
mod policy_reports;
mod results;
mod serial;
mod timeouts;
mod user_code;
