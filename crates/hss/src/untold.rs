//! S-CSCFs that have lost a user and have not confirmed it: they may be down, and serve the user from their journal when
//! they are back.

use crate::hss::{Hss, StoreChange};
use clock::Now;
use cx_protocol::{Impi, Request, ScscfName};

impl Hss {
    /// A node of that host has connected: what it has not confirmed is said to it again, by [`Hss::poll_reminder`].
    pub fn connected(&mut self, host: &str) {
        self.reminders.retain(|(scscf, _)| !scscf.host().eq_ignore_ascii_case(host));
        for (account, subscriber) in &self.subscribers {
            let untold = subscriber.registration.untold.iter().map(|(scscf, _)| scscf);
            let here = untold.filter(|scscf| scscf.host().eq_ignore_ascii_case(host));
            self.reminders.extend(here.map(|scscf| (scscf.clone(), account.clone())));
        }
    }

    /// The next RTR that an S-CSCF has not confirmed, and the S-CSCF. There may be as many as accounts: the caller lets
    /// only some of them be under way.
    pub fn poll_reminder(&mut self) -> Option<(ScscfName, Request)> {
        while let Some((scscf, account)) = self.reminders.pop_front() {
            let Some(subscriber) = self.subscribers.get(&account) else { continue };
            // The user may have come back there meanwhile.
            let untold = subscriber.registration.untold.iter().find(|(known, _)| *known == scscf);
            if let Some(rtr) = untold.and_then(|(_, reason)| subscriber.termination(*reason)) {
                return Some((scscf, rtr));
            }
        }
        None
    }

    /// An S-CSCF has confirmed the RTR for this user (RTA, success). Gives what has to be kept.
    #[must_use]
    pub fn confirmed(&mut self, now: Now, scscf: &ScscfName, impi: &Impi) -> Vec<StoreChange> {
        let mut changes = Vec::new();
        let account = self.by_impi.get(impi);
        if let Some(subscriber) = account.and_then(|account| self.subscribers.get_mut(account)) {
            subscriber.change(now, &mut changes, |registration| registration.has_heard(scscf));
        }
        changes
    }
}
