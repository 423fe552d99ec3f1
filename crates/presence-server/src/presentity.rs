//! A presentity: what it publishes, who watches it, where it is registered.

use crate::PresenceServer;
use crate::watch::WatchId;
use clock::{Now, Wall};
use minicbor::{Decode, Encode};
use sip_event::Publications;
use std::sync::Arc;

/// Everything that is kept of one presentity.
#[derive(Debug, Default)]
pub(crate) struct Presentity {
    pub(crate) publications: Publications,
    pub(crate) watches: Vec<WatchId>,
    pub(crate) registration: Option<Registration>,
}

/// What a third-party REGISTER said (TS 24.229 section 5.4.1.7).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Registration {
    /// The S-CSCF that serves the user: a SIP URI without parameters.
    #[n(0)]
    pub(crate) scscf: Box<str>,
    /// Milliseconds since 1970.
    #[n(1)]
    pub(crate) expires_at: u64,
}

impl Registration {
    pub(crate) const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }
}

impl Presentity {
    fn is_empty(&self) -> bool {
        self.publications.is_empty() && self.watches.is_empty() && self.registration.is_none()
    }
}

/// What has a deadline.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Due {
    /// A NOTIFY or the end of a subscription.
    Watch(WatchId),
    /// The end of a publication or registration, or a time that the rules name.
    Presentity(Arc<str>),
}

impl PresenceServer {
    /// Whether there is room to keep something of this presentity.
    pub(crate) fn has_room_for(&self, presentity: &str) -> bool {
        self.presentities.contains_key(presentity)
            || self.presentities.len() < self.settings.bounds.presentities
    }

    /// Sets the next deadline of a presentity, and forgets one of which nothing is kept.
    pub(crate) fn tidy(&mut self, now: Now, presentity: &Arc<str>) {
        let due = Due::Presentity(Arc::clone(presentity));
        let Some(known) = self.presentities.get(presentity) else { return };
        if known.is_empty() {
            self.presentities.remove(presentity);
            self.deadlines.cancel(&due);
            return;
        }
        let rules = self.rules.get(&**presentity).filter(|_| !known.watches.is_empty());
        let next = [
            known.publications.next_expiry(),
            known.registration.as_ref().map(Registration::expires_at),
            rules.and_then(|rules| rules.next_change(now.wall)),
        ];
        match next.into_iter().flatten().min() {
            Some(at) => self.deadlines.set(due, now.mono_at(at)),
            None => self.deadlines.cancel(&due),
        }
    }
}
