//! The SIP of a recording, read.

use figure::Wire;
use sip_message::Message;
use std::collections::HashSet;
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

/// All SIP of a world, in order.
pub(crate) struct Tape(pub(crate) Vec<Seen>);

impl Tape {
    pub(crate) fn of(world: &World) -> Self {
        let mut before = HashSet::new();
        let mut seen = Vec::new();
        for recorded in world.recording().messages() {
            let Wire::Sip(bytes) = &recorded.wire else { continue };
            let message = Message::parse(bytes.clone()).expect("our nodes send SIP");
            let branch = message.branch().unwrap_or_default().to_owned();
            let status = message.status().map_or(0, |status| status.code());
            let identity = (recorded.from.clone(), recorded.to.clone(), branch, status);
            let fresh = before.insert((identity, message.cseq_method().to_owned()));
            let (at, from, to) = (recorded.at, recorded.from.clone(), recorded.to.clone());
            seen.push(Seen { at, from, to, message, fresh });
        }
        Self(seen)
    }

    /// What was sent, retransmissions left out, that fits.
    pub(crate) fn fresh(&self, fits: impl Fn(&Seen) -> bool) -> Vec<&Seen> {
        self.0.iter().filter(|seen| seen.fresh && fits(seen)).collect()
    }

    /// NOTIFYs that the presence server sent.
    pub(crate) fn notifies(&self) -> Vec<&Seen> {
        self.fresh(|seen| &*seen.from == "ps1" && seen.is_request("NOTIFY"))
    }

    /// Final statuses that a UE was sent for its requests of this method, in order.
    pub(crate) fn statuses(&self, ue: &str, method: &str) -> Vec<u16> {
        let fits = |seen: &Seen| &*seen.to == ue && seen.is_final() && seen.method() == method;
        self.fresh(fits).iter().map(|seen| seen.status()).collect()
    }
}
