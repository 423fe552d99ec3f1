//! How much room a table keeps when a burst is over.

/// Room that is not worth giving back.
const FEW: usize = 1024;

/// So many times the room that is needed is too much.
const SLACK: usize = 8;

/// The room to shrink to, of a table with so many entries; `None` while what it has is not too much. A table grows to
/// twice its size, so that one which has just been shrunk, or has just grown, is left alone for long.
#[must_use]
pub const fn room_after_burst(length: usize, capacity: usize) -> Option<usize> {
    if capacity > SLACK * length + FEW { Some(2 * length) } else { None }
}
