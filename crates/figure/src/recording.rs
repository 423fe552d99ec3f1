//! What crossed the wires, and the arrows in it.

use crate::arrow::{Arrow, Label, SHORT_MESSAGE, cx_label, sip_label};
use crate::naming::Naming;
use bytes::Bytes;
use cx_protocol::{Command, Frame, FrameKind};
use sip_message::{Event, HeaderName, Message};
use std::collections::HashSet;
use std::time::Duration;

/// One message as it left its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// When, since any start that all records of a recording share.
    pub at: Duration,
    /// Name of the sending node.
    pub from: Box<str>,
    /// Name of the receiving node.
    pub to: Box<str>,
    /// The message.
    pub wire: Wire,
}

/// A message, by the protocol it is written in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wire {
    /// SIP: the whole message.
    Sip(Bytes),
    /// Cx: what its frame's head says.
    Cx {
        /// The command; hello and watchdog too, if they were recorded.
        command: Command,
        /// A request, not an answer.
        is_request: bool,
        /// Joins an answer to its request on this hop.
        hop_by_hop: u32,
    },
    /// A short message, with the words by which the figure calls its carriage (`SMS text`, `SMPP deliver_sm`).
    ShortMessage(&'static str),
}

impl Wire {
    /// A frame of the Cx protocol; `None` for a command that it does not have.
    #[must_use]
    pub fn cx(frame: &Frame) -> Option<Self> {
        let command = Command::from_code(frame.command)?;
        let is_request = frame.kind == FrameKind::Request;
        Some(Self::Cx { command, is_request, hop_by_hop: frame.hop_by_hop })
    }
}

/// Which messages of a recording a figure is about.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    /// SIP messages of these Call-IDs.
    pub call_ids: &'a [&'a str],
    /// Nothing sent before; a later NOTIFY of a subscription is a figure of its own.
    pub since: Duration,
    /// Nothing sent at this time or after it. Cx requests and short messages belong to whatever is going on, so nothing
    /// else may go on between the two times.
    pub until: Duration,
}

impl<'a> Selection<'a> {
    /// Everything of these Call-IDs, whenever it was sent.
    #[must_use]
    pub const fn of(call_ids: &'a [&'a str]) -> Self {
        Self { call_ids, since: Duration::ZERO, until: Duration::MAX }
    }

    /// The same from this time on.
    #[must_use]
    pub const fn since(mut self, since: Duration) -> Self {
        self.since = since;
        self
    }

    /// The same up to this time.
    #[must_use]
    pub const fn until(mut self, until: Duration) -> Self {
        self.until = until;
        self
    }

    fn holds(&self, at: Duration) -> bool {
        self.since <= at && at < self.until
    }
}

/// Messages in the order in which they were sent.
///
/// Grows with what is put in; whoever records decides for how long.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    messages: Vec<Recorded>,
}

impl Recording {
    /// Puts messages in order of time; of two at one time the first given stays first.
    #[must_use]
    pub fn new(mut messages: Vec<Recorded>) -> Self {
        messages.sort_by_key(|message| message.at);
        Self { messages }
    }

    /// The messages, in order.
    #[must_use]
    pub fn messages(&self) -> &[Recorded] {
        &self.messages
    }

    /// The Call-IDs of the requests of this method, in the order of their first appearance. The `reg` package, by which
    /// registrations are watched beside everything else, is left out: no figure draws it.
    #[must_use]
    pub fn call_ids(&self, method: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for message in self.messages.iter().filter_map(sip) {
            let fits = message.status().is_none() && message.cseq_method() == method && !is_of_reg(&message);
            if fits && !found.iter().any(|known| known == message.call_id()) {
                found.push(message.call_id().to_owned());
            }
        }
        found
    }

    /// The arrows of a selection, in order. Retransmissions have none: a message with the branch, method and direction
    /// of an earlier one on the same hop, also where the earlier one was sent before the selection begins.
    #[must_use]
    pub fn arrows(&self, selection: &Selection<'_>, naming: &Naming) -> Vec<Arrow> {
        let mut seen = HashSet::new();
        let fresh = self.messages.iter().filter_map(|recorded| {
            let label = label(recorded, selection)?;
            (seen.insert(identity(recorded)) && selection.holds(recorded.at)).then_some((recorded, label))
        });
        fresh.map(|(recorded, label)| arrow(recorded, label, naming)).collect()
    }
}

fn is_of_reg(message: &Message) -> bool {
    let event = message.value(HeaderName::Event).and_then(Event::parse);
    event.is_some_and(|event| event.package == "reg")
}

fn arrow(recorded: &Recorded, (name, wire): Label, naming: &Naming) -> Arrow {
    Arrow {
        from: naming.name(&recorded.from).into(),
        to: naming.name(&recorded.to).into(),
        name: name.into(),
        wire,
    }
}

fn sip(recorded: &Recorded) -> Option<Message> {
    match &recorded.wire {
        Wire::Sip(bytes) => Message::parse(bytes.clone()).ok(),
        Wire::Cx { .. } | Wire::ShortMessage(_) => None,
    }
}

fn label(recorded: &Recorded, selection: &Selection<'_>) -> Option<Label> {
    match &recorded.wire {
        Wire::Sip(_) => {
            let message = sip(recorded)?;
            selection.call_ids.contains(&message.call_id()).then(|| sip_label(&message))?
        }
        Wire::Cx { command, is_request, .. } => cx_label(*command, *is_request),
        Wire::ShortMessage(carriage) => Some((SHORT_MESSAGE, (*carriage).into())),
    }
}

/// What two messages share where the second one repeats the first.
type Identity<'a> = (&'a str, &'a str, Option<String>, bool, Duration);

fn identity(recorded: &Recorded) -> Identity<'_> {
    let (from, to) = (&*recorded.from, &*recorded.to);
    match &recorded.wire {
        Wire::Sip(_) => {
            let message = sip(recorded);
            let is_response = message.as_ref().is_some_and(|m| m.status().is_some());
            let transaction =
                message.map(|m| format!("{} {}", m.branch().unwrap_or_default(), m.cseq_method()));
            (from, to, transaction, is_response, Duration::ZERO)
        }
        // A reliable transport repeats nothing.
        Wire::Cx { hop_by_hop, is_request, .. } => {
            (from, to, Some(hop_by_hop.to_string()), *is_request, recorded.at)
        }
        Wire::ShortMessage(_) => (from, to, None, false, recorded.at),
    }
}
