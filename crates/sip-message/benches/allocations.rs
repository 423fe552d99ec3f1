//! How many allocations one parse takes, of the SUBSCRIBE of `parse.rs`. The times it shows include the counting.

#![allow(missing_docs, reason = "a benchmark")]

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, black_box};
use sip_message::Message;

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

static SUBSCRIBE: &[u8] = include_bytes!("subscribe-976.sip");

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_976_byte_subscribe(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(|| Bytes::from_static(SUBSCRIBE))
        .bench_values(|bytes| Message::parse(black_box(bytes)).is_ok());
}
