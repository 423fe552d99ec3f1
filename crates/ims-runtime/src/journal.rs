//! The journal: what a node must still know after its process or its machine has died.
//!
//! One append-only file `journal` in the state directory: a header, then records, the newest of a key wins. A thread of
//! its own writes and syncs, everything that has gathered in one go, and when there was much it gathers four milliseconds
//! longer; the node goes on meanwhile and holds back what must wait ([`Status::synced`]). Space is reserved ahead by
//! writing zeros, so that a full disk is known before anything is promised, and so that a sync has no file length to
//! write.
//!
//! After a crash the end of the file may be torn: records of the last batch, whose sync never returned, are cut off.
//! Each record says what was durable when it was written, so a damaged record that was once durable is told from a torn
//! one; the header says how long the file was at least, so a file that was cut is known. Then the node refuses to start. When dead records outweigh live ones, the live ones are copied to a new file
//! between batches, and the file is replaced.

mod compaction;
mod disk;
mod header;
mod log;
mod reader;
mod record;
mod replay;
mod storage;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use crate::state_lock::StateLockError;
use disk::Disk;
use ims_node::{Record, Seq};
use log::Log;
use replay::Live;
use std::error::Error;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Bytes handed over and not yet synced; above it the journal counts as full until half of them are.
pub(crate) const MAX_BACKLOG: u64 = 1024 * 1024;

/// Why a journal cannot be opened.
#[derive(Debug)]
pub enum JournalError {
    /// Another process has this state directory.
    InUse,
    /// What was durable is damaged, from this byte of the file on. The operator must decide: restore the file from a
    /// copy, or move it away and lose its state.
    Damaged {
        /// Where.
        offset: u64,
    },
    /// The file system refuses.
    Io(io::Error),
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<StateLockError> for JournalError {
    fn from(error: StateLockError) -> Self {
        match error {
            StateLockError::InUse(_) => Self::InUse,
            StateLockError::Io(_, error) => Self::Io(error),
        }
    }
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse => f.write_str("another process uses this state directory"),
            Self::Damaged { offset } => write!(f, "the journal is damaged at byte {offset}"),
            Self::Io(error) => write!(f, "the journal cannot be opened: {error}"),
        }
    }
}

impl Error for JournalError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::InUse | Self::Damaged { .. } => None,
        }
    }
}

/// How far the journal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Status {
    /// Everything up to this record is durable.
    pub(crate) synced: Seq,
    /// Bytes of records synced since the start.
    pub(crate) bytes: u64,
    /// There is no room ahead.
    pub(crate) full: bool,
    /// Length of the file up to its last record.
    pub(crate) file: u64,
    /// Bytes of live records.
    pub(crate) live: u64,
    /// A write or a sync has failed, and nothing more will become durable.
    pub(crate) failed: Option<io::ErrorKind>,
}

/// What was found on opening.
#[derive(Debug)]
pub(crate) struct Replay<F> {
    /// The newest record of each key that has a value, oldest first.
    pub(crate) live: Live<F>,
    /// The highest number given so far.
    pub(crate) last: Seq,
    /// The file had a torn end, which was cut off at this byte.
    pub(crate) torn: Option<u64>,
}

/// The node's hold on its journal.
#[derive(Debug)]
pub(crate) struct Journal {
    orders: Option<mpsc::Sender<(Seq, Record)>>,
    status: watch::Receiver<Status>,
    handed: Seq,
    handed_bytes: u64,
    was_full: bool,
    thread: Option<JoinHandle<()>>,
}

impl Journal {
    /// Opens the journal in `directory`, makes it where there is none, and starts its thread.
    pub(crate) fn open(directory: &Path) -> Result<(Self, Replay<std::fs::File>), JournalError> {
        Self::on(Disk::open(directory)?)
    }

    /// The same, wherever the files are.
    pub(crate) fn on<D: storage::Directory>(directory: D) -> Result<(Self, Replay<D::File>), JournalError> {
        let (log, replay) = Log::open(directory)?;
        Ok((Self::start(log)?, replay))
    }

    fn start<D: storage::Directory>(log: Log<D>) -> Result<Self, JournalError> {
        let (orders, received) = mpsc::channel();
        let (tell, status) = watch::channel(log.status());
        let handed = log.status().synced;
        let run = move || writer::run(log, &received, &tell);
        let thread = std::thread::Builder::new().name("journal".to_owned()).spawn(run)?;
        let was_full = false;
        Ok(Self { orders: Some(orders), status, handed, handed_bytes: 0, was_full, thread: Some(thread) })
    }

    /// Hands a record over. That it is durable is said by [`Journal::changed`]; that it never will be, too.
    pub(crate) fn persist(&mut self, seq: Seq, record: Record) {
        self.handed = self.handed.max(seq);
        self.handed_bytes += record::length(&record);
        if let Some(orders) = &self.orders {
            // A thread that has gone has said why in its status.
            let _ = orders.send((seq, record));
        }
    }

    /// Waits until something has changed; dropping the future loses nothing.
    pub(crate) async fn changed(&mut self) -> Status {
        if self.status.changed().await.is_err() {
            // It ended without a word: a panic.
            return Status { failed: Some(io::ErrorKind::Other), ..self.status() };
        }
        *self.status.borrow_and_update()
    }

    /// How far it is.
    pub(crate) fn status(&self) -> Status {
        *self.status.borrow()
    }

    /// Whether new state can be promised has changed: `Some(true)` when it can no longer be.
    pub(crate) fn full_changed(&mut self) -> Option<bool> {
        let status = self.status();
        let backlog = self.handed_bytes.saturating_sub(status.bytes);
        let limit = if self.was_full { MAX_BACKLOG / 2 } else { MAX_BACKLOG };
        let full = status.full || backlog > limit;
        (full != std::mem::replace(&mut self.was_full, full)).then_some(full)
    }

    /// Whether it writes nearly as fast as it is given; a full one may do that.
    pub(crate) fn keeps_up(&self) -> bool {
        self.handed_bytes.saturating_sub(self.status().bytes) <= MAX_BACKLOG / 4
    }

    /// Whether everything handed over is durable.
    pub(crate) fn is_settled(&self) -> bool {
        self.status().synced >= self.handed
    }

    /// Lets the thread write what it still has, and end; waits for that no longer than `patience`.
    pub(crate) async fn close(mut self, patience: Duration) -> Status {
        self.orders = None;
        let ended = async { while self.status.changed().await.is_ok() {} };
        if tokio::time::timeout(patience, ended).await.is_ok()
            && let Some(thread) = self.thread.take()
        {
            // It has dropped its sender as its last act, so this does not wait; a panic has been printed.
            let _ = thread.join();
        }
        self.status()
    }
}
