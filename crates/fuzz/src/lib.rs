//! What must hold for any bytes that a stranger can send, beside that nothing panics.
//!
//! Each function takes any bytes and panics when a property does not hold: what was read and written reads the same
//! again, a stream gives the same messages however it is cut, comparison is symmetric, what is made out of a document is
//! a document, and no answer is much longer than what it answers.
//!
//! The same functions run twice: in `tests/mutations.rs` over the corpus with seeded mutations, which is quick and repeats,
//! and under libFuzzer, which learns from coverage and takes long (`scripts/fuzz`, `targets/`). The corpus is the torture
//! messages and examples of the crates' own tests and what stands in `corpus/`, where an input that once failed stays.

#![allow(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::expect_used,
    reason = "a property that does not hold panics: that is how a fuzzer hears of it"
)]

mod cx;
mod document;
mod framer;
mod message;
mod mutate;
mod target;
mod uri;

pub use cx::cx;
pub use document::{pidf, rules};
pub use framer::framer;
pub use message::message;
pub use mutate::Mutator;
pub use target::Target;
pub use uri::uri;

/// Texts in an input: it is cut at every NUL.
fn pieces(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0)
}
