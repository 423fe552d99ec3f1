//! What a node leaves out when it has more to do than it can: new requests first, then what belongs to something that is
//! there already, NOTIFY only when there is no room at all. Responses are never left out: they end work.
//!
//! Whoever asks for little is served all the same while the node is only behind and has room ([`crate::shares`]), so that one
//! source of requests does not starve the others.
//!
//! How hard-pressed it is follows from how full its tables are and from how long it has not seen the end of what came in
//! ([`crate::Input::Behind`]). It is let up step by step, so that it does not flap.

use crate::cause::NodeCause;
use crate::decision::Refusal;
use crate::inbound::is_in_dialog;
use crate::input::Flow;
use crate::node::Node;
use crate::output::{Event, Output};
use crate::role::Role;
use clock::{Mono, Now};
use sip_message::{Credentials, Message, Method, Transport};
use std::time::Duration;

/// How hard-pressed a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Pressure {
    /// Everything is taken.
    #[default]
    None,
    /// New requests are shed.
    High,
    /// Everything but NOTIFY is shed.
    Extreme,
}

/// What is lost with a request, least first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    /// A wish: initial SUBSCRIBE, first REGISTER, MESSAGE, OPTIONS.
    New,
    /// Something that is there already: a request in a dialog, a PUBLISH, a REGISTER that answers a challenge or refreshes.
    Known,
    /// News for somebody who waits for it.
    Notify,
}

impl Class {
    pub(crate) fn of(request: &Message) -> Self {
        let in_dialog = is_in_dialog(request);
        match request.method() {
            Some(Method::Notify) if in_dialog => Self::Notify,
            Some(Method::Publish) => Self::Known,
            Some(Method::Register) if has_nonce(request) => Self::Known,
            _ if in_dialog => Self::Known,
            _ => Self::New,
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// Whether a REGISTER was sent by somebody who has been challenged before.
fn has_nonce(request: &Message) -> bool {
    Credentials::all(request).any(|credentials| !credentials.nonce.is_empty())
}

impl Pressure {
    pub(crate) fn sheds(self, class: Class) -> bool {
        match self {
            Self::None => false,
            Self::High => class == Class::New,
            Self::Extreme => class != Class::Notify,
        }
    }
}

/// Shares of a table's bound, in percent, from which on the pressure is high and extreme.
const FULL: [usize; 2] = [75, 90];

/// Times without an end of what comes in from which on it is high and extreme. From T1 on, clients repeat what has not been
/// read yet.
const BEHIND: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// The pressure goes down only when the fullest table holds so many percent less than what made it rise: a table at the very
/// mark would otherwise change it with every request.
const SLACK: usize = 10;

/// How long the node must have been less hard-pressed before the pressure goes down by one step.
pub(crate) const CALM: Duration = Duration::from_secs(1);

/// How hard-pressed a node is, and what it has shed.
#[derive(Debug, Default)]
pub(crate) struct Overload {
    pressure: Pressure,
    /// When the present pressure was last called for.
    called_for: Mono,
    /// Since when there has been any.
    since: Mono,
    behind: Duration,
    shed: [u64; 3],
}

impl Overload {
    pub(crate) const fn pressure(&self) -> Pressure {
        self.pressure
    }

    pub(crate) const fn tell_behind(&mut self, behind: Duration) {
        self.behind = behind;
    }

    /// Looks at the state of affairs; `Some` when the pressure has changed. `full` is the share of its bound that the
    /// fullest table holds, in percent.
    pub(crate) fn assess(&mut self, now: Mono, full: usize) -> Option<Pressure> {
        let before = self.pressure;
        let risen = step(full, self.behind);
        if risen > before {
            self.pressure = risen;
            if before == Pressure::None {
                self.since = now;
            }
        }
        if risen >= before || step(full + SLACK, self.behind) >= before {
            self.called_for = now;
        } else if now >= self.called_for + CALM {
            self.pressure = if before == Pressure::Extreme { Pressure::High } else { Pressure::None };
            self.called_for = now;
        }
        Some(self.pressure).filter(|pressure| *pressure != before)
    }

    /// How long there has been pressure without a break.
    fn lasted(&self, now: Mono) -> Duration {
        if self.pressure == Pressure::None { Duration::ZERO } else { now.saturating_since(self.since) }
    }

    /// When to look again if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        (self.pressure > Pressure::None).then(|| self.called_for + CALM)
    }

    pub(crate) fn count(&mut self, class: Class) {
        if let Some(count) = self.shed.get_mut(class.index()) {
            *count += 1;
        }
    }

    /// What was shed, by class.
    pub(crate) const fn shed(&self) -> [(&'static str, u64); 3] {
        let [new, known, notify] = self.shed;
        [("shed_new", new), ("shed_known", known), ("shed_notify", notify)]
    }
}

/// The longest time after which whoever is turned away may come again, in seconds.
const LONGEST_PAUSE_S: u32 = 20;

impl<R: Role> Node<R> {
    pub(crate) fn assess(&mut self, now: Now) {
        let full = self.fullness();
        if let Some(pressure) = self.overload.assess(now.mono, full) {
            self.push(Output::Log(Event::Pressure(pressure)));
        }
    }

    /// Whether this request is left out. A repeat of one that was taken is not: it has its answer, or will have it.
    pub(crate) fn is_shed(&mut self, now: Now, flow: Flow, request: &Message) -> bool {
        self.assess(now);
        let pressure = self.overload.pressure();
        pressure > Pressure::None
            && pressure.sheds(Class::of(request))
            && !self.transactions.is_known(request)
            && (self.is_full() || !self.shares.take(now.mono, flow.remote))
    }

    /// Whether what comes on this flow is not even looked at: of a flood, beyond what is answered. A peer is always heard,
    /// and so is whoever has a connection of its own, or answers.
    pub(crate) fn is_drowned(&mut self, now: Now, flow: Flow, bytes: &[u8]) -> bool {
        let is_drowned = !bytes.starts_with(b"SIP/2.0 ")
            && self.overload.pressure() > Pressure::None
            && flow.transport == Transport::Udp
            && self.shares.is_deaf(now.mono, flow.remote)
            && !self.settings.is_peer(flow.remote.ip());
        if is_drowned {
            self.counters.dropped(NodeCause::SourceTooBusy);
        }
        is_drowned
    }

    /// Whether the tables are what is too full: there is no more room, however fairly it is shared.
    fn is_full(&self) -> bool {
        FULL.first().is_some_and(|high| self.fullness() >= *high)
    }

    /// Answers 503 and keeps nothing. There is no log line for each: they would be part of the load.
    pub(crate) fn shed(&mut self, now: Now, flow: Flow, request: &Message) {
        self.overload.count(Class::of(request));
        let refusal = Refusal::unavailable(NodeCause::Overloaded, self.pause(now));
        self.transmit_stateless(flow, request, &refusal);
    }

    /// A value for Retry-After, in seconds: as long as the pressure has lasted so far, up to twice that. A burst is over
    /// soon, and what has lasted will last; each comes back at another time, so that they do not all come at once.
    pub(crate) fn pause(&mut self, now: Now) -> u32 {
        let lasted = self.overload.lasted(now.mono).as_secs();
        let first = u32::try_from(lasted).unwrap_or(u32::MAX).clamp(1, LONGEST_PAUSE_S / 2);
        let spread = self.fx.random.bits() % (u64::from(first) + 1);
        first + u32::try_from(spread).unwrap_or_default()
    }
}

fn step(full: usize, behind: Duration) -> Pressure {
    let [high, extreme] = [0, 1].map(|at| {
        FULL.get(at).is_some_and(|share| full >= *share) || BEHIND.get(at).is_some_and(|time| behind >= *time)
    });
    match (high, extreme) {
        (_, true) => Pressure::Extreme,
        (true, false) => Pressure::High,
        (false, false) => Pressure::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::at(Duration::from_millis(ms))
    }

    fn request(method: &str, to: &str, headers: &str) -> Message {
        let text = format!(
            "{method} sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:b>;tag=1\r\nTo: <sip:a>{to}\r\n\
             Call-ID: c\r\nCSeq: 1 {method}\r\n{headers}\r\n"
        );
        Message::parse(text.into()).unwrap()
    }

    #[test]
    fn what_is_shed_at_which_pressure() {
        let challenged = "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"n\", uri=\"sip:a\", response=\"x\"\r\n";
        let named =
            "Authorization: Digest username=\"a\", realm=\"r\", nonce=\"\", uri=\"sip:a\", response=\"\"\r\n";
        let rows = [
            ("SUBSCRIBE", "", "", [false, true, true]),
            ("SUBSCRIBE", ";tag=2", "", [false, false, true]),
            ("REGISTER", "", "", [false, true, true]),
            ("REGISTER", "", named, [false, true, true]),
            ("REGISTER", "", challenged, [false, false, true]),
            ("PUBLISH", "", "", [false, false, true]),
            ("MESSAGE", "", "", [false, true, true]),
            ("MESSAGE", ";tag=2", "", [false, true, true]),
            ("OPTIONS", "", "", [false, true, true]),
            ("OPTIONS", ";tag=2", "", [false, true, true]),
            ("REGISTER", ";tag=2", "", [false, true, true]),
            ("NOTIFY", ";tag=2", "", [false, false, false]),
            ("NOTIFY", "", "", [false, true, true]),
        ];
        for (method, to, headers, expected) in rows {
            let class = Class::of(&request(method, to, headers));
            let shed = [Pressure::None, Pressure::High, Pressure::Extreme].map(|p| p.sheds(class));
            assert_eq!(shed, expected, "{method} {to} {headers}");
        }
    }

    #[test]
    fn the_pressure_rises_at_once_and_falls_step_by_step() {
        let ms = Duration::from_millis;
        // When, how full, how far behind; what it changes to.
        let course: [(u64, usize, u64, Option<Pressure>); 16] = [
            (0, 74, 499, None),
            (1, 75, 0, Some(Pressure::High)),
            (2, 75, 0, None),
            (500, 66, 0, None),  // within the slack
            (1499, 64, 0, None), // below it, but not for long enough
            (1500, 64, 0, Some(Pressure::None)),
            (1501, 64, 0, None),
            (2000, 0, 2000, Some(Pressure::Extreme)),
            (2001, 0, 0, None),
            (2999, 0, 0, None),
            (3000, 0, 0, Some(Pressure::High)),
            (3999, 0, 500, None), // called for again
            (4998, 0, 0, None),
            (4999, 0, 0, Some(Pressure::None)),
            (5000, 90, 0, Some(Pressure::Extreme)),
            (60_000, 0, 0, Some(Pressure::High)), // nothing came for long
        ];
        let mut overload = Overload::default();
        for (time, full, behind, expected) in course {
            overload.tell_behind(ms(behind));
            assert_eq!(overload.assess(at(time), full), expected, "at {time}");
        }
    }

    #[test]
    fn it_looks_again_for_as_long_as_it_sheds() {
        let mut overload = Overload::default();
        assert_eq!(overload.deadline(), None);
        overload.assess(at(0), 100);
        let mut steps = Vec::new();
        while let Some(at) = overload.deadline() {
            steps.extend(overload.assess(at, 0));
        }
        assert_eq!(steps, [Pressure::High, Pressure::None]);
    }
}
