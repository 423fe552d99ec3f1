//! Counting what the allocator has in use, for tests of what a node keeps of each registration or subscription.

use stats_alloc::Region;
use std::alloc::System;

/// What the allocator keeps beside a block at most: its header, and rounding up to sixteen.
const OF_A_BLOCK: usize = 16;

/// What is in use more than when the region began, for each of so many, the allocator's own included; printed, because
/// the figures are of interest.
///
/// # Panics
/// When less is in use.
#[must_use]
pub fn bytes_of_each(what: &str, region: &Region<'_, System>, many: usize) -> usize {
    let change = region.change();
    let less = change.bytes_deallocated > change.bytes_allocated || change.deallocations > change.allocations;
    assert!(!less, "less is in use than when the region began");
    let bytes = change.bytes_allocated - change.bytes_deallocated;
    let blocks = change.allocations - change.deallocations;
    let each = (bytes + blocks * OF_A_BLOCK) / many;
    eprintln!(
        "{what}: {each} bytes each ({} in {}.{} blocks)",
        bytes / many,
        blocks / many,
        blocks * 10 / many % 10
    );
    each
}
