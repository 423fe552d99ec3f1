//! A session with an SMS-C that does as each test says, in virtual time.

mod incoming;
mod life;
mod outgoing;

use super::*;
use bytes::BytesMut;
use clock::Wall;
use ims_runtime::node::{Inquiries, Inquiry, inquiries};
use rusmpp::pdus::{BindTransceiverResp, DataSm, DeliverSm, SubmitSmResp};
use rusmpp::tlvs::MessageSubmissionRequestTlvValue as Tlv;
use rusmpp::types::{AnyOctetString, COctetString, OctetString};
use rusmpp::values::{EsmClass, MessagePayload, MessageType, Ton};
use smpp::{Frame, Part};
use sms_gateway::{Delivery, GatewaySettings, Msisdn, NotTaken, NumberForm, ShortMessage};
use std::sync::Arc;
use tokio::io::{DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Longer than everything that is waited for here.
const LONG: Duration = Duration::from_secs(3600);
const ENQUIRE: Duration = Duration::from_secs(30);

/// The SMS-C's end.
struct Peer {
    stream: DuplexStream,
    frames: Frames,
}

impl Peer {
    /// The next PDU of the gateway; nothing when it has closed the connection.
    async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.next_frame().unwrap() {
                return Some(frame);
            }
            if timeout(LONG, self.stream.read_buf(self.frames.buffer())).await.unwrap().ok()? == 0 {
                return None;
            }
        }
    }

    async fn next(&mut self, id: CommandId) -> Frame {
        let frame = self.frame().await.unwrap();
        assert_eq!(frame.id, id);
        frame
    }

    async fn says(&mut self, status: CommandStatus, sequence: u32, pdu: impl Into<Pdu>) {
        let mut octets = BytesMut::new();
        smpp::write(status, sequence, pdu, &mut octets);
        self.stream.write_all(&octets).await.unwrap();
    }

    /// A PDU that nobody should send.
    async fn says_octets(&mut self, length: u32, id: u32, sequence: u32, body: &[u8]) {
        let words = [length, id, 0, sequence].map(u32::to_be_bytes).concat();
        self.stream.write_all(&[&words, body].concat()).await.unwrap();
    }

    /// What a message that the gateway submits says, and its number.
    async fn submitted(&mut self) -> (u32, String) {
        let Frame { sequence, pdu, .. } = self.next(CommandId::SubmitSm).await;
        let part = Part::of(&pdu.unwrap().unwrap()).unwrap();
        (sequence, String::from_utf16(&part.text).unwrap())
    }
}

/// The gateway's end, and what it was asked that no test has looked at yet.
struct Gateway(Inquiries<Ask, Told>, Vec<Inquiry<Ask, Told>>);

impl Gateway {
    /// The next question of this kind; those of different kinds may come in any order.
    async fn asked(&mut self, is_it: impl Fn(&Ask) -> bool) -> Inquiry<Ask, Told> {
        if let Some(place) = self.1.iter().position(|inquiry| is_it(&inquiry.ask)) {
            return self.1.remove(place);
        }
        loop {
            let inquiry = timeout(LONG, self.0.next()).await.unwrap();
            if is_it(&inquiry.ask) {
                return inquiry;
            }
            self.1.push(inquiry);
        }
    }

    /// The next message of a user: what it says, and whom to tell what becomes of it.
    async fn update(&mut self) -> (String, oneshot::Sender<Told>) {
        let Inquiry { ask, answer } = self.asked(|ask| matches!(ask, Ask::Update(_))).await;
        let Ask::Update(update) = ask else { unreachable!("it was looked for") };
        (String::from_utf16(&update.text).unwrap(), answer)
    }

    /// Somebody takes messages to users away, and is given these.
    async fn gives(&mut self, first: Ask, messages: &[(u64, &str)]) {
        let Inquiry { answer, .. } = self.asked(|ask| *ask == first).await;
        let messages = messages.iter().map(|(number, text)| (*number, message(text))).collect();
        answer.send(Told::ToSend(messages)).unwrap();
    }

    async fn is_told(&mut self, of: &[(u64, Delivery)]) {
        let Inquiry { ask, answer } = self.asked(|ask| matches!(ask, Ask::Sent(_))).await;
        let Ask::Sent(mut sent) = ask else { unreachable!("it was looked for") };
        sent.sort_unstable_by_key(|(number, _)| *number);
        assert_eq!(sent, of);
        answer.send(Told::Taken).unwrap();
    }
}

fn message(text: &str) -> ShortMessage {
    let settings = GatewaySettings::new("gateway1.home1.test");
    let to = Msisdn::read("+15550106", NumberForm::International, &settings.numbers).unwrap();
    ShortMessage::new(to, text, Wall::from_unix_millis(0))
}

fn number(text: &str) -> COctetString<1, 21> {
    COctetString::from_string(text.to_owned()).unwrap()
}

fn smsc() -> Smsc {
    Smsc { enquire_link: ENQUIRE, window: 2, ..Smsc::of_tests("127.0.0.1:2775".parse().unwrap()) }
}

/// A connection to an SMS-C, of a gateway that has as many as it is told.
struct Scene {
    asker: Asker<Ask, Told>,
    outgoing: Arc<Mutex<()>>,
    gateway: Gateway,
}

impl Scene {
    fn new() -> Self {
        let (asker, inquiries) = inquiries();
        Self { asker, outgoing: Arc::default(), gateway: Gateway(inquiries, Vec::new()) }
    }

    fn connect(&self) -> (Peer, JoinHandle<Ended>) {
        let (ours, theirs) = duplex(1024 * 1024);
        let (asker, outgoing) = (self.asker.clone(), Arc::clone(&self.outgoing));
        let halves: (ReadHalf<_>, WriteHalf<_>) = split(ours);
        let task = tokio::spawn(async move { Session::new(halves, &smsc(), &asker, &outgoing).run().await });
        (Peer { stream: theirs, frames: Frames::default() }, task)
    }

    async fn bound(&self) -> (Peer, JoinHandle<Ended>) {
        let (mut peer, task) = self.connect();
        let Frame { sequence, .. } = peer.next(CommandId::BindTransceiver).await;
        peer.says(CommandStatus::EsmeRok, sequence, BindTransceiverResp::default()).await;
        (peer, task)
    }

    /// Bound, and the gateway has nothing to send: whom it would have to tell.
    async fn quiet(&mut self) -> (Peer, JoinHandle<Ended>, Inquiry<Ask, Told>) {
        let (peer, task) = self.bound().await;
        let collecting = self.gateway.asked(|ask| *ask == Ask::Collect).await;
        (peer, task, collecting)
    }
}

fn of_frank(text: &str) -> rusmpp::pdus::builders::DeliverSmBuilder {
    DeliverSm::builder()
        .source_addr_ton(Ton::International)
        .source_addr(number("15550106"))
        .destination_addr(number("7737"))
        .short_message(OctetString::from_slice(text.as_bytes()).unwrap())
}
