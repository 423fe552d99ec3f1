//! One zone and its file.

use hickory_server::proto::rr::{Name, RecordSet};
use hickory_server::proto::serialize::txt::Parser;
use hickory_server::store::in_memory::InMemoryZoneHandler;
use hickory_server::zone_handler::{AxfrPolicy, ZoneType};
use ims_runtime::config::Relocation;
use serde::Serialize;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes in a zone file; a longer one is refused. Finding the line of an error reads the file once a line.
pub const MAX_ZONE_BYTES: usize = 64 * 1024;

/// Why a zone cannot be served.
#[derive(Debug)]
pub enum ZoneError {
    /// The origin is no domain name.
    BadOrigin(Box<str>),
    /// The file cannot be read.
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file is longer than [`MAX_ZONE_BYTES`].
    TooLarge {
        /// The file.
        file: PathBuf,
    },
    /// The file is no zone.
    Broken {
        /// The file.
        file: PathBuf,
        /// The line, from 1, of the record that is wrong; none when something is missing from the whole.
        line: Option<usize>,
        /// What is wrong with it.
        message: Box<str>,
    },
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadOrigin(origin) => write!(f, "{origin:?} is no domain name"),
            Self::Unreadable { file, source } => write!(f, "{}: {source}", file.display()),
            Self::TooLarge { file } => write!(f, "{}: longer than {MAX_ZONE_BYTES} bytes", file.display()),
            Self::Broken { file, line: Some(line), message } => {
                write!(f, "{}:{line}: {message}", file.display())
            }
            Self::Broken { file, line: None, message } => write!(f, "{}: {message}", file.display()),
        }
    }
}

impl Error for ZoneError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Unreadable { source, .. } => Some(source),
            Self::BadOrigin(_) | Self::TooLarge { .. } | Self::Broken { .. } => None,
        }
    }
}

/// A zone that can be served.
#[derive(Clone)]
pub struct Zone {
    origin: Name,
    file: PathBuf,
    relocation: Relocation,
    handler: Arc<InMemoryZoneHandler>,
}

impl Zone {
    /// Reads the zone `origin` from `file`, its addresses moved as `relocation` says.
    ///
    /// # Errors
    /// [`ZoneError`], which names file and line.
    pub fn load(origin: &str, file: &Path, relocation: &Relocation) -> Result<Self, ZoneError> {
        let mut name = Name::from_ascii(origin).map_err(|_| ZoneError::BadOrigin(origin.into()))?;
        name.set_fqdn(true);
        let unreadable = |source| ZoneError::Unreadable { file: file.to_owned(), source };
        let text = std::fs::read_to_string(file).map_err(unreadable)?;
        if text.len() > MAX_ZONE_BYTES {
            return Err(ZoneError::TooLarge { file: file.to_owned() });
        }
        let text = relocation.apply(&text);
        match parse(&name, file, &text) {
            Ok(handler) => Ok(Self {
                origin: name,
                file: file.to_owned(),
                relocation: relocation.clone(),
                handler: Arc::new(handler),
            }),
            Err(message) => {
                let line = line_of(&name, file, &text, &message);
                Err(ZoneError::Broken { file: file.to_owned(), line, message: message.into() })
            }
        }
    }

    /// Serves from now on what `newer`, read from the same file later, holds.
    pub(crate) async fn replace(&self, newer: &Self) {
        let records = newer.handler.records().await.clone();
        *self.handler.records_mut().await = records;
    }

    /// Reads the file again, as a zone beside this one.
    pub(crate) fn reload(&self) -> Result<Self, ZoneError> {
        Self::load(&self.origin.to_ascii(), &self.file, &self.relocation)
    }

    pub(crate) fn origin(&self) -> &Name {
        &self.origin
    }

    pub(crate) fn handler(&self) -> Arc<InMemoryZoneHandler> {
        Arc::clone(&self.handler)
    }

    /// What an operator sees of it.
    pub(crate) async fn summary(&self) -> Summary {
        let records: usize =
            self.handler.records().await.values().map(|set| set.records_without_rrsigs().count()).sum();
        Summary {
            zone: self.origin.to_string(),
            serial: self.handler.serial().await,
            records,
            file: self.file.clone(),
        }
    }
}

/// A zone as an operator sees it.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    zone: String,
    serial: u32,
    records: usize,
    file: PathBuf,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { zone, serial, records, file } = self;
        write!(f, "{zone} serial {serial} records {records} file {}", file.display())
    }
}

fn parse(origin: &Name, file: &Path, text: &str) -> Result<InMemoryZoneHandler, String> {
    let parser = Parser::new(text, Some(file.to_owned()), Some(origin.clone()));
    let (_, records) = parser.parse().map_err(|error| error.to_string())?;
    // hickory would take it and never give it out.
    let stray = records.values().map(RecordSet::name).find(|name| !origin.zone_of(name));
    if let Some(name) = stray {
        return Err(format!("{name} is not in the zone {origin}"));
    }
    InMemoryZoneHandler::new(origin.clone(), records, ZoneType::Primary, AxfrPolicy::Deny)
}

/// The parser does not say where; so this is the first line with which the text above it has the same error, counted
/// from the end.
fn line_of(origin: &Name, file: &Path, text: &str, message: &str) -> Option<usize> {
    let ends = text.split_inclusive('\n').scan(0, |end, line| {
        *end += line.len();
        Some(*end)
    });
    let ends: Vec<usize> = ends.collect();
    let same = |end: usize| {
        let above = text.get(..end).unwrap_or(text);
        parse(origin, file, above).err().is_some_and(|error| error == message)
    };
    let healthy = ends.iter().rposition(|end| !same(*end));
    match healthy {
        Some(index) => Some(index + 2),
        None if same(0) => None,
        None => Some(1),
    }
}
