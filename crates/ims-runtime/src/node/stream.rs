//! What has come and gone on a TCP connection, and when.

use super::events::SocketEvent;
use super::share::{Common, CutOff, Share};
use bytes::{Buf, Bytes, BytesMut};
use sip_message::Framer;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A connection on which no whole message and no keep-alive has come or gone for this long is closed.
pub const IDLE: Duration = Duration::from_secs(600);
/// A peer that leaves a message half sent, sends none after it has connected, or takes nothing of what is written, for this
/// long is cut off.
pub const STALLED: Duration = Duration::from_secs(30);

/// What has come and gone, and when.
pub(super) struct Stream {
    pub(super) framer: Framer,
    pub(super) share: Share,
    pub(super) unsent: BytesMut,
    /// What the node has not had room for. Meanwhile the connection goes on: it writes, and answers keep-alives.
    pub(super) untold: VecDeque<SocketEvent>,
    pub(super) untold_bytes: usize,
    /// After [`FrameError`] nothing more is read.
    pub(super) readable: bool,
    /// The last whole message, either way.
    pub(super) active: Instant,
    /// Since when the message under way is under way; for a peer that has just connected, its first.
    pub(super) half_read: Option<Instant>,
    /// Since when nothing could be written.
    half_written: Option<Instant>,
    /// The responses written last, and where each goes when the connection is gone; at most [`MAX_RECENT`].
    recent: VecDeque<Recent>,
}

/// A response that may not have reached the peer's process.
struct Recent {
    at: Instant,
    bytes: Bytes,
    fallback: SocketAddr,
}

/// Responses of one connection that are kept for the case that nobody reads them; the oldest gives way.
const MAX_RECENT: usize = 32;
/// How long a response may have been on its way to a peer that had ended the connection.
const ON_ITS_WAY: Duration = Duration::from_secs(2);

impl Stream {
    pub(super) fn new(common: &Arc<Common>, framer: Framer, half_read: Option<Instant>) -> Self {
        Self {
            framer,
            share: Share::of(Arc::clone(common)),
            unsent: BytesMut::new(),
            untold: VecDeque::new(),
            untold_bytes: 0,
            readable: true,
            active: Instant::now(),
            half_read,
            half_written: None,
            recent: VecDeque::new(),
        }
    }

    /// Keeps a response that was put.
    pub(super) fn note_put(&mut self, bytes: Bytes, fallback: SocketAddr) {
        if self.recent.len() >= MAX_RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(Recent { at: Instant::now(), bytes, fallback });
    }

    /// The responses that nobody may have read, each with where it goes instead.
    pub(super) fn unread(&mut self) -> Vec<(SocketAddr, Bytes)> {
        let now = Instant::now();
        let recent = self.recent.drain(..).filter(|recent| now - recent.at < ON_ITS_WAY);
        recent.map(|recent| (recent.fallback, recent.bytes)).collect()
    }

    /// Something the node has to be told, as soon as it has room. Of answers to keep-alives one is enough.
    pub(super) fn will_tell(&mut self, event: SocketEvent) {
        if matches!((self.untold.back(), &event), (Some(SocketEvent::Pong(_)), SocketEvent::Pong(_))) {
            return;
        }
        self.untold_bytes += cost(&event);
        self.untold.push_back(event);
    }

    pub(super) fn next_to_tell(&mut self) -> Option<SocketEvent> {
        let event = self.untold.pop_front()?;
        self.untold_bytes -= cost(&event);
        Some(event)
    }

    /// The time during which nothing is read is no fault of the peer.
    pub(super) fn pause(&mut self) {
        if let Some(since) = &mut self.half_read {
            *since = Instant::now();
        }
    }

    pub(super) fn read_whole(&mut self) {
        self.active = Instant::now();
        self.half_read = None;
    }

    pub(super) fn put(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        self.half_written.get_or_insert_with(Instant::now);
    }

    pub(super) fn written(&mut self, count: usize) {
        self.unsent.advance(count);
        self.half_written = (!self.unsent.is_empty()).then(Instant::now);
    }

    /// When it is cut off, and why.
    pub(super) fn deadline(&self) -> (Instant, CutOff) {
        let idle = (self.active + IDLE, CutOff::Idle);
        let stalled = [self.half_read, self.half_written].into_iter().flatten().min();
        stalled
            .map(|since| (since + STALLED, CutOff::Stalled))
            .filter(|stalled| stalled.0 < idle.0)
            .unwrap_or(idle)
    }
}

/// Bytes that an event takes while it waits.
fn cost(event: &SocketEvent) -> usize {
    let text = match event {
        SocketEvent::Message(_, bytes) | SocketEvent::Unframed(_, bytes) => bytes.len(),
        SocketEvent::Pong(_)
        | SocketEvent::Accepted(..)
        | SocketEvent::Connected(_)
        | SocketEvent::NotConnected(..)
        | SocketEvent::Closed(..)
        | SocketEvent::Undelivered(..)
        | SocketEvent::Refused(_) => 0,
    };
    size_of::<SocketEvent>() + text
}
