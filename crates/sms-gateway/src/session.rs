//! One bound connection to an SMS-C (SMPP 3.4 section 2).

mod incoming;
#[cfg(test)]
mod tests;

use crate::outgoing::Outgoing;
use crate::smsc_config::Smsc;
use crate::status;
use bytes::{Buf, BytesMut};
use ims_runtime::node::{Asker, NoAnswer};
use rusmpp::pdus::BindTransceiver;
use rusmpp::values::InterfaceVersion;
use rusmpp::{CommandId, CommandStatus, Pdu};
use smpp::Frames;
use sms_gateway::{Ask, Told};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

/// How long the SMS-C may take to answer (section 7.2).
const RESPONSE: Duration = Duration::from_secs(10);
/// How long the last messages of a session may take, the unbind among them.
const FAREWELL: Duration = Duration::from_secs(1);
/// Octets read at a time.
const READ: usize = 16 * 1024;
/// Octets waiting to be written; above it nothing more is read until the SMS-C reads.
const MAX_UNSENT: usize = 1024 * 1024;
/// Messages of the SMS-C that wait for the gateway; above it nothing more is read.
const MAX_DELIVERING: usize = 512;

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The gateway ends.
    Drained,
    /// The session failed for this reason before the SMS-C had accepted the bind.
    BeforeBind(&'static str),
    /// The session failed for this reason, so long after the SMS-C had accepted the bind.
    AfterBind(&'static str, Duration),
}

/// A connection.
pub(crate) struct Session<'a, R, W> {
    reader: R,
    writer: W,
    smsc: &'a Smsc,
    asker: &'a Asker<Ask, Told>,
    outgoing: &'a Mutex<()>,
    frames: Frames,
    unsent: BytesMut,
    /// The number of our last request.
    sequence: u32,
    /// When something was read last.
    heard: Instant,
    /// When we have asked whether the SMS-C is there, and it has not answered.
    enquired: Option<Instant>,
    /// Messages of the SMS-C: their numbers, which command answers them, and what the gateway says of them.
    delivering: JoinSet<(u32, CommandId, Result<Told, NoAnswer>)>,
    messages: Outgoing,
    /// Reports of them that are on their way.
    reports: JoinSet<Result<Told, NoAnswer>>,
}

/// What happens to a session.
enum Happened<'a> {
    Read(usize),
    Written(usize),
    Answered(u32, CommandId, Result<Told, NoAnswer>),
    /// Nobody else takes messages to users away.
    Turn(MutexGuard<'a, ()>),
    /// There are messages to users.
    ToSend(Result<Told, NoAnswer>),
    Time,
    Drain,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Session<'a, R, W> {
    pub(crate) fn new(
        (reader, writer): (R, W),
        smsc: &'a Smsc,
        asker: &'a Asker<Ask, Told>,
        outgoing: &'a Mutex<()>,
    ) -> Self {
        Self {
            reader,
            writer,
            smsc,
            asker,
            outgoing,
            frames: Frames::default(),
            unsent: BytesMut::new(),
            sequence: 0,
            heard: Instant::now(),
            enquired: None,
            delivering: JoinSet::new(),
            messages: Outgoing::default(),
            reports: JoinSet::new(),
        }
    }

    /// Binds and serves, until something ends it.
    pub(crate) async fn run(mut self) -> Ended {
        let asker = self.asker;
        let bound = tokio::select! {
            () = asker.closed() => return Ended::Drained,
            bound = timeout(RESPONSE, self.bind()) => bound.unwrap_or(Err("no answer")),
        };
        if let Err(why) = bound {
            return Ended::BeforeBind(why);
        }
        tracing::info!(address = %self.smsc.address, "bound to the SMS-C");
        let begun = Instant::now();
        let mut turn = None;
        let served = self.serve(&mut turn).await;
        let lasted = begun.elapsed();
        // Who has the next turn is told of messages that we do not speak of.
        let _ = timeout(FAREWELL, self.take_leave(served.is_ok())).await;
        match served {
            Ok(()) => Ended::Drained,
            Err(why) => Ended::AfterBind(why, lasted),
        }
    }

    /// What the gateway has kept is still acknowledged, and the gateway told what has become of its messages.
    async fn take_leave(&mut self, unbinds: bool) {
        while self.reports.join_next().await.is_some() {}
        let given_up = self.messages.give_up();
        if !given_up.is_empty() {
            let _ = self.asker.ask(Ask::Sent(given_up)).await;
        }
        while let Some(Ok((sequence, id, told))) = self.delivering.join_next().await {
            self.answer(sequence, id, status::of(&told));
        }
        if unbinds {
            self.request(Pdu::Unbind);
        }
        // What the SMS-C does not take in time is lost with the connection.
        let _ = self.write_all().await;
    }

    fn request(&mut self, pdu: impl Into<Pdu>) -> u32 {
        request(&mut self.sequence, pdu, &mut self.unsent)
    }

    fn submit(&mut self) {
        let Self { smsc, sequence, unsent, messages, .. } = self;
        messages.submit(smsc, |part| request(sequence, part, unsent));
    }

    async fn write_all(&mut self) -> std::io::Result<()> {
        self.writer.write_all_buf(&mut self.unsent).await
    }

    /// Section 4.1.
    async fn bind(&mut self) -> Result<(), &'static str> {
        let Smsc { system_id, password, system_type, .. } = self.smsc.clone();
        let bind = BindTransceiver::builder()
            .system_id(system_id)
            .password(password)
            .system_type(system_type)
            .interface_version(InterfaceVersion::Smpp3_4)
            .build();
        let sequence = self.request(bind);
        self.write_all().await.map_err(|_| "the connection ended")?;
        loop {
            while let Some(frame) = self.frames.next_frame().map_err(|_| "a PDU of an impossible length")? {
                if frame.sequence == sequence
                    && matches!(frame.id, CommandId::BindTransceiverResp | CommandId::GenericNack)
                {
                    return status::bound(frame.id, frame.status);
                }
            }
            self.frames.buffer().reserve(READ);
            match self.reader.read_buf(self.frames.buffer()).await {
                Ok(0) | Err(_) => return Err("the connection ended"),
                Ok(_) => {}
            }
        }
    }

    async fn serve(&mut self, turn: &mut Option<MutexGuard<'a, ()>>) -> Result<(), &'static str> {
        let (asker, outgoing) = (self.asker, self.outgoing);
        let mut next_ask = Ask::Collect;
        let mut collecting = std::pin::pin!(None);
        // What came with the answer to bind.
        self.read_frames().await?;
        loop {
            self.submit();
            self.report();
            if turn.is_some() && collecting.is_none() && self.messages.is_idle() {
                collecting.set(Some(asker.ask(std::mem::replace(&mut next_ask, Ask::More))));
            }
            match self.next(turn.is_none(), collecting.as_mut().as_pin_mut(), outgoing).await? {
                Happened::Read(0) => return Err("the connection ended"),
                Happened::Read(_) => {
                    (self.heard, self.enquired) = (Instant::now(), None);
                    self.read_frames().await?;
                }
                Happened::Written(count) => self.unsent.advance(count),
                Happened::Answered(sequence, id, told) => self.answer(sequence, id, status::of(&told)),
                Happened::Turn(guard) => *turn = Some(guard),
                Happened::ToSend(told) => {
                    collecting.set(None);
                    match told {
                        Ok(Told::ToSend(messages)) if !messages.is_empty() => self.messages.add(messages),
                        Ok(_) | Err(NoAnswer) => return Err("the gateway has no answer"),
                    }
                }
                Happened::Time => self.on_time()?,
                Happened::Drain => return Ok(()),
            }
        }
    }

    /// Tells the gateway what has become of its messages.
    fn report(&mut self) {
        let done = self.messages.take_done();
        if !done.is_empty() {
            let asker = self.asker.clone();
            self.reports.spawn(async move { asker.ask(Ask::Sent(done)).await });
        }
        while self.reports.try_join_next().is_some() {}
    }

    async fn next(
        &mut self,
        wants_turn: bool,
        collecting: Option<std::pin::Pin<&mut impl Future<Output = Result<Told, NoAnswer>>>>,
        outgoing: &'a Mutex<()>,
    ) -> Result<Happened<'a>, &'static str> {
        let may_read = self.delivering.len() < MAX_DELIVERING && self.unsent.len() < MAX_UNSENT;
        let deadline = self.deadline();
        self.frames.buffer().reserve(READ);
        let happened = tokio::select! {
            () = self.asker.closed() => Happened::Drain,
            written = self.writer.write(&self.unsent), if !self.unsent.is_empty() => {
                Happened::Written(written.map_err(|_| "the connection ended")?)
            }
            Some(answered) = self.delivering.join_next() => match answered {
                Ok((sequence, id, told)) => Happened::Answered(sequence, id, told),
                Err(_) => return Err("a task has failed"),
            },
            told = async { match collecting { Some(future) => future.await, None => std::future::pending().await } } => {
                Happened::ToSend(told)
            }
            guard = outgoing.lock(), if wants_turn => Happened::Turn(guard),
            read = self.reader.read_buf(self.frames.buffer()), if may_read => {
                Happened::Read(read.map_err(|_| "the connection ended")?)
            }
            () = sleep_until(deadline) => Happened::Time,
        };
        Ok(happened)
    }

    /// When something is to be done if nothing happens.
    fn deadline(&self) -> Instant {
        let enquire = self.heard + self.smsc.enquire_link;
        let answer = self.enquired.map_or(enquire, |enquired| enquired + RESPONSE);
        self.messages.oldest().map_or(answer, |oldest| answer.min(oldest + RESPONSE))
    }

    fn on_time(&mut self) -> Result<(), &'static str> {
        let now = Instant::now();
        let is_late = |at: Instant| now >= at + RESPONSE;
        if self.enquired.is_some_and(is_late) || self.messages.oldest().is_some_and(is_late) {
            return Err("no answer");
        }
        if self.enquired.is_none() && now >= self.heard + self.smsc.enquire_link {
            self.request(Pdu::EnquireLink);
            self.enquired = Some(now);
        }
        Ok(())
    }
}

/// Writes a request with the next number.
fn request(last: &mut u32, pdu: impl Into<Pdu>, unsent: &mut BytesMut) -> u32 {
    // Section 3.2: numbers go from 1 to 0x7fffffff.
    *last = if *last >= 0x7fff_ffff { 1 } else { *last + 1 };
    smpp::write(CommandStatus::EsmeRok, *last, pdu, unsent);
    *last
}
