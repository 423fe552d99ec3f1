//! A lab for a test.

use lab::{Lab, LabError, Options};
use std::path::PathBuf;

/// The workspace's `config/`.
pub(crate) fn config() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config")
}

/// The value, or what the error says to people: what to build, or the last words of a node.
pub(crate) fn good<T>(result: Result<T, LabError>) -> T {
    result.unwrap_or_else(|error| panic!("{error}"))
}

/// A network of home1.test.
pub(crate) async fn up(record: bool) -> Lab {
    good(Lab::up(Options { record, ..Options::new(&config()) }).await)
}
