//! The bindings of a user changed: everybody who watches is told (rule REG-S-11, TS 24.229 section 5.4.2.1.2).

use super::Ending;
use super::package::Untold;
use crate::binding::{Binding, Registration};
use crate::{Fx, Scscf};
use clock::Now;
use cx_protocol::Impu;
use sip_event::Reason;

impl Scscf {
    /// Tells those who watch the set of this default identity how it now is, where that is news. `before` are the sets
    /// that it was made of, `ending` says how contacts came to their end that are bound no more.
    pub(crate) fn announce(
        &mut self,
        now: Now,
        user: &Impu,
        before: &[Registration],
        ending: Ending,
        fx: &mut Fx,
    ) {
        if !self.reg.is_watched(user) {
            return;
        }
        let after = self.users.registration(user);
        let is_bound = |gone: &&Binding| {
            after.is_some_and(|after| after.bindings.iter().any(|binding| binding.contact == gone.contact))
        };
        let gone: Vec<(Binding, Ending)> = before
            .iter()
            .flat_map(|set| &set.bindings)
            .filter(|binding| !is_bound(binding))
            .map(|binding| (binding.clone(), ending))
            .collect();
        if after.is_none() {
            let identities = before.iter().flat_map(|set| set.profile.identities.usable().cloned());
            let identities: Vec<Impu> = identities.collect();
            self.say_farewell(now, user, &identities, &gone, fx);
        } else {
            if !gone.is_empty() {
                self.reg.edit(user, |untold, version| untold.note(&gone, version));
            }
            self.reg.changed(user);
            self.carry_out(fx);
        }
    }

    /// The user is registered no more, and its subscriptions end with that.
    fn say_farewell(
        &mut self,
        now: Now,
        user: &Impu,
        identities: &[Impu],
        gone: &[(Binding, Ending)],
        fx: &mut Fx,
    ) {
        let edit = |untold: &mut Untold, version: u64| {
            untold.note(gone, version);
            untold.farewell = Some(identities.into());
        };
        let (reg, mut view) = self.reg();
        reg.terminate(now, user, Reason::Noresource, edit, &mut view);
        self.carry_out(fx);
    }

    /// All records of the journal have been read: subscriptions go on, and learn what they may have missed.
    pub(crate) fn restore_watches(&mut self, now: Now, fx: &mut Fx) {
        std::mem::take(&mut self.earlier).convert(&mut self.reg, fx);
        let (reg, mut view) = self.reg();
        reg.restored(now, &mut view, &mut || fx.random.bits());
        self.carry_out(fx);
        for user in self.reg.resources() {
            if self.users.registration(&user).is_none() {
                self.say_farewell(now, &user, std::slice::from_ref(&user), &[], fx);
            }
        }
    }
}
