//! The journal's thread.

use super::Status;
use super::log::Log;
use super::storage::Directory;
use ims_node::{Record, Seq};
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;
use tokio::sync::watch;

/// Records that are synced together at most; the backlog bounds their bytes.
const MAX_BATCH: usize = 16 * 1024;
/// A batch from so many records on is the mark of a busy node. If the next record follows it at once, some time is taken to
/// gather more: a sync costs the same for one record as for a hundred, and so does telling the node of it.
const BUSY: usize = 4;
/// How much. Beside T1, after which a request is sent again, it is nothing.
const GATHER: Duration = Duration::from_millis(4);
/// How soon a full disk is looked at again.
const RETRY: Duration = Duration::from_secs(1);

/// Writes what comes until nothing can come any more, or until the disk fails.
pub(crate) fn run<D: Directory>(
    mut log: Log<D>,
    orders: &Receiver<(Seq, Record)>,
    tell: &watch::Sender<Status>,
) {
    if let Err(error) = write(&mut log, orders, tell) {
        tracing::error!(%error, "the journal cannot be written");
        tell.send_replace(Status { failed: Some(error.kind()), ..log.status() });
    }
}

fn write<D: Directory>(
    log: &mut Log<D>,
    orders: &Receiver<(Seq, Record)>,
    tell: &watch::Sender<Status>,
) -> io::Result<()> {
    let mut batch = Vec::new();
    let mut compacting = false;
    let mut busy = false;
    loop {
        let first = match (compacting, log.status().full, busy) {
            (true, _, _) => orders.recv_timeout(Duration::ZERO),
            (false, true, _) => orders.recv_timeout(RETRY),
            (false, false, true) => orders.recv_timeout(GATHER),
            (false, false, false) => orders.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match first {
            Ok(record) => batch.push(record),
            // What comes after a pause is not kept waiting.
            Err(RecvTimeoutError::Timeout) => busy = false,
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
        }
        if busy {
            std::thread::sleep(GATHER);
        }
        batch.extend(orders.try_iter().take(MAX_BATCH));
        log.append(&batch)?;
        busy = batch.len() >= BUSY;
        batch.clear();
        log.reserve();
        let status = log.status();
        tell.send_if_modified(|told| std::mem::replace(told, status) != status);
        compacting = log.compact()?;
    }
}
