//! libFuzzer's way into `fuzz::uri`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::uri(bytes));
