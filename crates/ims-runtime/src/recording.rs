//! A recording of what is read and written at the sockets, for ladders and capture files.
//!
//! One JSON object a line, in the order of events:
//!
//! | key | what |
//! |---|---|
//! | `wall_ns` | nanoseconds since 1970-01-01T00:00:00Z |
//! | `mono_ns` | nanoseconds since this process began to record |
//! | `node` | name of the node |
//! | `direction` | `in` or `out` |
//! | `transport` | `UDP`, `TCP`, `CX`, `SMPP` or `SMS` |
//! | `local`, `remote` | `ADDRESS:PORT`, an IPv6 address in brackets |
//! | `text` or `hex` | one datagram, one message of a stream, or octets of a Cx connection as they were read; hexadecimal where they are no UTF-8, and always for Cx and SMPP |
//!
//! Messages are recorded whole, with everything in them that a log would redact: a recording is for the laboratory.

use crate::Clock;
use serde::Serialize;
use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that wait for [`Recorder::flush`]; above it they are written at once.
const MAX_BUFFERED: usize = 1024 * 1024;

/// Which way a message went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// Read.
    In,
    /// Written.
    Out,
}

/// What it went over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Channel {
    /// SIP over UDP.
    Udp,
    /// SIP over TCP.
    Tcp,
    /// Cx over TCP.
    Cx,
    /// SMPP over TCP.
    Smpp,
    /// A short message between a phone and its SMS-C, by whatever network.
    Sms,
}

/// Between whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// Our address.
    pub local: SocketAddr,
    /// The peer's.
    pub remote: SocketAddr,
}

/// Appends to the recording; every clone to the same one.
#[derive(Debug, Clone)]
pub struct Recorder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    node: Box<str>,
    clock: Clock,
    /// All users run on one thread, so that nobody ever waits for it.
    sink: Mutex<Sink>,
}

#[derive(Debug)]
struct Sink {
    buffer: Vec<u8>,
    /// None after a failed write: recording has ended.
    file: Option<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    wall_ns: u64,
    mono_ns: u64,
    node: &'a str,
    direction: Direction,
    transport: Channel,
    local: SocketAddr,
    remote: SocketAddr,
    #[serde(flatten)]
    bytes: Octets<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Octets<'a> {
    Text(&'a str),
    Hex(String),
}

impl Recorder {
    /// A recorder that appends to the file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened for writing.
    pub fn open(path: &Path, node: &str) -> io::Result<Self> {
        let file = Some(OpenOptions::new().create(true).append(true).mode(0o600).open(path)?);
        let sink = Mutex::new(Sink { buffer: Vec::new(), file });
        Ok(Self(Arc::new(Inner { node: node.into(), clock: Clock::start(), sink })))
    }

    /// Records one message.
    pub fn record(&self, direction: Direction, transport: Channel, ends: Ends, bytes: &[u8]) {
        let text =
            std::str::from_utf8(bytes).ok().filter(|_| !matches!(transport, Channel::Cx | Channel::Smpp));
        let line = Line {
            wall_ns: Clock::unix_nanos(),
            mono_ns: u64::try_from(self.0.clock.now().mono.since_start().as_nanos()).unwrap_or(u64::MAX),
            node: &self.0.node,
            direction,
            transport,
            local: ends.local,
            remote: ends.remote,
            bytes: text.map_or_else(|| Octets::Hex(hex(bytes)), Octets::Text),
        };
        let mut sink = self.0.sink.lock().unwrap_or_else(PoisonError::into_inner);
        // A line of strings and numbers always has a JSON form, and memory takes it.
        let _ = serde_json::to_writer(&mut sink.buffer, &line);
        sink.buffer.push(b'\n');
        if sink.buffer.len() > MAX_BUFFERED {
            sink.flush();
        }
    }

    /// Writes what has gathered.
    pub fn flush(&self) {
        self.0.sink.lock().unwrap_or_else(PoisonError::into_inner).flush();
    }
}

impl Sink {
    fn flush(&mut self) {
        if let Some(file) = self.file.as_mut().filter(|_| !self.buffer.is_empty())
            && let Err(error) = file.write_all(&self.buffer)
        {
            tracing::warn!(%error, "recording has ended");
            self.file = None;
        }
        self.buffer.clear();
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.flush();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Memory takes it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
