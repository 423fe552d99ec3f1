//! Where users are registered, as third-party REGISTERs told (TS 24.229 section 5.4.1.7).

use crate::presentity::Presentity;
use clock::{Deadlines, Mono, Now, Wall};
use minicbor::{Decode, Encode};
use std::cmp::Ordering;
use std::collections::HashMap;

/// What a third-party REGISTER said.
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
    /// Fingerprint of the Call-ID.
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

/// How a REGISTER stands to the last one of its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// The S-CSCF has said something else since.
    Earlier,
    /// It came once more, by another way.
    Same,
    Later,
}

impl Registration {
    pub(crate) const fn expires_at(&self) -> Wall {
        Wall::from_unix_millis(self.expires_at)
    }

    pub(crate) fn is_here(&self) -> bool {
        self.standing == Standing::Here
    }

    /// RFC 3261 section 10.3 step 7: only those of one Call-ID have an order.
    fn order(&self, origin: Origin) -> Order {
        if self.origin.call != origin.call {
            return Order::Later;
        }
        match origin.cseq.cmp(&self.origin.cseq) {
            Ordering::Less => Order::Earlier,
            Ordering::Equal => Order::Same,
            Ordering::Greater => Order::Later,
        }
    }
}

/// The registrations, by user and by their end.
#[derive(Debug, Default)]
pub(crate) struct Registrations {
    users: HashMap<Presentity, Registration>,
    deadlines: Deadlines<Presentity>,
}

impl Registrations {
    /// How many users are known to be registered, or to have been a moment ago.
    pub(crate) fn len(&self) -> usize {
        self.users.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Presentity, &Registration)> {
        self.users.iter().filter(|(_, registration)| registration.is_here())
    }

    pub(crate) fn users(&self) -> impl Iterator<Item = &Presentity> {
        self.users.keys()
    }

    /// Where this user is registered.
    pub(crate) fn of(&self, user: &str) -> Option<&Registration> {
        self.users.get(user).filter(|registration| registration.is_here())
    }

    /// Whether anything is known of this user.
    pub(crate) fn knows(&self, user: &str) -> bool {
        self.users.contains_key(user)
    }

    /// Whether this user is registered now.
    pub(crate) fn is_registered(&self, now: Now, user: &str) -> bool {
        self.of(user).is_some_and(|registration| registration.expires_at() > now.wall)
    }

    /// How a REGISTER stands to the last one of its user.
    pub(crate) fn order(&self, user: &str, origin: Origin) -> Order {
        self.users.get(user).map_or(Order::Later, |known| known.order(origin))
    }

    /// Whether another S-CSCF has said something of this user since.
    pub(crate) fn is_by_another(&self, user: &str, scscf: &str) -> bool {
        self.users.get(user).is_some_and(|known| *known.scscf != *scscf)
    }

    pub(crate) fn insert(&mut self, now: Now, user: &Presentity, registration: Registration) {
        self.deadlines.set(user.clone(), now.mono_at(registration.expires_at()));
        self.users.insert(user.clone(), registration);
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// A user whose registration has run out; whether it was one until now.
    pub(crate) fn pop_due(&mut self, now: Now) -> Option<(Presentity, bool)> {
        let user = self.deadlines.pop_due(now.mono)?;
        let gone = self.users.remove(&user);
        Some((user, gone.is_some_and(|gone| gone.is_here())))
    }
}
