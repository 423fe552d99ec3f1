//! The bindings of a user changed: everybody who watches is told (rule REG-S-11, TS 24.229 section 5.4.2.1.2).

use super::Ending;
use super::document::digest;
use super::watch::WatchId;
use crate::binding::{Binding, Registration};
use crate::{Own, Scscf};
use clock::Now;
use cx_protocol::Impu;
use ims_node::Effects;
use sip_event::{NotifierInput, Reason};

impl Scscf {
    /// Tells those who watch the set of this default identity how it now is, where that is news. `before` are the sets
    /// that it was made of, `ending` says how contacts came to their end that are bound no more.
    pub(crate) fn announce(
        &mut self,
        now: Now,
        user: &Impu,
        (before, ending): (&[Registration], Ending),
        fx: &mut Effects<Own>,
    ) {
        let watches = self.reg.of(user).to_vec();
        if watches.is_empty() {
            return;
        }
        let after = self.users.registration(user);
        let is_bound = |gone: &&Binding| {
            after.is_some_and(|after| after.bindings.iter().any(|own| own.contact == gone.contact))
        };
        let gone: Vec<(Binding, Ending)> = before
            .iter()
            .flat_map(|set| &set.bindings)
            .filter(|binding| !is_bound(binding))
            .map(|binding| (binding.clone(), ending))
            .collect();
        match after.map(digest) {
            Some(digest) => {
                watches.iter().for_each(|id| self.announce_change(now, *id, (digest, &gone), fx));
            }
            None => {
                let identities = before.iter().flat_map(|set| set.profile.identities.usable().cloned());
                let identities: Vec<Impu> = identities.collect();
                watches.iter().for_each(|id| self.announce_end(now, *id, (&identities, &gone), fx));
            }
        }
    }

    fn announce_change(
        &mut self,
        now: Now,
        id: WatchId,
        (digest, gone): (u64, &[(Binding, Ending)]),
        fx: &mut Effects<Own>,
    ) {
        let Some(watch) = self.reg.watches.get_mut(&id) else { return };
        // One that is only waiting to be told that it is over has nothing new to learn.
        if watch.farewell.is_some() || (watch.newest.1 == digest && gone.is_empty()) {
            return;
        }
        let version = watch.changed(digest, gone);
        if watch.journalled && !gone.is_empty() {
            watch.keep(id, fx);
        }
        self.tell_watch(now, id, NotifierInput::Changed(version), fx);
    }

    /// The user is registered no more, and the subscription ends with that.
    fn announce_end(
        &mut self,
        now: Now,
        id: WatchId,
        (identities, gone): (&[Impu], &[(Binding, Ending)]),
        fx: &mut Effects<Own>,
    ) {
        let Some(watch) = self.reg.watches.get_mut(&id) else { return };
        if watch.farewell.is_some() {
            return;
        }
        watch.changed(0, gone);
        watch.farewell = Some(identities.to_vec());
        let end = NotifierInput::Terminate { reason: Reason::Noresource, retry_after: None };
        self.tell_watch(now, id, end, fx);
    }

    /// After a restart: what every watcher has confirmed is compared with what is so now.
    pub(super) fn catch_up(&mut self, now: Now, fx: &mut Effects<Own>) {
        let mut watches: Vec<WatchId> = self.reg.watches.keys().copied().collect();
        watches.sort();
        for id in watches {
            let Some(watch) = self.reg.watches.get_mut(&id) else { continue };
            let user = watch.user.clone();
            match self.users.registration(&user).map(digest) {
                Some(digest) if digest != watch.newest.1 || !watch.ended.is_empty() => {
                    let version = watch.changed(digest, &[]);
                    watch.ended.iter_mut().for_each(|contact| contact.version = version);
                    self.tell_watch(now, id, NotifierInput::Changed(version), fx);
                }
                None if watch.farewell.is_none() => self.announce_end(now, id, (&[user], &[]), fx),
                Some(_) | None => self.settle_watch(now, id, fx),
            }
        }
    }
}
