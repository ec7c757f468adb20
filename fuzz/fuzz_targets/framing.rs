//! Bytes to frames.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| copilot::fuzzing::framing(data));
