//! The SIP of a recording, read.

use figure::Wire;
use sip_message::{HeaderName, Message};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;
use testnet::World;

/// One SIP message as it left its sender.
pub(crate) struct Seen {
    pub(crate) at: Duration,
    pub(crate) from: Box<str>,
    pub(crate) to: Box<str>,
    pub(crate) message: Message,
    /// Not sent before on this hop: no retransmission.
    pub(crate) fresh: bool,
}

impl Seen {
    /// The method, of a response too.
    pub(crate) fn method(&self) -> &str {
        self.message.cseq_method()
    }

    /// The status; 0 of a request.
    pub(crate) fn status(&self) -> u16 {
        self.message.status().map_or(0, |status| status.code())
    }

    pub(crate) fn is_request(&self, method: &str) -> bool {
        self.status() == 0 && self.method() == method
    }

    pub(crate) fn is_final(&self) -> bool {
        self.status() >= 200
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(self.message.bytes()).into_owned()
    }
}

/// The SIP of a world, in order.
#[derive(Default)]
pub(crate) struct Tape {
    /// All but the `reg` package, which goes on beside everything else.
    pub(crate) seen: Vec<Seen>,
    /// The `reg` package.
    pub(crate) reg: Vec<Seen>,
    reg_calls: HashSet<String>,
    /// Messages of the recording that were read, Cx among them.
    read: usize,
    before: HashSet<u64>,
}

impl Tape {
    pub(crate) fn of(world: &World) -> Self {
        let mut tape = Self::default();
        tape.read(world);
        tape
    }

    /// The `reg` package alone.
    pub(crate) fn reg(world: &World) -> Self {
        let mut tape = Self::of(world);
        tape.seen = std::mem::take(&mut tape.reg);
        tape
    }

    /// Everything, in order.
    pub(crate) fn whole(&self) -> impl Iterator<Item = &Seen> {
        let mut whole: Vec<&Seen> = self.seen.iter().chain(&self.reg).collect();
        whole.sort_by_key(|seen| seen.at);
        whole.into_iter()
    }

    /// Reads what was sent since the last time.
    pub(crate) fn read(&mut self, world: &World) {
        for recorded in &world.messages()[self.read..] {
            self.read += 1;
            let Wire::Sip(bytes) = &recorded.wire else { continue };
            let message = Message::parse(bytes.clone()).expect("our nodes send SIP");
            let mut hasher = DefaultHasher::new();
            let status = message.status().map_or(0, |status| status.code());
            (&recorded.from, &recorded.to, message.branch(), status, message.cseq_method()).hash(&mut hasher);
            let fresh = self.before.insert(hasher.finish());
            let (at, from, to) = (recorded.at, recorded.from.clone(), recorded.to.clone());
            // Its requests name the package, its answers do not.
            if message.value(HeaderName::Event) == Some("reg") {
                self.reg_calls.insert(message.call_id().to_owned());
            }
            let is_reg = self.reg_calls.contains(message.call_id());
            let seen = if is_reg { &mut self.reg } else { &mut self.seen };
            seen.push(Seen { at, from, to, message, fresh });
        }
    }

    /// What was sent, retransmissions left out, that fits.
    pub(crate) fn fresh(&self, fits: impl Fn(&Seen) -> bool) -> Vec<&Seen> {
        self.seen.iter().filter(|seen| seen.fresh && fits(seen)).collect()
    }

    /// NOTIFYs that the presence server sent, each once, however many addresses of the next hop it was sent to.
    pub(crate) fn notifies(&self) -> Vec<&Seen> {
        let mut notifies = self.fresh(|seen| seen.from.starts_with("ps") && seen.is_request("NOTIFY"));
        let mut before = HashSet::new();
        notifies.retain(|seen| {
            before.insert((seen.message.call_id(), seen.message.from_tag(), seen.message.cseq()))
        });
        notifies
    }

    /// Final statuses that a UE was sent for its requests of this method, in order.
    pub(crate) fn statuses(&self, ue: &str, method: &str) -> Vec<u16> {
        let fits = |seen: &Seen| &*seen.to == ue && seen.is_final() && seen.method() == method;
        self.fresh(fits).iter().map(|seen| seen.status()).collect()
    }

    /// One line a message, for whoever looks for a fault.
    pub(crate) fn show(&self) -> String {
        let line = |seen: &Seen| {
            let (at, from, to) = (seen.at.as_secs_f64(), &seen.from, &seen.to);
            let (m, again) = (&seen.message, if seen.fresh { "" } else { " (again)" });
            let (status, cseq, call_id) =
                (seen.status(), m.value(HeaderName::CSeq).unwrap_or_default(), m.call_id());
            let via = m.top_via().and_then(|via| via.split(' ').next()).unwrap_or_default();
            format!("{at:>10.3} {from:>8} -> {to:8} {status:3} {cseq:12} {call_id:.6} {via}{again}\n")
        };
        self.seen.iter().map(line).collect()
    }
}
