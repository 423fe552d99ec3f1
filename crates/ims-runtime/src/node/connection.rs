//! One TCP connection: a task that cuts what it reads into messages and writes what is queued.

use super::events::{ConnectionId, SocketEvent};
use super::queue::{Outgoing, Queued};
use super::share::{Common, CutOff};
use super::stream::Stream;
use crate::Clock;
use crate::recording::{Channel, Direction, Ends, Recorder};
use bytes::BytesMut;
use ims_node::{Heard, ListenerId, Loss, Silence, Suspicion, UNACKNOWLEDGED};
use nix::sys::socket::{setsockopt, sockopt::TcpUserTimeout};
use sip_message::{Frame, FrameError, Framer, PING, PONG};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::tcp::ReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// How long a peer may take to accept a connection.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(4);
/// How long the last messages on a connection that is being closed may take.
const FAREWELL: Duration = Duration::from_secs(1);
/// Bytes read at a time.
const READ: usize = 16 * 1024;
/// Bytes waiting to be written; above it nothing more is taken from the queue, and of a stranger nothing more is read, until the peer
/// reads.
const MAX_UNSENT: usize = 256 * 1024;
/// Bytes of events that wait until the node has room for them; above it nothing more is read.
const MAX_UNTOLD: usize = READ;
/// A connection's own side.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: ConnectionId,
    pub(super) listener: ListenerId,
    pub(super) ends: Ends,
    pub(super) queued: Queued,
    pub(super) events: mpsc::Sender<SocketEvent>,
    pub(super) recorder: Option<Recorder>,
    pub(super) common: Arc<Common>,
    pub(super) reading: Reading,
    /// Between nodes: whether the other one is still there.
    pub(super) silence: Option<Silence>,
    /// For [`Connection::silence`].
    pub(super) clock: Clock,
}

/// Whether a peer that does not read is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// It is: one of our own nodes. Two that have much to write to each other would otherwise wait for each other for ever.
    Always,
    /// It is not: what anybody else makes us write is bounded by what it reads.
    WhileItReads,
}

/// How a connection came to its end.
enum End {
    /// We want no more of it.
    Ours,
    /// Its peer sends no more. It may still read.
    Peers,
}

/// The connection is at its end.
enum Over {
    /// Its peer has ended it, or nobody listens any more.
    Ended,
    /// We end it.
    CutOff(CutOff),
}

impl From<io::Error> for Over {
    fn from(error: io::Error) -> Self {
        // The system has sent again and again, and nothing was acknowledged.
        if error.kind() == io::ErrorKind::TimedOut { Self::CutOff(CutOff::Silent) } else { Self::Ended }
    }
}

impl Connection {
    /// Connects, then serves.
    pub(super) async fn connect(mut self) {
        match timeout(CONNECT_DEADLINE, open(self.ends)).await {
            Ok(Ok(stream)) => {
                // It has the listener's address and a port of its own.
                self.ends.local = stream.local_addr().unwrap_or(self.ends.local);
                self.tell(SocketEvent::Connected(self.id)).await;
                let first = Stream::new(&self.common, Framer::asking(), None);
                self.exchange_all(stream, first).await;
            }
            failed => {
                tracing::debug!(remote = %self.ends.remote, ?failed, "cannot connect");
                let loss = if failed.is_err() { Loss::Silent } else { Loss::Refused };
                self.tell(SocketEvent::NotConnected(self.id, loss)).await;
            }
        }
    }

    /// Serves until either side closes it.
    pub(super) async fn serve(self, stream: TcpStream) {
        let first = Stream::new(&self.common, Framer::new(), Some(Instant::now()));
        self.exchange_all(stream, first).await;
    }

    async fn exchange_all(mut self, mut socket: TcpStream, mut stream: Stream) {
        // Small messages that are waited for; where the option fails, they only take longer.
        let _ = socket.set_nodelay(true);
        // Where this one fails, a silent peer is noticed by other means.
        let unacknowledged = u32::try_from(UNACKNOWLEDGED.as_millis()).unwrap_or(u32::MAX);
        let _ = setsockopt(&socket, TcpUserTimeout, &unacknowledged);
        let mut loss = Loss::Ended;
        let over = self.exchange(&mut socket, &mut stream).await;
        // What nobody has read, before anything is told: telling may take a while.
        let unwritten = self.queued.close();
        let unread = stream.unread();
        if let Err(Over::CutOff(why)) = over {
            tracing::debug!(remote = %self.ends.remote, ?why, "cut off");
            self.common.count(why);
            if why == CutOff::Silent {
                loss = Loss::Silent;
            }
        }
        for event in std::mem::take(&mut stream.untold) {
            self.tell(event).await;
        }
        self.tell(SocketEvent::Closed(self.id, loss)).await;
        for Outgoing { bytes, fallback } in unwritten {
            if let Some(fallback) = fallback {
                self.tell(SocketEvent::Undelivered(self.listener, fallback, bytes)).await;
            }
        }
        if !unread.is_empty() && is_nobody_there(&socket, &over).await {
            for (fallback, bytes) in unread {
                self.tell(SocketEvent::Undelivered(self.listener, fallback, bytes)).await;
            }
        }
    }

    async fn tell(&self, event: SocketEvent) {
        // A node that no longer listens has ended.
        let _ = self.events.send(event).await;
    }

    async fn exchange(&mut self, socket: &mut TcpStream, stream: &mut Stream) -> Result<End, Over> {
        let (mut reader, mut writer) = socket.split();
        // Our place among those who wait for room. It is asked for only while there is something to tell: a place that nobody
        // asks for any more would keep others out.
        let mut place = pin!(self.events.clone().reserve_owned());
        // It may ring too early, never too late: to set it anew for every message would cost more than the message.
        let mut alarm = pin!(sleep_until(stream.deadline().0));
        loop {
            let room = stream.unsent.len() < MAX_UNSENT;
            let listens = (room || self.reading == Reading::Always) && stream.untold_bytes < MAX_UNTOLD;
            let may_read = listens && stream.readable;
            if !listens {
                stream.pause();
            }
            let (deadline, cut_off) = stream.deadline();
            // However busy the connection is.
            if deadline <= Instant::now() {
                return Err(Over::CutOff(cut_off));
            }
            // While nothing is read, nobody can tell whether the peer is silent.
            let silent = self.silence.as_ref().and_then(Silence::deadline).filter(|_| may_read);
            let next = silent.map_or(deadline, |at| deadline.min(self.clock.instant(at)));
            if next < alarm.deadline() || alarm.is_elapsed() {
                alarm.as_mut().reset(next);
            }
            // What is queued is gathered first and written in one go, before anything more is read. `room` ends that.
            tokio::select! {
                biased;
                message = self.queued.next(), if room => match message {
                    Some(message) => self.gather(stream, message),
                    None => return self.finish(stream, &mut writer).await.map(|()| End::Ours),
                },
                written = writer.write(&stream.unsent), if !stream.unsent.is_empty() => {
                    let count = written?;
                    self.queued.written(count);
                    stream.written(count);
                }
                room = &mut place, if !stream.untold.is_empty() => {
                    let room = room.map_err(|_| Over::Ended)?;
                    stream.next_to_tell().map(|event| room.send(event));
                    place.set(self.events.clone().reserve_owned());
                }
                count = read(&mut reader, stream.framer.buffer()), if may_read => match count? {
                    0 => return self.finish(stream, &mut writer).await.map(|()| End::Peers),
                    _ => self.take_what_came(stream)?,
                },
                // Behind reading: what there is to be read has been read.
                () = &mut alarm => if may_read {
                    self.suspect(stream)?;
                },
            }
        }
    }

    /// Takes this message and what else is queued, as far as there is room.
    fn gather(&mut self, stream: &mut Stream, first: Outgoing) {
        self.put(stream, first);
        while stream.unsent.len() < MAX_UNSENT
            && let Ok(message) = self.queued.next_now()
        {
            self.put(stream, message);
        }
    }

    fn heard(&mut self, heard: Heard<'_>) {
        let now = self.clock.now().mono;
        if let Some(silence) = &mut self.silence {
            silence.heard(now, heard);
        }
    }

    /// The peer has been silent for a while.
    fn suspect(&mut self, stream: &mut Stream) -> Result<(), Over> {
        let now = self.clock.now().mono;
        match self.silence.as_mut().map(|silence| silence.on_deadline(now)) {
            None | Some(Suspicion::None) => {}
            Some(Suspicion::Ask) => {
                self.queued.add(PING.len());
                stream.framer.expect_pong();
                stream.put(PING);
            }
            Some(Suspicion::Gone) => return Err(Over::CutOff(CutOff::Silent)),
        }
        Ok(())
    }

    fn take_what_came(&mut self, stream: &mut Stream) -> Result<(), Over> {
        self.heard(Heard::Something);
        let is_first = stream.untold.is_empty();
        self.take_frames(stream)?;
        if is_first {
            self.tell_what_there_is_room_for(stream);
        }
        Ok(())
    }

    fn take_frames(&mut self, stream: &mut Stream) -> Result<(), Over> {
        loop {
            match stream.framer.next_frame() {
                Ok(Some(Frame::Message(bytes))) => {
                    stream.read_whole();
                    self.heard(Heard::Message(&bytes));
                    self.record(Direction::In, &bytes);
                    stream.will_tell(SocketEvent::Message(self.id, bytes));
                }
                Ok(Some(Frame::Ping)) => {
                    stream.read_whole();
                    self.queued.add(PONG.len());
                    stream.put(PONG);
                }
                Ok(Some(Frame::Pong)) => {
                    stream.read_whole();
                    self.heard(Heard::Pong);
                    stream.will_tell(SocketEvent::Pong(self.id));
                }
                Ok(None) => break,
                Err(FrameError::Length(head)) => {
                    // The node answers it and closes.
                    stream.readable = false;
                    stream.will_tell(SocketEvent::Unframed(self.id, head));
                    break;
                }
                Err(FrameError::TooLarge) => return Err(Over::Ended),
            }
        }
        stream.half_read = match stream.half_read {
            _ if !stream.framer.is_mid_message() => None,
            Some(since) => Some(since),
            None => Some(Instant::now()),
        };
        let held = stream.framer.buffer().len();
        if stream.share.hold(held) { Ok(()) } else { Err(Over::CutOff(CutOff::Crowded)) }
    }

    /// Only where nobody of this connection waits for room: what came first is told first.
    fn tell_what_there_is_room_for(&self, stream: &mut Stream) {
        while !stream.untold.is_empty()
            && let Ok(permit) = self.events.try_reserve()
        {
            if let Some(event) = stream.next_to_tell() {
                permit.send(event);
            }
        }
    }

    fn put(&mut self, stream: &mut Stream, Outgoing { bytes, fallback }: Outgoing) {
        self.record(Direction::Out, &bytes);
        let now = self.clock.now().mono;
        if let Some(silence) = &mut self.silence {
            silence.wrote(now, &bytes);
        }
        stream.active = Instant::now();
        stream.put(&bytes);
        if let Some(fallback) = fallback {
            stream.note_put(bytes, fallback);
        }
    }

    /// Writes what is left.
    async fn finish(
        &mut self,
        stream: &mut Stream,
        writer: &mut (impl AsyncWriteExt + Unpin),
    ) -> Result<(), Over> {
        while let Ok(message) = self.queued.next_now() {
            self.put(stream, message);
        }
        let farewell = async {
            writer.write_all(&stream.unsent).await?;
            writer.shutdown().await
        };
        timeout(FAREWELL, farewell).await.map_err(|_| Over::Ended)?.map_err(Over::from)
    }

    fn record(&self, direction: Direction, bytes: &[u8]) {
        if let Some(recorder) = &self.recorder {
            recorder.record(direction, Channel::Tcp, self.ends, bytes);
            // The node, which otherwise does it, may have nothing to do for long.
            recorder.flush();
        }
    }
}

/// Whether what was written last has met nobody. A peer that has ended its half of the connection may still read; one whose
/// process has closed it answers the next segment with a reset.
async fn is_nobody_there(socket: &TcpStream, over: &Result<End, Over>) -> bool {
    match over {
        Ok(End::Ours) | Err(Over::CutOff(_)) => false,
        Ok(End::Peers) => timeout(FAREWELL, socket.ready(Interest::ERROR)).await.is_ok(),
        Err(Over::Ended) => true,
    }
}

/// A socket of this address's family.
pub(super) fn socket(address: SocketAddr) -> io::Result<TcpSocket> {
    if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }
}

/// Reads what there is; the buffer takes room only then, as most connections wait. Dropping the future loses nothing. That a read has not
/// filled the buffer tells tokio that there is no more, which saves a call that would only say so.
async fn read(reader: &mut ReadHalf<'_>, buffer: &mut BytesMut) -> io::Result<usize> {
    poll_fn(|context| {
        ready!(reader.as_ref().poll_read_ready(context))?;
        buffer.reserve(READ);
        pin!(reader.read_buf(buffer)).poll(context)
    })
    .await
}

/// Connects from the listener's own address, by which the peer believes us.
async fn open(ends: Ends) -> io::Result<TcpStream> {
    let socket = socket(ends.local)?;
    socket.bind(SocketAddr::new(ends.local.ip(), 0))?;
    let stream = socket.connect(ends.remote).await?;
    // On one machine a socket can meet itself.
    if stream.local_addr()? == ends.remote {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(stream)
}
