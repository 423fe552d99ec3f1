//! Recorded messages as the figures of the contribution: named arrows, a comparison with the figure's own list, and a
//! printed ladder.
//!
//! [`Recording::arrows`] picks the messages of some dialogs and names them, [`compare`] says whether they are the
//! arrows of a [`Figure`], [`Ladder`] draws them. `figures/README.md` explains the names and what has no arrow.
//!
//! Not here: recording (whoever owns the sockets does it), and reading capture files.

mod arrow;
mod compare;
mod exchange;
mod figures;
mod ladder;
mod naming;
mod recording;

pub use arrow::Arrow;
pub use compare::{Difference, Mismatch, compare};
pub use figures::{Figure, FigureError};
pub use ladder::{Bracket, Ladder};
pub use naming::Naming;
pub use recording::{Recorded, Recording, Selection, Wire};
