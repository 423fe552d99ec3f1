//! How long one parse takes: header index plus the check of the mandatory headers, of a 976-byte SUBSCRIBE.

#![allow(missing_docs, reason = "a benchmark")]

use bytes::Bytes;
use divan::{Bencher, black_box};
use mimalloc::MiMalloc;
use sip_message::{Message, Relay};

/// The allocator of the nodes. Counting what it does takes time: `benches/allocations.rs` counts.
#[global_allocator]
static ALLOC: MiMalloc = MiMalloc;

static SUBSCRIBE: &[u8] = include_bytes!("subscribe-976.sip");

fn main() {
    assert_eq!(SUBSCRIBE.len(), 976);
    divan::main();
}

#[divan::bench(sample_size = 1000, sample_count = 100)]
fn parse_976_byte_subscribe(bencher: Bencher<'_, '_>) {
    bencher
        .with_inputs(|| Bytes::from_static(SUBSCRIBE))
        .bench_values(|bytes| Message::parse(black_box(bytes)).is_ok());
}

#[divan::bench(sample_size = 1000, sample_count = 100)]
fn copy_it_unchanged(bencher: Bencher<'_, '_>) {
    let Ok(message) = Message::parse(Bytes::from_static(SUBSCRIBE)) else { return };
    bencher.bench(|| {
        Relay::of(black_box(&message)).request().map(|draft| draft.to_bytes("SIP/2.0/UDP a;branch=z9hG4bKx"))
    });
}
