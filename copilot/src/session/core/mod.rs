//! The core of a session: its id, connection, work in flight, subscribers and request handlers.
//!
//! The core has no task itself and knows no topic of the CLI. `incoming` takes messages from the reader, `topic` is the
//! table of handlers by their names on the wire, `consult` runs a handler of the program, `in_flight` owns the tasks
//! that the CLI waits for, `call_watch` knows the calls that must follow, and `safe_answers` answers requests that no handler
//! can take.

pub(in crate::session) mod announced;
pub(in crate::session) mod call_budgets;
pub(in crate::session) mod call_watch;
pub(crate) mod consult;
pub(crate) mod handler;
pub(in crate::session) mod history;
pub(crate) mod in_flight;
pub(crate) mod incoming;
mod members;
pub(in crate::session) mod open_answers;
pub(in crate::session) mod reentrancy;
mod safe_answers;
pub(crate) mod setters;
mod settings;
mod state;
pub(in crate::session) mod tool_host;
mod topic;
mod unreadable;

pub(crate) use consult::{Question, log_unsent, settled};
pub(crate) use handler::{BoxError, Handler, IntoAnswer};
pub(crate) use members::Members;
pub(crate) use settings::{Occasion, Settings, TopicState};
pub(crate) use state::{Entry, SessionCore, ToolPolicy, Topic, Topics};
pub(crate) use topic::ToolServer;
pub(crate) use unreadable::{Named, Unreadable};
