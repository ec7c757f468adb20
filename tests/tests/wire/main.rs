//! Messages between the library and a CLI: framing, requests, responses, faults, and the differences of old CLIs.

mod absent_members;
mod backpressure;
mod fake_cli;
mod faults;
mod framing;
mod generations;
mod rpc;
mod tcp;
