//! Short messages over SMPP 3.4, for the gateway and for the lab's SMS-C: [`Frames`] cuts a stream into PDUs, [`Alphabet`] reads and
//! writes texts, [`Part`] is one short message as it was delivered, and [`compose`] makes short messages of a text.
//!
//! The PDUs themselves are `rusmpp`'s. Nothing here opens a socket or reads a clock.
//!
//! Not here: broadcasting, `submit_multi`, national language tables (3GPP TS 23.038 section 6.2.1.2), compressed texts.

mod alphabet;
mod compose;
mod frames;
mod gsm7;
mod part;
mod user_data;

pub use alphabet::{Alphabet, UnknownAlphabet};
pub use compose::{Addresses, MAX_PARTS, TooLong, compose};
pub use frames::{BadLength, Frame, Frames, MAX_PDU, Malformed, write};
pub use part::{NotAPart, Part};
pub use user_data::{Concatenation, TruncatedHeader};
