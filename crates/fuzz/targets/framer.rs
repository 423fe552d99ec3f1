//! libFuzzer's way into `fuzz::framer`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::framer(bytes));
