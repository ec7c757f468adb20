//! Frames to calls, requests and notifications.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| copilot::fuzzing::envelope(data));
