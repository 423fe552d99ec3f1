//! Requests that came on two ways.
//!
//! A node whose next hop seems silent tries another way to it: the request arrives again, in another transaction, though
//! the first one was taken and only the answer lost. Dealt with twice, a PUBLISH would leave a publication that nobody
//! can take back, and a SUBSCRIBE a subscription that nobody knows. RFC 3261 section 8.2.2.2 would have the second one
//! refused with 482; here it is given the answer of the first, because the sender may hear no other.

use crate::identity::Sender;
use crate::view::digest;
use crate::watch::WatchId;
use clock::{Mono, Now};
use sip_event::Granted;
use sip_message::{HeaderName, Message};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Timer J: as long as its transaction lasts a request may come on another way.
const TIMER_J: Duration = Duration::from_secs(32);

/// Requests that are remembered; above it the oldest are forgotten, and may be taken twice.
const MAX_LATELY: usize = 50_000;

/// What a request was given.
#[derive(Debug, Clone)]
pub(crate) enum Given {
    /// A subscription.
    Subscription(WatchId, Granted),
    /// A publication, by its entity-tag.
    Publication(Box<str>, Granted),
}

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
        Self(digest(&[ask.as_bytes(), &request.body()].concat()))
    }
}

/// The requests that were taken within Timer J. Another process than the one that took a request knows nothing of it,
/// as it knows nothing of its transaction.
#[derive(Debug, Default)]
pub(crate) struct Lately {
    known: HashMap<Ask, Given>,
    in_order: VecDeque<(Mono, Ask)>,
}

impl Lately {
    /// What the request was given when it came on another way; its repeats on the same way do not come so far.
    pub(crate) fn given(&mut self, now: Now, ask: Ask) -> Option<Given> {
        self.forget_old(now);
        self.known.get(&ask).cloned()
    }

    pub(crate) fn note(&mut self, now: Now, ask: Ask, given: Given) {
        if self.known.insert(ask, given).is_none() {
            self.in_order.push_back((now.mono + TIMER_J, ask));
        }
    }

    fn forget_old(&mut self, now: Now) {
        while let Some((until, ask)) = self.in_order.front()
            && (*until <= now.mono || self.in_order.len() > MAX_LATELY)
        {
            self.known.remove(ask);
            self.in_order.pop_front();
        }
    }
}
