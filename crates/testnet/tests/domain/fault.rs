//! Faults put in on purpose, around a node, so that its own code stays as it is.

use clock::{Mono, Now};
use ims_node::{Input, Output, Record, Transmit};
use sip_message::{HeaderName, Message, Response, StatusCode, Transport};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;
use testnet::NodeOutput;

/// Something wrong with every node that it applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Requests are never retransmitted: no timer E (RFC 3261 section 17.1.2.2).
    NoTimerE,
    /// After a restart the NOTIFYs of a dialog are numbered from 1 again.
    CseqResetOnRestart,
    /// A NOTIFY counts as answered as soon as it is sent, so that the next one may follow at once.
    SecondNotifyOutstanding,
    /// A P-CSCF's bindings are not in its journal, so that a restart loses them.
    LostBinding,
    /// What expires is never looked at: deadlines further off than any transaction's are not kept.
    ForgottenExpiry,
}

/// The longest that a transaction waits.
const TRANSACTION: Duration = Duration::from_secs(33);

/// The fault at work in one life of a node.
pub(crate) struct Spoilt {
    fault: Fault,
    restarted: bool,
    sent: HashSet<(SocketAddr, String)>,
    numbers: HashMap<(String, String), u32>,
    inputs: VecDeque<Input>,
}

impl Spoilt {
    pub(crate) fn new(fault: Fault) -> Self {
        let (sent, numbers) = (HashSet::new(), HashMap::new());
        Self { fault, restarted: false, sent, numbers, inputs: VecDeque::new() }
    }

    /// A life begins with these.
    pub(crate) fn restored(&mut self, records: &[Record]) {
        self.restarted = !records.is_empty();
    }

    /// What happens beside what really happens.
    pub(crate) fn input(&mut self) -> Option<Input> {
        self.inputs.pop_front()
    }

    /// When the node is woken.
    pub(crate) fn timeout(&self, now: Now, at: Option<Mono>) -> Option<Mono> {
        at.filter(|at| self.fault != Fault::ForgottenExpiry || *at <= now.mono + TRANSACTION)
    }

    /// What becomes of what it wants done.
    pub(crate) fn output(&mut self, output: NodeOutput) -> Option<NodeOutput> {
        match output {
            Output::Transmit(transmit) => self.transmit(transmit).map(Output::Transmit),
            Output::Persist { seq, mut record } => {
                if self.fault == Fault::LostBinding && record.key.starts_with(b"b ") {
                    record.value = None;
                }
                Some(Output::Persist { seq, record })
            }
            other => Some(other),
        }
    }

    fn transmit(&mut self, transmit: Transmit) -> Option<Transmit> {
        let message = Message::parse(transmit.bytes.clone()).expect("our nodes send SIP");
        if message.status().is_some() {
            return Some(transmit);
        }
        let is_own_notify = message.cseq_method() == "NOTIFY" && message.list(HeaderName::Via).count() == 1;
        match self.fault {
            Fault::NoTimerE => {
                let branch = message.branch().unwrap_or_default().to_owned();
                let is_first = self.sent.insert((transmit.flow.remote, branch));
                (is_first || transmit.flow.transport == Transport::Tcp).then_some(transmit)
            }
            Fault::CseqResetOnRestart if is_own_notify && self.restarted => {
                Some(self.renumbered(&message, &transmit))
            }
            Fault::SecondNotifyOutstanding if is_own_notify => {
                let bytes = Response::to(&message, StatusCode::OK, "early").to_bytes();
                self.inputs.push_back(Input::message(transmit.flow, bytes));
                Some(transmit)
            }
            Fault::CseqResetOnRestart
            | Fault::SecondNotifyOutstanding
            | Fault::LostBinding
            | Fault::ForgottenExpiry => Some(transmit),
        }
    }

    /// Numbers count from where the first one of this life would be 1.
    fn renumbered(&mut self, message: &Message, transmit: &Transmit) -> Transmit {
        let dialog = (message.call_id().to_owned(), message.from_tag().unwrap_or_default().to_owned());
        let first = *self.numbers.entry(dialog).or_insert_with(|| message.cseq());
        let line = |number| format!("{}: {number} NOTIFY\r\n", HeaderName::CSeq);
        let text = String::from_utf8_lossy(&transmit.bytes);
        let text = text.replacen(&line(message.cseq()), &line(message.cseq() - first + 1), 1);
        Transmit { bytes: text.into(), ..transmit.clone() }
    }
}
