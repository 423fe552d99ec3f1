//! What can be wrong with a configuration, and where.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// A key whose value cannot be, found by [`Configuration::validate`](super::Configuration::validate).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidKey {
    key: Box<str>,
    reason: Cow<'static, str>,
}

impl InvalidKey {
    /// `key` is the path from the top of the file, such as `gm.advertised` or `peers[1].address` (counted from 0);
    /// `reason` completes the sentence "this value ...".
    #[must_use]
    pub fn new(key: impl Into<Box<str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self { key: key.into(), reason: reason.into() }
    }

    /// The key's path from the top of the file.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Why its value cannot be.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

/// A place in a file, printed `FILE:LINE:COLUMN`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    path: PathBuf,
    line: usize,
    column: usize,
}

impl Place {
    /// The place `offset` bytes into `text`; lines and columns (in characters) count from 1.
    pub(super) fn new(path: &Path, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Self { path: path.to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.path.display(), self.line, self.column)
    }
}

/// Why a configuration cannot be used: always the operator's to mend.
#[derive(Debug)]
pub enum ConfigError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is longer than [`MAX_FILE_BYTES`](super::MAX_FILE_BYTES).
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, an unknown or missing key, or a value of the wrong type.
    Malformed {
        /// Where.
        place: Place,
        /// The key, or the section a key is missing from; none at the top of the file or when the text is not TOML.
        key: Option<Box<str>>,
        /// What the TOML reader says.
        message: Box<str>,
    },
    /// A value that cannot be.
    Invalid {
        /// Where the key stands; where its section stands if the key is absent.
        place: Place,
        /// The key and the reason.
        invalid: InvalidKey,
    },
    /// A value from the command line that does not fit the file.
    Assigned {
        /// What the command line says.
        text: Box<str>,
        /// What the TOML reader says.
        message: Box<str>,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => write!(f, "{}: {source}", path.display()),
            Self::TooLarge { path } => {
                write!(f, "{}: longer than {} bytes", path.display(), super::MAX_FILE_BYTES)
            }
            Self::Malformed { place, key: Some(key), message } => write!(f, "{place}: {key}: {message}"),
            Self::Malformed { place, key: None, message } => write!(f, "{place}: {message}"),
            Self::Assigned { text, message } => write!(f, "--set {text}: {message}"),
            Self::Invalid { place, invalid } => write!(f, "{place}: {}: {}", invalid.key, invalid.reason),
        }
    }
}

impl Error for ConfigError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::TooLarge { .. } | Self::Malformed { .. } | Self::Invalid { .. } | Self::Assigned { .. } => {
                None
            }
        }
    }
}
