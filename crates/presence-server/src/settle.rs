//! Carries out what the subscriptions of a watch want, and tells them how their NOTIFYs ended.

use crate::view::{View, Views};
use crate::watch::{Watch, WatchId};
use crate::{Notified, PresenceServer};
use clock::Now;
use ims_node::{Effects, Next, Outcome, OwnRequest};
use sip_event::{NotifierEnd, NotifierOutput, Notify, NotifyContext};
use sip_message::HeaderName;

impl PresenceServer {
    /// Does everything that the subscriptions of a watch, which was lent, want done, and gives it back. `views` are made when a
    /// body is needed.
    pub(crate) fn settle(
        &mut self,
        now: Now,
        (id, mut watch): (WatchId, Box<Watch>),
        views: &mut Option<Views>,
        fx: &mut Effects<Notified>,
    ) {
        let mut at = 0;
        while let Some(slot) = watch.slots.get_mut(at) {
            match slot.subscription.poll_output() {
                None => at += 1,
                Some(NotifierOutput::Persist) => {
                    watch.journalled = true;
                    self.keep_watch(id, &watch, fx);
                    self.keep_slot(id, watch.slots.get_mut(at), fx);
                }
                Some(NotifierOutput::PersistLater) => self.keep_slot(id, Some(slot), fx),
                Some(NotifierOutput::Notify(notify)) => {
                    let view = self.view(now, &watch, views);
                    self.notify(id, (&mut watch, at), (&notify, view), fx);
                }
                Some(NotifierOutput::Ended(end)) => {
                    let slot = watch.slots.remove(at);
                    if watch.journalled {
                        self.forget_slot(id, slot.number, fx);
                    }
                    log_end(end, watch.dialog.call_id(), fx);
                }
            }
        }
        if watch.slots.is_empty() {
            if watch.journalled {
                self.forget_watch(id, fx);
            }
            self.watches.dismiss(id, &watch);
            if let Some(known) = self.presentities.get_mut(&watch.presentity) {
                known.watched -= 1;
            }
            self.tidy(now, &watch.presentity);
            return;
        }
        self.watches.put_back(id, watch);
    }

    /// What the watcher may see at this moment.
    fn view(&mut self, now: Now, watch: &Watch, views: &mut Option<Views>) -> View {
        let views = match views {
            Some(views) => views,
            None => views.insert(self.views(now, &watch.presentity)),
        };
        let ruling = self.ruling(now, &watch.presentity, &watch.watcher, views.sphere());
        views.view(&ruling.verdict)
    }

    fn notify(
        &self,
        id: WatchId,
        (watch, at): (&mut Watch, usize),
        (notify, view): (&Notify, View),
        fx: &mut Effects<Notified>,
    ) {
        let Some(slot) = watch.slots.get_mut(at) else { return };
        slot.newest = view.digest;
        slot.sent = (notify.version, view.digest);
        let then = Notified { watch: id, slot: slot.number };
        let event = slot.subscription.record().event().to_owned();
        let draft = self.notify_draft(watch, notify).header(HeaderName::Event, event);
        let draft = match view.body {
            Some(body) => draft.with_body(crate::package::PIDF, body),
            None => draft.without_body(),
        };
        fx.send(OwnRequest { draft, next: Next::Route, then });
    }

    /// A NOTIFY has ended (rule SUB-N-15).
    pub(crate) fn on_notified(
        &mut self,
        now: Now,
        own: Notified,
        outcome: &Outcome,
        fx: &mut Effects<Notified>,
    ) {
        let Some(mut watch) = self.watches.take(own.watch) else { return };
        if let Some(slot) = watch.slots.iter_mut().find(|slot| slot.number == own.slot) {
            let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.notify };
            slot.subscription.handle(now, outcome.into(), with);
        }
        self.settle(now, (own.watch, watch), &mut None, fx);
    }
}

fn log_end(end: NotifierEnd, call_id: &str, fx: &mut Effects<Notified>) {
    match end {
        NotifierEnd::Told(_) => {}
        NotifierEnd::Refused(_) => fx.log("subscription ended: the watcher refused a NOTIFY", call_id),
        NotifierEnd::Unreachable => fx.log("subscription ended: the watcher cannot be reached", call_id),
        NotifierEnd::ExpiredWhileDown => fx.log("subscription ended: it ran out while we were down", call_id),
    }
}
