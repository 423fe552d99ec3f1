//! An SMS-C to try the gateway with: an SMPP 3.4 server on loopback for one ESME at a time, and phones that are no more than their numbers.

use bytes::{Buf, BytesMut};
use ims_runtime::recording::{Channel, Direction, Ends, Recorder};
use rusmpp::pdus::{BindReceiverResp, BindTransceiverResp, BindTransmitterResp, DeliverSm, SubmitSmResp};
use rusmpp::types::COctetString;
use rusmpp::values::Ton;
use rusmpp::{CommandId, CommandStatus, Pdu};
use smpp::{Addresses, Concatenation, Frame, Frames, Part, compose};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// Octets read at a time.
const READ: usize = 16 * 1024;
/// Messages to the ESME that wait to be written.
const MAX_WAITING: usize = 256;
/// Messages to phones that nobody has looked at; a further one is refused.
const MAX_UNREAD: usize = 10_000;
/// Long messages of which parts are missing; with one more all are forgotten.
const MAX_PARTIAL: usize = 100;
/// How long a message is tried.
const VALIDITY: Duration = Duration::from_secs(60);
/// How long it waits after a failure.
const AGAIN: Duration = Duration::from_millis(200);

/// A phone in a recording: it has no address.
pub(crate) const PHONE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Who may bind.
#[derive(Debug, Clone)]
pub struct Esme {
    /// Its name.
    pub system_id: Box<str>,
    /// Its password.
    pub password: Box<str>,
    /// The number or short code that phones write to, and see as the sender.
    pub address: Box<str>,
}

/// A message to a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The phone's number, with `+`.
    pub to: String,
    /// The text.
    pub text: String,
}

/// Why a message of a phone did not arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotSent {
    /// No message is so long, or from such a number.
    Impossible,
    /// The ESME refuses it, by this status.
    Refused(CommandStatus),
    /// The ESME was not there, or could not take it, for as long as it was tried.
    TooLate,
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Impossible => f.write_str("no phone sends such a message"),
            Self::Refused(status) => write!(f, "the gateway refuses it: {status:?}"),
            Self::TooLate => f.write_str("nobody has taken it, or answered it, in time"),
        }
    }
}

/// A running SMS-C; dropped, it ends.
#[derive(Debug)]
pub struct Smsc {
    address: SocketAddr,
    shared: Arc<Shared>,
    received: tokio::sync::Mutex<mpsc::Receiver<Received>>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    esme: Esme,
    address: SocketAddr,
    /// The way to the session that is bound.
    bound: Mutex<Option<mpsc::Sender<Delivery>>>,
    unread: mpsc::Sender<Received>,
    reference: Mutex<u8>,
    recorder: Option<Recorder>,
}

/// A message on its way to the ESME.
#[derive(Debug)]
struct Delivery {
    sm: DeliverSm,
    answered: oneshot::Sender<CommandStatus>,
}

impl Smsc {
    /// Listens.
    ///
    /// # Errors
    /// When the address cannot be had.
    pub async fn start(address: SocketAddr, esme: Esme, recorder: Option<Recorder>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let (unread, received) = mpsc::channel(MAX_UNREAD);
        let (bound, reference) = (Mutex::new(None), Mutex::new(0));
        let shared = Arc::new(Shared { esme, address, bound, unread, reference, recorder });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, received: tokio::sync::Mutex::new(received), task })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The phone of this number sends a message, which is tried for a minute.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, from: &str, text: &str) -> Result<(), NotSent> {
        let reference = {
            let mut last = self.shared.reference.lock().unwrap_or_else(PoisonError::into_inner);
            *last = last.wrapping_add(1);
            *last
        };
        let number = |text: &str| COctetString::from_string(text.trim_start_matches('+').to_owned());
        let addresses = Addresses {
            from: number(from).map_err(|_| NotSent::Impossible)?,
            from_ton: if from.starts_with('+') { Ton::International } else { Ton::Unknown },
            to: number(&self.shared.esme.address).map_err(|_| NotSent::Impossible)?,
            to_ton: Ton::Unknown,
        };
        self.shared.record_phone(Direction::In, from, text);
        for part in compose(text, reference).map_err(|_| NotSent::Impossible)? {
            self.shared.deliver(part.deliver(&addresses)).await?;
        }
        Ok(())
    }

    /// Delivers exactly this, for tests of what no phone sends.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn deliver(&self, sm: DeliverSm) -> Result<(), NotSent> {
        self.shared.deliver(sm).await
    }

    /// The next message to any phone; dropping the future loses none.
    pub async fn next(&self) -> Received {
        match self.received.lock().await.recv().await {
            Some(received) => received,
            // The sender is ours.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Smsc {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn way(&self) -> Option<mpsc::Sender<Delivery>> {
        self.bound.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Until the ESME has it, or refuses it for good.
    #[expect(clippy::wildcard_enum_match_arm, reason = "each of the others says so for good")]
    async fn deliver(&self, sm: DeliverSm) -> Result<(), NotSent> {
        let until = Instant::now() + VALIDITY;
        while Instant::now() < until {
            let (answered, answer) = oneshot::channel();
            if let Some(way) = self.way()
                && way.send(Delivery { sm: sm.clone(), answered }).await.is_ok()
                && let Ok(Ok(status)) = timeout_at(until, answer).await
            {
                match status {
                    CommandStatus::EsmeRok => return Ok(()),
                    CommandStatus::EsmeRthrottled
                    | CommandStatus::EsmeRmsgqful
                    | CommandStatus::EsmeRxTAppn => {}
                    refused => return Err(NotSent::Refused(refused)),
                }
            }
            sleep(AGAIN).await;
        }
        Err(NotSent::TooLate)
    }

    /// What passes between a phone and us, which has no wire here.
    fn record_phone(&self, direction: Direction, phone: &str, text: &str) {
        if let Some(recorder) = &self.recorder {
            let ends = Ends { local: self.address, remote: SocketAddr::new(PHONE, 0) };
            recorder.record(direction, Channel::Sms, ends, format!("{phone} {text}").as_bytes());
            recorder.flush();
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        // One at a time: another ESME waits until the first has gone.
        if let Ok((stream, remote)) = listener.accept().await {
            let mut session = Session::new(stream, remote, &shared);
            session.run().await;
            *shared.bound.lock().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// One connection of an ESME.
struct Session<'a> {
    stream: TcpStream,
    remote: SocketAddr,
    shared: &'a Shared,
    frames: Frames,
    unsent: BytesMut,
    sequence: u32,
    /// Deliveries that have no answer.
    delivering: HashMap<u32, oneshot::Sender<CommandStatus>>,
    /// Long messages that are not whole.
    partial: HashMap<(String, Concatenation), BTreeMap<u8, Vec<u16>>>,
    is_bound: bool,
}

impl<'a> Session<'a> {
    fn new(stream: TcpStream, remote: SocketAddr, shared: &'a Shared) -> Self {
        Self {
            stream,
            remote,
            shared,
            frames: Frames::default(),
            unsent: BytesMut::new(),
            sequence: 0,
            delivering: HashMap::new(),
            partial: HashMap::new(),
            is_bound: false,
        }
    }

    async fn run(&mut self) {
        let (sender, mut deliveries) = mpsc::channel(MAX_WAITING);
        loop {
            self.frames.buffer().reserve(READ);
            let (mut reader, mut writer) = self.stream.split();
            tokio::select! {
                written = writer.write(&self.unsent), if !self.unsent.is_empty() => match written {
                    Ok(count) => self.unsent.advance(count),
                    Err(_) => return,
                },
                read = reader.read_buf(self.frames.buffer()) => {
                    if !matches!(read, Ok(1..)) {
                        return;
                    }
                    loop {
                        let frame = match self.frames.next_frame() {
                            Ok(Some(frame)) => frame,
                            Ok(None) => break,
                            Err(_) => return,
                        };
                        if !self.on_frame(frame) {
                            // What was written last still arrives.
                            let _ = self.stream.write_all_buf(&mut self.unsent).await;
                            return;
                        }
                    }
                    if self.is_bound {
                        let mut bound = self.shared.bound.lock().unwrap_or_else(PoisonError::into_inner);
                        bound.get_or_insert_with(|| sender.clone());
                    }
                }
                Some(Delivery { sm, answered }) = deliveries.recv() => {
                    self.sequence += 1;
                    self.delivering.insert(self.sequence, answered);
                    let before = self.unsent.len();
                    smpp::write(CommandStatus::EsmeRok, self.sequence, sm, &mut self.unsent);
                    self.record(Direction::Out, before);
                }
            }
        }
    }

    /// What was written behind this place.
    fn record(&self, direction: Direction, from: usize) {
        if let (Some(recorder), Some(octets)) = (&self.shared.recorder, self.unsent.get(from..)) {
            let ends = Ends { local: self.shared.address, remote: self.remote };
            recorder.record(direction, Channel::Smpp, ends, octets);
            recorder.flush();
        }
    }

    /// Whether the session goes on.
    fn on_frame(&mut self, Frame { id, status, sequence, pdu }: Frame) -> bool {
        match (id, pdu) {
            (
                CommandId::BindTransceiver | CommandId::BindReceiver | CommandId::BindTransmitter,
                Ok(Some(pdu)),
            ) => self.bind(sequence, &pdu),
            (CommandId::EnquireLink, _) => {
                self.answer(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp)
            }
            (CommandId::DeliverSmResp, _) => {
                if let Some(answered) = self.delivering.remove(&sequence) {
                    // Whoever waited may have given up.
                    let _ = answered.send(status);
                }
                true
            }
            (CommandId::SubmitSm, Ok(Some(pdu))) => {
                let status = Part::of(&pdu).map_or(CommandStatus::EsmeRsubmitfail, |part| self.take(part));
                self.answer(status, sequence, SubmitSmResp::default())
            }
            (CommandId::Unbind, _) => {
                self.answer(CommandStatus::EsmeRok, sequence, Pdu::UnbindResp);
                false
            }
            (CommandId::EnquireLinkResp | CommandId::UnbindResp | CommandId::GenericNack, _) => true,
            _ => self.answer(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack),
        }
    }

    fn answer(&mut self, status: CommandStatus, sequence: u32, pdu: impl Into<Pdu>) -> bool {
        smpp::write(status, sequence, pdu, &mut self.unsent);
        true
    }

    fn bind(&mut self, sequence: u32, pdu: &Pdu) -> bool {
        let Esme { system_id, password, .. } = &self.shared.esme;
        let status = |id: &str, word: &str| match (*id == **system_id, *word == **password) {
            (false, _) => CommandStatus::EsmeRinvsysid,
            (true, false) => CommandStatus::EsmeRinvpaswd,
            (true, true) => CommandStatus::EsmeRok,
        };
        let (status, answer): (_, Pdu) = if let Pdu::BindTransceiver(bind) = pdu {
            (status(bind.system_id.as_str(), bind.password.as_str()), BindTransceiverResp::default().into())
        } else if let Pdu::BindReceiver(bind) = pdu {
            (status(bind.system_id.as_str(), bind.password.as_str()), BindReceiverResp::default().into())
        } else {
            (CommandStatus::EsmeRbindfail, BindTransmitterResp::default().into())
        };
        self.is_bound = status == CommandStatus::EsmeRok;
        self.answer(status, sequence, answer);
        self.is_bound
    }

    /// A message to a phone, or a part of one.
    fn take(&mut self, part: Part) -> CommandStatus {
        let to = format!("+{}", part.to);
        let text = match part.concatenation {
            None => part.text,
            Some(of @ Concatenation { total, number, .. }) => {
                if self.partial.len() > MAX_PARTIAL {
                    self.partial.clear();
                }
                let key = (to.clone(), Concatenation { number: 0, ..of });
                let parts = self.partial.entry(key.clone()).or_default();
                parts.insert(number, part.text);
                if parts.len() < usize::from(total) {
                    return CommandStatus::EsmeRok;
                }
                self.partial.remove(&key).into_iter().flat_map(BTreeMap::into_values).flatten().collect()
            }
        };
        let text = String::from_utf16_lossy(&text);
        match self.shared.unread.try_send(Received { to, text }) {
            Ok(()) => CommandStatus::EsmeRok,
            Err(_) => CommandStatus::EsmeRmsgqful,
        }
    }
}
