//! The few file operations that the journal needs, so that tests can put a forgetful disk below it.

use std::io;

/// A directory with files.
pub(crate) trait Directory: Send + 'static {
    /// A file in it.
    type File: File;

    /// Opens a file; `None` if there is none.
    fn open(&self, name: &str) -> io::Result<Option<Self::File>>;

    /// Makes an empty file, in place of one that may be there.
    fn create(&self, name: &str) -> io::Result<Self::File>;

    /// Puts a file in another's place.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Makes what was renamed durable.
    fn sync(&self) -> io::Result<()>;
}

/// An open file.
pub(crate) trait File: Send + 'static {
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `buffer` from `offset` on.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the file off.
    fn truncate(&mut self, length: u64) -> io::Result<()>;

    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// Reads a part of a file.
pub(crate) fn read(file: &impl File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
    let mut bytes = vec![0; length];
    file.read_at(offset, &mut bytes)?;
    Ok(bytes)
}

/// Zeros written at a time.
static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Writes `length` zeros at `offset`.
pub(crate) fn write_zeros(file: &mut impl File, offset: u64, length: usize) -> io::Result<()> {
    for at in (0..length).step_by(ZEROS.len()) {
        let part = ZEROS.get(..length - at).unwrap_or(&ZEROS);
        file.write_at(offset + at as u64, part)?;
    }
    Ok(())
}
