//! What waits to be written on a connection. It is bounded in bytes: counted in messages, a watchers' S-CSCF that is told of
//! many at once would look like one that is stuck.

use super::share::Common;
use bytes::Bytes;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tokio::sync::mpsc::{self, error::TryRecvError};

/// Bytes that wait to be written on one connection; with more its peer counts as stuck and is cut off.
pub const MAX_QUEUED: usize = 16 * 1024 * 1024;
/// Bytes that wait to be written on all connections together; the connection on which more would wait is cut off.
pub const MAX_ALL_QUEUED: usize = 64 * 1024 * 1024;

/// A SIP message that waits to be written on a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) bytes: Bytes,
    /// Where a response goes when its connection is gone (RFC 3261 section 18.2.2).
    pub(super) fallback: Option<SocketAddr>,
}

/// Why a message is not queued.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotQueued {
    /// There is no room.
    Full,
    /// Nobody writes any more: the connection has ended.
    Gone,
}

/// The node's end.
#[derive(Debug)]
pub(super) struct Queue {
    sender: mpsc::UnboundedSender<Outgoing>,
    room: Arc<Room>,
}

/// The connection's end.
#[derive(Debug)]
pub(super) struct Queued {
    receiver: mpsc::UnboundedReceiver<Outgoing>,
    room: Arc<Room>,
}

/// The bytes of one connection that are queued and not written; given back when both ends are gone.
#[derive(Debug)]
struct Room {
    common: Arc<Common>,
    bytes: AtomicUsize,
}

pub(super) fn queue(common: Arc<Common>) -> (Queue, Queued) {
    let room = Arc::new(Room { common, bytes: AtomicUsize::new(0) });
    let (sender, receiver) = mpsc::unbounded_channel();
    (Queue { sender, room: Arc::clone(&room) }, Queued { receiver, room })
}

impl Queue {
    pub(super) fn push(&self, message: Outgoing) -> Result<(), NotQueued> {
        let length = message.bytes.len();
        let queued = self.room.bytes.load(Relaxed) + length;
        let all = self.room.common.queued.load(Relaxed) + length;
        if queued > MAX_QUEUED || all > MAX_ALL_QUEUED {
            return Err(NotQueued::Full);
        }
        // Before it is sent: it may have been written before this is done.
        self.room.take(length);
        self.sender.send(message).map_err(|_| {
            self.room.give_back(length);
            NotQueued::Gone
        })
    }
}

impl Queued {
    /// The next message, `None` when the node wants no more of the connection; dropping the future loses none.
    pub(super) async fn next(&mut self) -> Option<Outgoing> {
        self.receiver.recv().await
    }

    /// The next message that is there already.
    pub(super) fn next_now(&mut self) -> Result<Outgoing, TryRecvError> {
        self.receiver.try_recv()
    }

    /// Takes nothing more: whoever pushes learns that the connection has ended. Gives what was never written.
    pub(super) fn close(&mut self) -> Vec<Outgoing> {
        self.receiver.close();
        std::iter::from_fn(|| self.receiver.try_recv().ok()).collect()
    }

    /// Something of the connection's own waits too.
    pub(super) fn add(&self, count: usize) {
        self.room.take(count);
    }

    /// So much of what waited has been written.
    pub(super) fn written(&self, count: usize) {
        self.room.give_back(count);
    }
}

impl Room {
    fn take(&self, count: usize) {
        self.bytes.fetch_add(count, Relaxed);
        self.common.queued.fetch_add(count, Relaxed);
    }

    fn give_back(&self, count: usize) {
        self.bytes.fetch_sub(count, Relaxed);
        self.common.queued.fetch_sub(count, Relaxed);
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.common.queued.fetch_sub(self.bytes.load(Relaxed), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing(bytes: Vec<u8>) -> Outgoing {
        Outgoing { bytes: bytes.into(), fallback: None }
    }

    fn message() -> Outgoing {
        outgoing(vec![b'x'; MAX_QUEUED / 16])
    }

    #[test]
    fn a_connection_has_its_part_of_the_room_and_all_have_one_together() {
        let common = Arc::new(Common::default());
        let mut connections: Vec<_> = (0..5).map(|_| queue(Arc::clone(&common))).collect();
        for (queue, _) in &connections[..4] {
            assert!((0..16).all(|_| queue.push(message()).is_ok()));
            assert_eq!(queue.push(outgoing(vec![b'x'])), Err(NotQueued::Full));
        }
        let (last, _) = &connections[4];
        assert_eq!(last.push(message()), Err(NotQueued::Full), "the others have it all");
        let (_, first) = &mut connections[0];
        assert_eq!(first.next_now(), Ok(message()));
        assert_eq!(common.queued.load(Relaxed), MAX_ALL_QUEUED, "what is taken is not written yet");
        first.written(message().bytes.len());
        let (last, _) = &connections[4];
        assert_eq!((last.push(message()), last.push(message())), (Ok(()), Err(NotQueued::Full)));
        drop(connections);
        assert_eq!(common.queued.load(Relaxed), 0);
    }

    #[test]
    fn what_nobody_writes_takes_no_room() {
        let common = Arc::new(Common::default());
        let (queue, queued) = queue(Arc::clone(&common));
        drop(queued);
        assert_eq!(queue.push(message()), Err(NotQueued::Gone));
        assert_eq!(common.queued.load(Relaxed), 0);
    }
}
