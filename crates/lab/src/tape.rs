//! What crosses the sockets of all nodes, as it happens.
//!
//! Each node writes its recording into a named pipe; nothing has to be polled, and nothing is left on the disk.

use crate::error::LabError;
use crate::record::{Crossing, Names, Reader, recording};
use figure::Recording;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Messages that are kept; what comes after them is not recorded.
pub(crate) const MAX_CROSSINGS: usize = 200_000;

/// The network is quiet when nothing has crossed any socket for so long.
pub(crate) const QUIET: Duration = Duration::from_millis(300);
/// How long it may take to become so.
const UNQUIET: Duration = Duration::from_secs(20);

/// The recordings of all nodes.
#[derive(Debug)]
pub(crate) struct Tape {
    kept: Arc<Mutex<Vec<Crossing>>>,
    grown: watch::Sender<usize>,
    readers: Vec<JoinHandle<()>>,
}

impl Tape {
    pub(crate) fn new() -> Self {
        Self { kept: Arc::default(), grown: watch::Sender::new(0), readers: Vec::new() }
    }

    /// Makes a pipe at `path` and records what comes through it, however often its writer starts anew.
    pub(crate) fn listen(&mut self, path: &Path) -> Result<(), LabError> {
        // One that a lab before us left in a directory that stays.
        let _ = std::fs::remove_file(path);
        let failed = |error: nix::Error| LabError::File(path.to_owned(), error.into());
        mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(failed)?;
        // Open for writing, too, it has no end of file between two writers.
        let pipe =
            pipe::OpenOptions::new().read_write(true).open_receiver(path).map_err(LabError::at(path))?;
        self.readers.push(tokio::spawn(collect(pipe, Arc::clone(&self.kept), self.grown.clone())));
        Ok(())
    }

    /// Everything up to now.
    pub(crate) fn recording(&self, names: &Names) -> Recording {
        recording(&self.kept.lock().unwrap_or_else(PoisonError::into_inner), names)
    }

    /// Waits until nothing has crossed any socket for [`QUIET`].
    pub(crate) async fn quiet(&self) -> Result<(), LabError> {
        let mut grown = self.grown.subscribe();
        let quiet = async { while timeout(QUIET, grown.changed()).await.is_ok() {} };
        timeout(UNQUIET, quiet).await.map_err(|_| LabError::Unquiet)
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.readers.iter().for_each(JoinHandle::abort);
    }
}

async fn collect(pipe: pipe::Receiver, kept: Arc<Mutex<Vec<Crossing>>>, grown: watch::Sender<usize>) {
    let mut lines = BufReader::new(pipe).lines();
    let mut reader = Reader::default();
    while let Ok(Some(line)) = lines.next_line().await {
        let crossings = reader.read(&line);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_CROSSINGS.saturating_sub(kept.len());
        kept.extend(crossings.into_iter().take(room));
        grown.send_replace(kept.len());
    }
}
