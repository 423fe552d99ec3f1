//! A presentity: what it publishes, who watches it, where it is registered.

use crate::PresenceServer;
use crate::watch::{Watch, WatchId};
use clock::{Now, Wall};
use minicbor::{Decode, Encode};
use sip_event::Publications;
use std::sync::Arc;

/// Everything that is kept of one presentity.
#[derive(Debug, Default)]
pub(crate) struct Presentity {
    pub(crate) publications: Publications,
    /// How many watches there are of it.
    pub(crate) watched: u32,
    /// What the last third-party REGISTER said.
    pub(crate) registration: Option<Box<Registration>>,
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
    #[n(2)]
    pub(crate) origin: Origin,
    #[n(3)]
    pub(crate) standing: Standing,
}

/// What tells a later REGISTER from an earlier one (RFC 3261 section 10.3 step 7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Origin {
    /// Digest of the Call-ID.
    #[n(0)]
    pub(crate) call: u64,
    #[n(1)]
    pub(crate) cseq: u32,
}

/// Whether the user is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Standing {
    #[n(0)]
    Here,
    /// It was until a moment ago: remembered, in memory alone, for as long as an earlier REGISTER may still come.
    #[n(1)]
    Gone,
}

impl Registration {
    pub(crate) const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }

    pub(crate) fn is_here(&self) -> bool {
        self.standing == Standing::Here
    }
}

impl Presentity {
    /// Where the user is registered.
    pub(crate) fn registration(&self) -> Option<&Registration> {
        self.registration.as_deref().filter(|registration| registration.is_here())
    }

    fn is_empty(&self) -> bool {
        self.publications.is_empty() && self.watched == 0 && self.registration.is_none()
    }
}

impl PresenceServer {
    /// Whether there is room to keep something of this presentity.
    pub(crate) fn has_room_for(&self, presentity: &str) -> bool {
        self.presentities.contains_key(presentity)
            || self.presentities.len() < self.settings.bounds.presentities
    }

    /// The one text of a presentity that all tables share.
    pub(crate) fn shared(&self, presentity: Arc<str>) -> Arc<str> {
        self.presentities.get_key_value(&presentity).map_or(presentity, |(known, _)| Arc::clone(known))
    }

    /// Takes a new watch into all tables.
    pub(crate) fn insert(&mut self, id: WatchId, mut watch: Box<Watch>) {
        watch.presentity = self.shared(watch.presentity);
        self.presentities.entry(Arc::clone(&watch.presentity)).or_default().watched += 1;
        self.watches.insert(id, watch);
    }

    /// Sets the next deadline of a presentity, and forgets one of which nothing is kept.
    pub(crate) fn tidy(&mut self, now: Now, presentity: &Arc<str>) {
        let Some(known) = self.presentities.get(presentity) else { return };
        if known.is_empty() {
            self.presentities.remove(presentity);
            self.presentity_deadlines.cancel(presentity);
            return;
        }
        let rules = self.rules.get(&**presentity).filter(|_| known.watched > 0);
        let asks_for_sphere = rules.is_some_and(|rules| rules.ask_for_sphere());
        let own = [
            known.publications.next_expiry(),
            known.registration.as_deref().map(Registration::expires_at),
            rules.and_then(|rules| rules.next_change(now.wall)),
        ];
        let sphere = if asks_for_sphere { self.sphere_change(now, presentity) } else { None };
        let next = own.into_iter().chain([sphere]);
        match next.flatten().min() {
            Some(at) => self.presentity_deadlines.set(Arc::clone(presentity), now.mono_at(at)),
            None => self.presentity_deadlines.cancel(presentity),
        }
    }
}
