//! Messages to a client with a session.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| copilot::fuzzing::session(data));
