//! Requests that come once more in another transaction.
//!
//! A node whose next hop seems silent tries another way to it, and a node under load forgets finished transactions before
//! their Timer J: the request arrives again as a new one, though it was taken and only the answer lost. If both copies were
//! served, the first copy of a PUBLISH would leave a publication whose entity-tag its sender never heard, and the first copy
//! of a SUBSCRIBE a subscription that its watcher does not know. RFC 3261 section 8.2.2.2 would have the second copy refused
//! with 482; here the second copy gets the answer of the first, because the sender may hear no other answer.
//!
//! What was made by a request knows that request, also after a restart: a publication by the [`Ask`] of the last PUBLISH that
//! it took, a subscription by its number, which follows from its ask ([`WatchKey`]). In memory every PUBLISH is remembered,
//! those before the last one and those that ended a publication too ([`Answered`]). All of it counts for Timer J from when it
//! was taken: what comes later is no repeat, and a sender that never counts its CSeq up begins anew.

use crate::identity::Sender;
use crate::view::digest;
use crate::watch::WatchId;
use clock::{Mono, Now, Wall};
use sip_event::Granted;
use sip_message::{HeaderName, Message};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// As long as its transaction lasts a request may come on another way.
pub(crate) const TIMER_J: Duration = Duration::from_secs(32);

/// Whether what was granted for so long, and ends then, was granted within Timer J.
pub(crate) fn is_recent(now: Now, granted: Granted, ends: Wall) -> bool {
    let left = ends.saturating_since(now.wall);
    Duration::from_secs(granted.seconds().into()).saturating_sub(left) < TIMER_J
}

/// PUBLISHes that are remembered; above it the oldest are forgotten, and a repeat of one is taken for a new one.
const MAX_ANSWERED: usize = 50_000;

/// One request, whatever way it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Ask(u64);

impl Ask {
    /// Sender and presentity are those that were checked: nobody is given what another one asked for. What it is for counts
    /// too, because not every sender counts its CSeq up.
    pub(crate) fn new(request: &Message, sender: &Sender, presentity: &str) -> Self {
        let tag = request.from_tag().unwrap_or_default();
        let (call_id, cseq, method) = (request.call_id(), request.cseq(), request.cseq_method());
        let if_match = request.value(HeaderName::SipIfMatch).unwrap_or_default();
        let expires = request.expires();
        let (event, contact) = (request.value(HeaderName::Event), request.value(HeaderName::Contact));
        let about = format!("{event:?} {contact:?} {if_match} {expires:?}");
        let sender = sender.identities();
        let ask = format!("{method} {presentity} {sender} {call_id} {tag} {cseq} {about} ");
        Self(digest(&[ask.as_bytes(), &request.body()].concat()).max(1))
    }

    /// As it is kept; never zero.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

/// Makes the numbers of subscriptions, which are the tags of their dialogs: the same for the same request, and not to be
/// guessed by anybody else.
#[derive(Debug, Clone)]
pub(crate) struct WatchKey([u8; 32]);

impl WatchKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(crate) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn id(&self, ask: Ask) -> WatchId {
        WatchId(digest(&[&self.0[..], &ask.0.to_be_bytes()].concat()))
    }
}

/// The PUBLISHes that were taken within Timer J, with the entity-tags that their senders were told.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    known: HashMap<Ask, Box<str>>,
    in_order: VecDeque<(Mono, Ask)>,
}

impl Answered {
    /// What the request was told when it came before.
    pub(crate) fn given(&mut self, now: Now, ask: Ask) -> Option<&str> {
        self.forget_old(now);
        self.known.get(&ask).map(|tag| &**tag)
    }

    pub(crate) fn note(&mut self, now: Now, ask: Ask, tag: &str) {
        if self.known.insert(ask, tag.into()).is_none() {
            self.in_order.push_back((now.mono + TIMER_J, ask));
        }
        self.forget_old(now);
    }

    fn forget_old(&mut self, now: Now) {
        while let Some((until, ask)) = self.in_order.front()
            && (*until <= now.mono || self.in_order.len() > MAX_ANSWERED)
        {
            self.known.remove(ask);
            self.in_order.pop_front();
        }
    }
}
