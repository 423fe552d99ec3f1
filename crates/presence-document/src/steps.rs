//! How much has been written by this thread, in octets: what composing costs.

use std::cell::Cell;

thread_local! {
    static WRITTEN: Cell<usize> = const { Cell::new(0) };
}

pub(crate) fn count(octets: usize) {
    WRITTEN.set(WRITTEN.get() + octets);
}

/// Octets written since the thread began.
#[must_use]
pub fn written() -> usize {
    WRITTEN.get()
}
