//! libFuzzer's way into `fuzz::cx`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fuzz::cx(bytes));
