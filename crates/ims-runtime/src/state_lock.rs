//! One process at a time has a state directory.

use std::error::Error;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why a state directory is not to be had.
#[derive(Debug)]
pub enum StateLockError {
    /// Another process has it.
    InUse(PathBuf),
    /// The file system refuses.
    Io(PathBuf, io::Error),
}

impl fmt::Display for StateLockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse(path) => write!(f, "another process uses the state directory {}", path.display()),
            Self::Io(path, error) => {
                write!(f, "the state directory {} cannot be used: {error}", path.display())
            }
        }
    }
}

impl Error for StateLockError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(_, error) => Some(error),
            Self::InUse(_) => None,
        }
    }
}

/// A state directory that no other process has for as long as this is held.
#[derive(Debug)]
pub struct StateLock {
    /// Unlocked by the operating system when the process ends, however it ends.
    file: File,
}

impl StateLock {
    /// Makes the directory (for this user only) if need be, and takes it.
    ///
    /// # Errors
    /// [`StateLockError`].
    pub fn take(directory: &Path) -> Result<Self, StateLockError> {
        let refused = |error| StateLockError::Io(directory.to_owned(), error);
        DirBuilder::new().mode(0o700).recursive(true).create(directory).map_err(refused)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).create(true).truncate(false);
        let file = options.open(directory.join("lock")).map_err(refused)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => Err(StateLockError::InUse(directory.to_owned())),
            Err(TryLockError::Error(error)) => Err(refused(error)),
        }
    }
}

impl Drop for StateLock {
    /// Closing would not do: a child that is being started holds a copy of the file until it runs its program.
    fn drop(&mut self) {
        // A lock that will not go is gone with the process.
        let _ = self.file.unlock();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test helper may fail its test")]

    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_state_directory_is_for_one_user_and_one_process() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("run/state");
        let lock = StateLock::take(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o700);
        let error = StateLock::take(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("another process uses the state directory {}", path.display()));
        drop(lock);
        assert!(StateLock::take(&path).is_ok());
        let error = StateLock::take(&path.join("lock")).unwrap_err();
        assert!(matches!(error, StateLockError::Io(..)), "{error}");
    }
}
