//! Time as a value.
//!
//! Nothing below the runtime reads a clock: every machine is handed a [`Now`]. Timers run on [`Mono`], which never
//! jumps; what must survive a restart (an expiry, a timestamp) is kept as [`Wall`]. In tests both are whatever the
//! test says, so that a 32-second timer fires in microseconds and a run repeats exactly.

mod deadlines;
mod instant;
mod room;

pub use deadlines::Deadlines;
pub use instant::{Mono, Now, Wall};
pub use room::room_after_burst;
