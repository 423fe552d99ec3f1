//! NOTIFY: who is told what, and what becomes of it (RFC 6665 section 4.2.2).

use super::watch::{Notified, Slot, Watch, WatchId};
use super::{Notifier, Output};
use crate::notify::{Authorisation, Cause, NotifierInput, NotifierOutput, Notify, NotifyContext, Way};
use crate::package::{Package, Ruling, Seen, Source};
use crate::reason::Reason;
use clock::Now;
use sip_message::{Draft, HeaderName, Method};

impl<P: Package> Notifier<P> {
    /// Something has changed about a resource: what there is to see, or who may see it. Its watchers are told by
    /// [`Notifier::work`], where that is news to them.
    pub fn changed(&mut self, resource: &P::Resource) {
        self.changes.add(resource, self.watches.of(resource));
    }

    /// Everything that is watched has changed.
    pub fn all_changed(&mut self) {
        self.watches.resources().iter().for_each(|resource| self.changed(resource));
    }

    /// Whether [`Notifier::work`] has something to do.
    #[must_use]
    pub fn has_work(&self) -> bool {
        !self.changes.is_empty() || self.hints.is_due()
    }

    /// Looks at the next watchers of what has changed, and stops when `room` NOTIFYs have been sent. A dialog that carries several
    /// subscriptions is looked at as a whole, so that its last NOTIFYs may go beyond `room`.
    pub fn work(&mut self, now: Now, room: usize, source: &mut impl Source<P>) {
        // Hints come before changes: nothing waits for a hint, but changes that never end would keep it waiting for ever.
        for _ in 0..room {
            let Some((watch, slot)) = self.hints.pop_due() else { break };
            self.write_hint(watch, slot);
        }
        let mut left = room as u64;
        while left > 0 {
            let Some((resource, id)) = self.changes.next() else { return };
            let before = self.sent;
            self.tell(now, id, &resource, source);
            left = left.saturating_sub((self.sent - before).max(1));
        }
    }

    /// The process is ending: nothing is put off any longer.
    pub fn drain(&mut self) {
        self.hints.end();
    }

    /// The time of [`Notifier::poll_timeout`] has come.
    pub fn on_deadline(&mut self, now: Now, source: &mut impl Source<P>) {
        while let Some(id) = self.watches.pop_due(now.mono) {
            let Some(mut watch) = self.watches.take(id) else { continue };
            self.hand(now, &mut watch, NotifierInput::Deadline);
            self.settle(now, (id, watch), None, source);
        }
        self.hints.on_deadline(now.mono);
    }

    /// A NOTIFY has ended (rule SUB-N-15).
    pub fn on_notified(
        &mut self,
        now: Now,
        notified: Notified,
        input: NotifierInput,
        source: &mut impl Source<P>,
    ) {
        let Some(mut watch) = self.watches.take(notified.watch) else { return };
        let Watch { dialog, slots, .. } = &mut *watch;
        if let Some(slot) = slots.iter_mut().find(|slot| slot.number == notified.slot) {
            let with = NotifyContext { dialog, policy: &self.settings.policy };
            slot.subscription.handle(now, input, with);
        }
        self.settle(now, (notified.watch, watch), None, source);
    }

    /// Changes what is remembered with each living subscription to a resource; `edit` is given the number of the next state.
    /// [`Notifier::changed`] is to follow.
    pub fn edit(&mut self, resource: &P::Resource, mut edit: impl FnMut(&mut P::Extra, u64)) {
        for id in self.watches.of(resource).to_vec() {
            let Some(mut watch) = self.watches.take(id) else { continue };
            for slot in watch.slots.iter_mut().filter(|slot| slot.is_told_of(resource)) {
                edit(&mut slot.extra, slot.subscription.newest() + 1);
                if slot.journalled {
                    self.keep_usage(id, slot);
                }
            }
            self.watches.put_back(id, watch);
        }
    }

    /// Ends every subscription to a resource; `edit` changes what is remembered with each for its last NOTIFY.
    pub fn terminate(
        &mut self,
        now: Now,
        resource: &P::Resource,
        (reason, edit): (Reason, impl Fn(&mut P::Extra, u64)),
        source: &mut impl Source<P>,
    ) {
        for id in self.watches.of(resource).to_vec() {
            let Some(mut watch) = self.watches.take(id) else { continue };
            let Watch { dialog, slots, .. } = &mut *watch;
            for slot in slots.iter_mut().filter(|slot| slot.is_told_of(resource)) {
                edit(&mut slot.extra, slot.subscription.newest() + 1);
                let with = NotifyContext { dialog, policy: &self.settings.policy };
                let end = NotifierInput::Terminate { reason, retry_after: None };
                slot.subscription.handle(now, end, with);
            }
            self.settle(now, (id, watch), None, source);
        }
    }

    /// A resource has another name now.
    pub fn rename(&mut self, from: &P::Resource, to: &P::Resource) {
        self.changes.rename(from, to);
        self.rename_doubt(from, to);
        for id in self.watches.rename(from, to) {
            let Some(mut watch) = self.watches.take(id) else { continue };
            for slot in watch.slots.iter_mut().filter(|slot| slot.journalled && slot.resource == *to) {
                self.keep_usage(id, slot);
            }
            self.watches.put_back(id, watch);
        }
    }

    /// Hands an input to every subscription of a watch.
    pub(super) fn hand(&self, now: Now, watch: &mut Watch<P>, input: NotifierInput) {
        for slot in &mut watch.slots {
            let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.policy };
            slot.subscription.handle(now, input, with);
        }
    }

    /// One watcher learns what there is to see now, where that is news.
    fn tell(&mut self, now: Now, id: WatchId, resource: &P::Resource, source: &mut impl Source<P>) {
        // It may have ended meanwhile.
        let Some(mut watch) = self.watches.take(id) else { return };
        // A NOTIFY that an earlier process has left to be sent has taken its CSeq already, and must leave before any new one.
        self.carry_out_all(now, (id, &mut watch), None, source);
        let mut at = 0;
        while at < watch.slots.len() {
            at += usize::from(self.look(now, (id, &mut watch, at), resource, source));
        }
        self.leave(id, watch);
    }

    /// The same for one subscription; whether it is still there.
    fn look(
        &mut self,
        now: Now,
        (id, watch, at): (WatchId, &mut Watch<P>, usize),
        resource: &P::Resource,
        source: &mut impl Source<P>,
    ) -> bool {
        let Watch { dialog, slots, watcher, .. } = watch;
        let Some(slot) = slots.get_mut(at).filter(|slot| slot.is_told_of(resource)) else { return true };
        let ruling = source.ruling(now, resource, watcher);
        let digest = source.digest(now, resource, &ruling.view);
        for input in inputs(slot, ruling.authorisation, digest).into_iter().flatten() {
            let with = NotifyContext { dialog, policy: &self.settings.policy };
            slot.subscription.handle(now, input, with);
        }
        self.carry_out(now, (id, watch, at), Some(ruling), source)
    }

    /// Does everything that the subscriptions of a watch, which was lent, want done, and gives it back. `ruling` is what has been
    /// decided about its first one.
    pub(super) fn settle(
        &mut self,
        now: Now,
        (id, mut watch): (WatchId, Box<Watch<P>>),
        ruling: Option<Ruling<P::ViewKey>>,
        source: &mut impl Source<P>,
    ) {
        self.carry_out_all(now, (id, &mut watch), ruling, source);
        self.leave(id, watch);
    }

    fn carry_out_all(
        &mut self,
        now: Now,
        (id, watch): (WatchId, &mut Watch<P>),
        mut ruling: Option<Ruling<P::ViewKey>>,
        source: &mut impl Source<P>,
    ) {
        let mut at = 0;
        while at < watch.slots.len() {
            at += usize::from(self.carry_out(now, (id, watch, at), ruling.take(), source));
        }
    }

    /// Gives a watch back, or forgets one in which nothing is subscribed to any more.
    fn leave(&mut self, id: WatchId, watch: Box<Watch<P>>) {
        if watch.slots.is_empty() {
            self.watches.dismiss(id, &watch);
        } else {
            self.watches.put_back(id, watch);
        }
    }

    /// Does everything that one subscription wants done; whether it is still there.
    fn carry_out(
        &mut self,
        now: Now,
        (id, watch, at): (WatchId, &mut Watch<P>, usize),
        mut ruling: Option<Ruling<P::ViewKey>>,
        source: &mut impl Source<P>,
    ) -> bool {
        while let Some(slot) = watch.slots.get_mut(at) {
            match slot.subscription.poll_output() {
                None => return true,
                Some(NotifierOutput::Persist) => {
                    slot.confirm(source);
                    slot.journalled = true;
                    self.keep_dialog(id, watch);
                    if let Some(slot) = watch.slots.get_mut(at) {
                        self.keep_usage(id, slot);
                    }
                }
                Some(NotifierOutput::PersistLater) => {
                    slot.confirm(source);
                    slot.is_unwritten = true;
                    self.put_off(now.mono, id, slot);
                }
                Some(NotifierOutput::Notify(notify)) => {
                    let decide = || source.ruling(now, &slot.resource, &watch.watcher);
                    let ruling = ruling.take().unwrap_or_else(decide);
                    self.notify(now, (id, watch, at), (&notify, &ruling.view), source);
                }
                Some(NotifierOutput::Ended(end)) => {
                    let slot = watch.slots.remove(at);
                    let call_id = watch.dialog.call_id().into();
                    self.outputs.push_back(Output::Ended { end, call_id });
                    self.forget(id, watch, slot);
                }
            }
        }
        false
    }

    /// A subscription has been taken out of its watch.
    fn forget(&mut self, id: WatchId, watch: &Watch<P>, mut slot: Slot<P>) {
        self.settle_doubt(&mut slot);
        if slot.journalled {
            self.forget_usage(id, slot.number);
            if watch.slots.is_empty() {
                self.forget_dialog(id);
            }
        }
        if !watch.is_about(&slot.resource) {
            self.watches.forget(id, &slot.resource);
        }
    }

    /// Rule SUB-N-08.
    fn notify(
        &mut self,
        now: Now,
        (id, watch, at): (WatchId, &mut Watch<P>, usize),
        (notify, view): (&Notify, &P::ViewKey),
        source: &mut impl Source<P>,
    ) {
        let Watch { dialog, slots, .. } = watch;
        let Some(slot) = slots.get_mut(at) else { return };
        slot.newest = source.digest(now, &slot.resource, view);
        slot.sent = (notify.version, slot.newest);
        // The subscription's own record says that a SUBSCRIBE is owed a NOTIFY, and that a subscription has ended.
        if slot.journalled && notify.cause != Cause::Subscribe && !slot.subscription.is_terminated() {
            self.doubt(now.mono, id, slot);
        }
        self.sent += 1;
        let draft = match notify.way {
            Way::Dialog => dialog.request_numbered(Method::Notify, notify.cseq),
            Way::Identity => {
                let route = source.route_apart(&slot.resource, dialog);
                dialog.request_apart(Method::Notify, notify.cseq, &route)
            }
        };
        let draft: Draft = draft
            .header(HeaderName::SubscriptionState, notify.subscription_state())
            .header(HeaderName::Contact, source.contact())
            .header(HeaderName::Event, slot.subscription.record().event());
        let seen = Seen { resource: &slot.resource, view, extra: &slot.extra };
        let draft = match source.body(now, seen, notify) {
            Some(body) => draft.with_body(body.content_type, body.bytes),
            None => draft.without_body(),
        };
        let draft = Box::new(source.finish(now, &slot.extra, dialog, draft));
        let notified = Notified { watch: id, slot: slot.number };
        self.outputs.push_back(Output::Send { draft, notified });
    }
}

impl<P: Package> Slot<P> {
    /// Whether a change of this resource is for this subscription: one that is only waiting to be told that it is over has
    /// nothing new to learn.
    fn is_told_of(&self, resource: &P::Resource) -> bool {
        self.resource == *resource && !self.subscription.is_terminated()
    }

    /// Takes over what the subscription's record calls delivered.
    fn confirm(&mut self, source: &impl Source<P>) {
        if self.subscription.record().delivered() == Some(self.sent.0) {
            self.confirmed = self.sent.1;
            source.delivered(&mut self.extra, self.sent.0);
        }
    }
}

/// What a subscription is told, in the order that makes one NOTIFY of it: a watcher that is let in is let in with the
/// newest view, and one that is shut out is told so before anything else.
fn inputs<P: Package>(
    slot: &mut Slot<P>,
    authorisation: Authorisation,
    digest: u64,
) -> [Option<NotifierInput>; 2] {
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
