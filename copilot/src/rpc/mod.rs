//! JSON-RPC 2.0 with one peer: requests in both directions, any number of them in flight.
//!
//! Imports no session and no tool: the owner of a connection provides a [`Service`] for incoming messages. Invariants:
//! every call ends with its response, with the cause of the connection's end, or with the drop of its future, which
//! frees its id; every incoming request is answered exactly once; the reader never waits for a handler.
//!
//! | file | content |
//! |---|---|
//! | `peer` | one end of a connection |
//! | `call` | sending a request, with its options |
//! | `outgoing` | the table of pending requests (pure) |
//! | `incoming` | the table of open requests of the other side (pure) |
//! | `responder` | the duty to answer one of them |
//! | `reader`, `writer` | bytes in, bytes out |
//! | `message`, `head` | incoming envelopes, and the beginnings of those that cannot be decoded (pure) |
//! | `encode` | outgoing envelopes (pure) |
//! | `reconnectable` | a connection that may be lost and replaced |

mod call;
mod encode;
mod head;
mod incoming;
mod message;
mod outgoing;
mod peer;
mod reader;
mod reconnectable;
mod responder;
mod service;
mod writer;

pub(crate) use call::{decode, decode_as};
pub(crate) use head::Head;
pub(crate) use incoming::IncomingId;
pub(crate) use message::{INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND, NoParams};
pub(crate) use outgoing::Outcome;
pub(crate) use peer::Peer;
pub(crate) use reader::read;
pub(crate) use reconnectable::{Live, Reconnectable};
pub(crate) use responder::{BackupResponder, Responder};
pub(crate) use service::Service;
#[cfg(any(test, fuzzing, feature = "testing"))]
pub(crate) use writer::write_frame;
