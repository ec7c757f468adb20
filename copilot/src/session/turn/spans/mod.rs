//! The spans and measurements of a session, as its events show them.
//!
//! `state` (with `facts`, `open_turn` and `totals`; pure, but for the spans) follows the events on the reader's task. `session_spans` holds it for the session
//! core: nothing exists of it until a subscriber or a meter is interested. `sent` is the span of a message on its way.

mod facts;
mod open_turn;
mod sent;
mod session_spans;
mod state;
mod totals;

pub(super) use sent::SentTurn;
pub(crate) use session_spans::SessionSpans;
pub(in crate::session) use session_spans::{CallWork, Deciding, OwnCall};
