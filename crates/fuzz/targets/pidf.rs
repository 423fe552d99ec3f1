//! libFuzzer's way into `fuzz::pidf`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::pidf(bytes));
