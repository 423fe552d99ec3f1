//! PUBLISHes that were answered recently, by their [`sip_event::RequestFingerprint`]: every one, those before the last one of a
//! publication and those that ended a publication too.

use clock::{Mono, Now};
use sip_event::RequestFingerprint;
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// PUBLISHes that are remembered; above it the oldest are forgotten, and a repeat of one is taken for a new one.
const MAX_ANSWERED: usize = 50_000;

/// The PUBLISHes that were taken within Timer J, with the entity-tags that their senders were told.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    known: HashMap<RequestFingerprint, Box<str>>,
    in_order: VecDeque<(Mono, RequestFingerprint)>,
}

impl Answered {
    /// The entity-tag that this PUBLISH was given when it came before.
    pub(crate) fn entity_tag_of(&mut self, now: Now, request: RequestFingerprint) -> Option<&str> {
        self.forget_old(now);
        self.known.get(&request).map(|tag| &**tag)
    }

    /// Remembers the entity-tag that this PUBLISH was given, for as long as the same PUBLISH may come a second time.
    pub(crate) fn note(&mut self, now: Now, request: RequestFingerprint, tag: &str, timer_j: Duration) {
        if self.known.insert(request, tag.into()).is_none() {
            self.in_order.push_back((now.mono + timer_j, request));
        }
        self.forget_old(now);
    }

    fn forget_old(&mut self, now: Now) {
        while let Some((until, request)) = self.in_order.front()
            && (*until <= now.mono || self.in_order.len() > MAX_ANSWERED)
        {
            self.known.remove(request);
            self.in_order.pop_front();
        }
    }
}
