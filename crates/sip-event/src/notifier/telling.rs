//! NOTIFY: who is told what, and what becomes of it (RFC 6665 section 4.2.2).

use super::table::LentDialog;
use super::watcher_dialog::{Notified, SentView, Usage, WatcherDialog, WatcherDialogId};
use super::{Notifier, Output};
use crate::dialog::Dialog;
use crate::notify::{Authorisation, Cause, NotifierInput, NotifierOutput, Notify, NotifyContext, Way};
use crate::package::{Package, Ruling, Seen, Source};
use crate::reason::Reason;
use clock::Now;
use sip_message::{Draft, HeaderName, Method};

impl<P: Package> Notifier<P> {
    /// Something has changed about a resource: what there is to see, or who may see it. Its watchers are told by
    /// [`Notifier::work`], where that is news to them.
    pub fn changed(&mut self, resource: &P::Resource) {
        self.changes.add(resource, self.dialogs.of(resource));
    }

    /// Everything that is watched has changed.
    pub fn all_changed(&mut self) {
        self.dialogs.resources().iter().for_each(|resource| self.changed(resource));
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
            let Some((id, number)) = self.hints.pop_due() else { break };
            self.write_hint(id, number);
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
        while let Some(id) = self.dialogs.pop_due(now.mono) {
            let Some(mut lent) = self.dialogs.take(id) else { continue };
            self.hand(now, &mut lent.watcher_dialog, NotifierInput::Deadline);
            self.finish(now, lent, None, source);
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
        let Some(mut lent) = self.dialogs.take(notified.dialog) else { return };
        let WatcherDialog { dialog, usages, .. } = &mut *lent.watcher_dialog;
        if let Some(usage) = usages.iter_mut().find(|usage| usage.number == notified.usage) {
            let with = NotifyContext { dialog, policy: &self.settings.policy };
            usage.subscription.handle(now, input, with);
        }
        self.finish(now, lent, None, source);
    }

    /// Changes what is remembered with each living subscription to a resource; `edit` is given the number of the next state.
    /// [`Notifier::changed`] is to follow.
    pub fn edit(&mut self, resource: &P::Resource, mut edit: impl FnMut(&mut P::Extra, u64)) {
        for id in self.dialogs.of(resource).to_vec() {
            let Some(mut lent) = self.dialogs.take(id) else { continue };
            for usage in lent.watcher_dialog.usages.iter_mut().filter(|usage| usage.is_told_of(resource)) {
                edit(&mut usage.extra, usage.subscription.newest() + 1);
                if usage.journalled {
                    self.keep_usage(id, usage);
                }
            }
            self.dialogs.put_back(lent);
        }
    }

    /// Ends every subscription to a resource; `edit` changes what is remembered with each for its last NOTIFY.
    pub fn terminate(
        &mut self,
        now: Now,
        resource: &P::Resource,
        reason: Reason,
        edit: impl Fn(&mut P::Extra, u64),
        source: &mut impl Source<P>,
    ) {
        for id in self.dialogs.of(resource).to_vec() {
            let Some(mut lent) = self.dialogs.take(id) else { continue };
            let WatcherDialog { dialog, usages, .. } = &mut *lent.watcher_dialog;
            for usage in usages.iter_mut().filter(|usage| usage.is_told_of(resource)) {
                edit(&mut usage.extra, usage.subscription.newest() + 1);
                let with = NotifyContext { dialog, policy: &self.settings.policy };
                let end = NotifierInput::Terminate { reason, retry_after: None };
                usage.subscription.handle(now, end, with);
            }
            self.finish(now, lent, None, source);
        }
    }

    /// A resource has another name now.
    pub fn rename(&mut self, from: &P::Resource, to: &P::Resource) {
        self.changes.rename(from, to);
        self.rename_doubt(from, to);
        for id in self.dialogs.rename(from, to) {
            let Some(mut lent) = self.dialogs.take(id) else { continue };
            let usages = lent.watcher_dialog.usages.iter_mut();
            for usage in usages.filter(|usage| usage.journalled && usage.resource == *to) {
                self.keep_usage(id, usage);
            }
            self.dialogs.put_back(lent);
        }
    }

    /// Hands an input to every subscription of a dialog.
    pub(super) fn hand(&self, now: Now, watcher_dialog: &mut WatcherDialog<P>, input: NotifierInput) {
        for usage in &mut watcher_dialog.usages {
            let with = NotifyContext { dialog: &mut watcher_dialog.dialog, policy: &self.settings.policy };
            usage.subscription.handle(now, input, with);
        }
    }

    /// One watcher learns what there is to see now, where that is news.
    fn tell(&mut self, now: Now, id: WatcherDialogId, resource: &P::Resource, source: &mut impl Source<P>) {
        // It may have ended meanwhile.
        let Some(mut lent) = self.dialogs.take(id) else { return };
        // A NOTIFY that an earlier process has left to be sent has taken its CSeq already, and must leave before any new one.
        self.carry_out_all(now, &mut lent, None, source);
        let mut at = 0;
        while at < lent.watcher_dialog.usages.len() {
            at += usize::from(self.look(now, &mut lent, at, resource, source));
        }
        self.leave(lent);
    }

    /// The same for the subscription that stands at `at`; whether it is still there.
    fn look(
        &mut self,
        now: Now,
        lent: &mut LentDialog<P>,
        at: usize,
        resource: &P::Resource,
        source: &mut impl Source<P>,
    ) -> bool {
        let WatcherDialog { dialog, usages, watcher, .. } = &mut *lent.watcher_dialog;
        let Some(usage) = usages.get_mut(at).filter(|usage| usage.is_told_of(resource)) else { return true };
        let ruling = source.ruling(now, resource, watcher);
        let fingerprint = source.fingerprint(now, resource, &ruling.view);
        for input in inputs(usage, ruling.authorisation, fingerprint).into_iter().flatten() {
            let with = NotifyContext { dialog, policy: &self.settings.policy };
            usage.subscription.handle(now, input, with);
        }
        self.carry_out(now, lent, at, Some(ruling), source)
    }

    /// Does everything that the subscriptions of a dialog want done, and gives it back. `ruling` is what has been decided about its
    /// first one.
    pub(super) fn finish(
        &mut self,
        now: Now,
        mut lent: LentDialog<P>,
        ruling: Option<Ruling<P::ViewKey>>,
        source: &mut impl Source<P>,
    ) {
        self.carry_out_all(now, &mut lent, ruling, source);
        self.leave(lent);
    }

    fn carry_out_all(
        &mut self,
        now: Now,
        lent: &mut LentDialog<P>,
        mut ruling: Option<Ruling<P::ViewKey>>,
        source: &mut impl Source<P>,
    ) {
        let mut at = 0;
        while at < lent.watcher_dialog.usages.len() {
            at += usize::from(self.carry_out(now, lent, at, ruling.take(), source));
        }
    }

    /// Gives a dialog back, or forgets one in which nothing is subscribed to any more.
    fn leave(&mut self, lent: LentDialog<P>) {
        if lent.watcher_dialog.usages.is_empty() {
            self.dialogs.dismiss(&lent);
        } else {
            self.dialogs.put_back(lent);
        }
    }

    /// Does everything that the subscription at `at` wants done; whether it is still there.
    fn carry_out(
        &mut self,
        now: Now,
        lent: &mut LentDialog<P>,
        at: usize,
        mut ruling: Option<Ruling<P::ViewKey>>,
        source: &mut impl Source<P>,
    ) -> bool {
        let (id, watcher_dialog) = (lent.id, &mut *lent.watcher_dialog);
        while let Some(usage) = watcher_dialog.usages.get_mut(at) {
            match usage.subscription.poll_output() {
                None => return true,
                Some(NotifierOutput::Persist) => {
                    usage.confirm(source);
                    usage.journalled = true;
                    self.keep_dialog(id, watcher_dialog);
                    if let Some(usage) = watcher_dialog.usages.get_mut(at) {
                        self.keep_usage(id, usage);
                    }
                }
                Some(NotifierOutput::PersistLater) => {
                    usage.confirm(source);
                    usage.is_unwritten = true;
                    self.put_off(now.mono, id, usage);
                }
                Some(NotifierOutput::Notify(notify)) => {
                    let decide = || source.ruling(now, &usage.resource, &watcher_dialog.watcher);
                    let ruling = ruling.take().unwrap_or_else(decide);
                    let draft = usage.show(now, &watcher_dialog.dialog, &notify, &ruling.view, source);
                    self.notify(now, id, usage, notify.cause, draft);
                }
                Some(NotifierOutput::Ended(end)) => {
                    let usage = watcher_dialog.usages.remove(at);
                    let call_id = watcher_dialog.dialog.call_id().into();
                    self.outputs.push_back(Output::Ended { end, call_id });
                    self.forget(id, watcher_dialog, usage);
                }
            }
        }
        false
    }

    /// A subscription has been taken out of its dialog.
    fn forget(&mut self, id: WatcherDialogId, watcher_dialog: &WatcherDialog<P>, mut usage: Usage<P>) {
        self.end_doubt(&mut usage);
        if usage.journalled {
            self.forget_usage(id, usage.number);
            if watcher_dialog.usages.is_empty() {
                self.forget_dialog(id);
            }
        }
        if !watcher_dialog.is_about(&usage.resource) {
            self.dialogs.forget(id, &usage.resource);
        }
    }

    /// Sends a NOTIFY (rule SUB-N-08).
    fn notify(
        &mut self,
        now: Now,
        id: WatcherDialogId,
        usage: &mut Usage<P>,
        cause: Cause,
        draft: Box<Draft>,
    ) {
        // The subscription's own record says that a SUBSCRIBE is owed a NOTIFY, and that a subscription has ended.
        if usage.journalled && cause != Cause::Subscribe && !usage.subscription.is_terminated() {
            self.doubt(now.mono, id, usage);
        }
        self.sent += 1;
        let notified = Notified { dialog: id, usage: usage.number };
        self.outputs.push_back(Output::Send { draft, notified });
    }
}

impl<P: Package> Usage<P> {
    /// Whether a change of this resource is for this subscription: one that is only waiting to be told that it is over has
    /// nothing new to learn.
    fn is_told_of(&self, resource: &P::Resource) -> bool {
        self.resource == *resource && !self.subscription.is_terminated()
    }

    /// Takes over what the subscription's record calls delivered.
    fn confirm(&mut self, source: &impl Source<P>) {
        let SentView { version, fingerprint } = self.sent;
        if self.subscription.record().delivered() == Some(version) {
            self.confirmed = fingerprint;
            source.delivered(&mut self.extra, version);
        }
    }

    /// Composes a NOTIFY that shows this view, which is from now on the one sent last.
    fn show(
        &mut self,
        now: Now,
        dialog: &Dialog,
        notify: &Notify,
        view: &P::ViewKey,
        source: &mut impl Source<P>,
    ) -> Box<Draft> {
        self.newest = source.fingerprint(now, &self.resource, view);
        self.sent = SentView { version: notify.version, fingerprint: self.newest };
        let draft = match notify.way {
            Way::Dialog => dialog.request_numbered(Method::Notify, notify.cseq),
            Way::Identity => {
                let route = source.route_apart(&self.resource, dialog);
                dialog.request_apart(Method::Notify, notify.cseq, &route)
            }
        };
        let draft: Draft = draft
            .header(HeaderName::SubscriptionState, notify.subscription_state())
            .header(HeaderName::Contact, source.contact())
            .header(HeaderName::Event, self.subscription.record().event());
        let seen = Seen { resource: &self.resource, view, extra: &self.extra };
        let draft = match source.body(now, seen, notify) {
            Some(body) => draft.with_body(body.content_type, body.bytes),
            None => draft.without_body(),
        };
        Box::new(source.finish(now, &self.extra, dialog, draft))
    }
}

/// What a subscription is told, in the order that makes one NOTIFY of it: a watcher that is let in is let in with the
/// newest view, and one that is shut out is told so before anything else.
fn inputs<P: Package>(
    usage: &mut Usage<P>,
    authorisation: Authorisation,
    fingerprint: u64,
) -> [Option<NotifierInput>; 2] {
    let changed = (usage.newest != fingerprint).then(|| {
        usage.newest = fingerprint;
        NotifierInput::Changed(usage.subscription.newest() + 1)
    });
    let authorised = Some(NotifierInput::Authorised(authorisation));
    match authorisation {
        Authorisation::Allowed => [changed, authorised],
        Authorisation::Undecided | Authorisation::Refused => [authorised, changed],
    }
}
