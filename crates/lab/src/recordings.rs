//! Recordings of nodes that somebody else runs, such as containers.

use crate::error::LabError;
use crate::record::{Names, Reader, recording};
use figure::Recording;
use std::net::IpAddr;
use std::path::Path;

/// A place in a network that recordings speak of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its address; a node in several networks is there once for each.
    pub address: IpAddr,
    /// Its name in figures.
    pub name: Box<str>,
    /// Whether one of the recordings is its own.
    pub records: bool,
}

/// What the recordings in these files say crossed the sockets; addresses of nobody in `parties` stand for themselves.
///
/// # Errors
/// When a file cannot be read.
pub fn recordings<'a>(
    files: impl IntoIterator<Item = &'a Path>,
    parties: &[Party],
) -> Result<Recording, LabError> {
    let mut names = Names::default();
    for Party { address, name, records } in parties {
        names.add(*address, name, *records);
    }
    let mut crossings = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(file).map_err(LabError::at(file))?;
        let mut reader = Reader::default();
        // A last line without its end is still being written.
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        crossings.extend(whole.flat_map(|line| reader.read(line)));
    }
    Ok(recording(&crossings, &names))
}
