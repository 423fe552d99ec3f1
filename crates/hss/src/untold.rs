//! What S-CSCFs have been told and have not confirmed: that they have lost a user, or that a user has another profile. They may be
//! down, and serve the user from their journal when they are back.

use crate::hss::{Hss, StoreChange, Subscriber};
use clock::Now;
use cx_protocol::{Impu, Request, RtrReason, ScscfName};
use std::collections::BTreeSet;

/// What an S-CSCF has not confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untold {
    /// The S-CSCF has lost the user.
    Loss,
    /// The S-CSCF has a new profile to use for the set of identities with this number.
    Profile(usize),
}

impl Hss {
    /// A node of that host has connected: what it has not confirmed is said to it again, by [`Hss::poll_reminder`]. What it has read
    /// before it has forgotten.
    pub fn connected(&mut self, host: &str) {
        let is_it = |scscf: &ScscfName| scscf.host().eq_ignore_ascii_case(host);
        self.reminders.retain(|(scscf, ..)| !is_it(scscf));
        for (account, subscriber) in &mut self.subscribers {
            subscriber.readers.forget(host);
            let registration = &subscriber.registration;
            let losses = registration.untold.iter().map(|(scscf, _)| (scscf, Untold::Loss));
            let profiles = registration.scscf.iter().flat_map(|scscf| {
                registration.unconfirmed.iter().map(move |set| (scscf, Untold::Profile(*set)))
            });
            let here = losses.chain(profiles).filter(|(scscf, _)| is_it(scscf));
            self.reminders.extend(here.map(|(scscf, what)| (scscf.clone(), account.clone(), what)));
        }
    }

    /// The next RTR or PPR that an S-CSCF has not confirmed, and the S-CSCF. There may be as many as accounts: the caller lets
    /// only some of them be under way.
    pub fn poll_reminder(&mut self) -> Option<(ScscfName, Request)> {
        while let Some((scscf, account, what)) = self.reminders.pop_front() {
            let Some(subscriber) = self.subscribers.get(&account) else { continue };
            let registration = &subscriber.registration;
            // Meanwhile the user may have come back there, or gone.
            let request = match what {
                Untold::Loss => {
                    let untold = registration.untold.iter().find(|(known, _)| *known == scscf);
                    untold.and_then(|(_, reason)| self.termination(subscriber, &scscf, *reason))
                }
                Untold::Profile(set) => {
                    let is_due = registration.scscf.as_ref() == Some(&scscf)
                        && registration.unconfirmed.contains(&set);
                    subscriber.profile_push(set).filter(|_| is_due)
                }
            };
            if let Some(request) = request {
                return Some((scscf, request));
            }
        }
        None
    }

    /// An S-CSCF has confirmed the RTR for these identities of a user (RTA, success). Gives what has to be kept.
    ///
    /// It has lost whoever has no other identity there: the user that it was told of, and a former owner of the same identities.
    #[must_use]
    pub fn confirmed(&mut self, now: Now, scscf: &ScscfName, impus: &[Impu]) -> Vec<StoreChange> {
        let live = impus.iter().filter_map(|impu| self.by_impu.get(impu)).map(|(name, _)| name);
        let candidates: BTreeSet<Box<str>> = live.chain(&self.removed).cloned().collect();
        let mut changes = Vec::new();
        for name in candidates {
            let Some(subscriber) = self.subscribers.get(&name) else { continue };
            let is_told = |(loser, _): &(ScscfName, RtrReason)| loser == scscf;
            let is_over = subscriber.registration.untold.iter().any(is_told)
                && self.to_end(subscriber, scscf).all(|impu| impus.contains(impu));
            if let Some(subscriber) = self.subscribers.get_mut(&name).filter(|_| is_over) {
                subscriber.change(now, &mut changes, |registration| registration.has_heard(scscf));
            }
        }
        let dropped = self.drop_settled();
        let is_of_dropped = |change: &StoreChange| match change {
            StoreChange::Registration(name, _) => dropped.contains(&StoreChange::Removed(name.clone())),
            StoreChange::Account(_) | StoreChange::Removed(_) | StoreChange::Directory(_) => false,
        };
        changes.retain(|change| !is_of_dropped(change));
        changes.into_iter().chain(dropped).collect()
    }

    /// Removed accounts of which no S-CSCF has anything left are dropped. Gives what has to be kept.
    #[must_use]
    pub fn drop_settled(&mut self) -> Vec<StoreChange> {
        let is_settled = |subscriber: &Subscriber| {
            let untold = &subscriber.registration.untold;
            untold.iter().all(|(scscf, _)| self.to_end(subscriber, scscf).next().is_none())
        };
        let is_over = |name: &str| self.subscribers.get(name).is_none_or(is_settled);
        let names: Vec<Box<str>> = self.removed.iter().filter(|name| is_over(name)).cloned().collect();
        for name in &names {
            self.subscribers.remove(name);
            self.removed.remove(name);
        }
        names.into_iter().map(StoreChange::Removed).collect()
    }

    /// An S-CSCF has confirmed the PPR for the set of this user's identity (PPA, success). Gives what has to be kept.
    #[must_use]
    pub fn profile_confirmed(&mut self, now: Now, scscf: &ScscfName, impu: &Impu) -> Vec<StoreChange> {
        let mut changes = Vec::new();
        if let Ok(found) = self.find(impu, None) {
            let set = found.set;
            found.subscriber.change(now, &mut changes, |registration| registration.has_profile(set, scscf));
        }
        changes
    }
}
