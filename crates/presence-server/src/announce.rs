//! Something changed about a presentity: its documents, its rules, or the time.

use crate::Notified;
use crate::PresenceServer;
use crate::watch::{Slot, WatchId};
use clock::Now;
use ims_node::Effects;
use sip_event::{Authorisation, NotifierInput, NotifyContext};
use std::sync::Arc;

impl PresenceServer {
    /// Tells every watcher of a presentity what it may see now, where that is new to it: figures 3, 6 and 7,
    /// NotifyPresUp; rule PRS-06 for changed rules. Of very many watchers the first are told now, and the others in parts.
    pub(crate) fn announce(&mut self, now: Now, presentity: &Arc<str>, fx: &mut Effects<Notified>) {
        let watches = self.watches.of(presentity);
        if watches.is_empty() {
            return;
        }
        self.changes.add(presentity, watches.to_vec());
        let part = self.changes.first_of(presentity);
        self.tell(now, presentity, part, fx);
    }

    /// Tells the next part of those who have not been told of a change yet.
    fn tell_more(&mut self, now: Now, fx: &mut Effects<Notified>) {
        if let Some((presentity, part)) = self.changes.next() {
            self.tell(now, &presentity, part, fx);
        }
    }

    fn tell(&mut self, now: Now, presentity: &Arc<str>, part: Vec<WatchId>, fx: &mut Effects<Notified>) {
        let mut views = Some(self.views(now, presentity));
        for id in part {
            // It may have ended meanwhile.
            let Some(mut watch) = self.watches.take(id) else { continue };
            if let Some(views) = &mut views {
                let ruling = self.ruling(now, presentity, &watch.watcher, views.sphere());
                let digest = views.view(&ruling.verdict).digest;
                for slot in &mut watch.slots {
                    let inputs = inputs(slot, ruling.authorisation(), digest);
                    for input in inputs.into_iter().flatten() {
                        let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.notify };
                        slot.subscription.handle(now, input, with);
                    }
                }
            }
            self.settle(now, (id, watch), &mut views, fx);
        }
        if let Some(views) = &views {
            self.composed.keep(presentity, views);
        }
        self.tidy(now, presentity);
    }

    /// Everything whose time has come, and a part of what has no time of its own.
    pub(crate) fn on_due(&mut self, now: Now, fx: &mut Effects<Notified>) {
        self.tell_more(now, fx);
        loop {
            let watches_first = match (self.watches.deadline(), self.presentity_deadlines.next()) {
                (Some(watch), Some(presentity)) => watch <= presentity,
                (watch, _) => watch.is_some(),
            };
            if watches_first && let Some(id) = self.watches.pop_due(now.mono) {
                self.on_watch_due(now, id, fx);
            } else if let Some(presentity) = self.presentity_deadlines.pop_due(now.mono) {
                self.on_presentity_due(now, &presentity, fx);
            } else {
                return;
            }
        }
    }

    fn on_watch_due(&mut self, now: Now, id: WatchId, fx: &mut Effects<Notified>) {
        let Some(mut watch) = self.watches.take(id) else { return };
        for slot in &mut watch.slots {
            let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.notify };
            slot.subscription.handle(now, NotifierInput::Deadline, with);
        }
        self.settle(now, (id, watch), &mut None, fx);
    }

    /// Rule PUB-09, the end of a registration, or a time that the rules name.
    fn on_presentity_due(&mut self, now: Now, presentity: &Arc<str>, fx: &mut Effects<Notified>) {
        let Some(known) = self.presentities.get_mut(presentity) else { return };
        let records = known.publications.expire(now);
        let left = known.registration.take_if(|own| own.expires_at() <= now.wall);
        self.keep_publications(presentity, &records, fx);
        if left.is_some_and(|own| own.is_here()) {
            self.keep_registration(presentity, fx);
        }
        self.announce(now, presentity, fx);
        self.tidy(now, presentity);
    }
}

/// What a subscription is told, in the order that makes one NOTIFY of it: a watcher that is let in is let in with the
/// newest view, and one that is shut out is told so before anything else.
fn inputs(slot: &mut Slot, authorisation: Authorisation, digest: u64) -> [Option<NotifierInput>; 2] {
    let changed = (slot.newest != digest).then(|| {
        slot.newest = digest;
        NotifierInput::Changed(slot.subscription.newest() + 1)
    });
    let authorised = Some(NotifierInput::Authorised(authorisation));
    match authorisation {
        Authorisation::Allowed => [changed, authorised],
        Authorisation::Undecided | Authorisation::Refused => [authorised, changed],
    }
}
