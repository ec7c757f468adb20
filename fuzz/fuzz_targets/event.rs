//! Payloads to typed events.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| copilot::fuzzing::event(data));
