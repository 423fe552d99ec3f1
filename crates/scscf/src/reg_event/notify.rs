//! Carries out what subscriptions want: NOTIFYs sent, records kept (RFC 6665 section 4.2.2).

use super::watch::{Watch, WatchId};
use super::{POLICY, REGINFO};
use crate::{Own, Scscf};
use clock::Now;
use ims_node::{Effects, Next, Outcome, OwnRequest};
use sip_event::{NotifierEnd, NotifierInput, NotifierOutput, Notify, NotifyContext};
use sip_message::{HeaderName, Method};

impl Scscf {
    /// Hands an input to a subscription and does what comes of it.
    pub(super) fn tell_watch(&mut self, now: Now, id: WatchId, input: NotifierInput, fx: &mut Effects<Own>) {
        let Some(watch) = self.reg.watches.get_mut(&id) else { return };
        let with = NotifyContext { dialog: &mut watch.dialog, policy: &POLICY };
        watch.subscription.handle(now, input, with);
        self.settle_watch(now, id, fx);
    }

    /// Does everything that a subscription wants done.
    pub(super) fn settle_watch(&mut self, now: Now, id: WatchId, fx: &mut Effects<Own>) {
        let Some(mut watch) = self.reg.watches.remove(&id) else { return };
        while let Some(output) = watch.subscription.poll_output() {
            match output {
                NotifierOutput::Persist | NotifierOutput::PersistLater => {
                    watch.journalled = true;
                    watch.confirm();
                    watch.keep(id, fx);
                }
                NotifierOutput::Notify(notify) => self.notify(now, id, (&mut watch, &notify), fx),
                NotifierOutput::Ended(end) => {
                    if watch.journalled {
                        id.forget(fx);
                    }
                    log_end(end, watch.dialog.call_id(), fx);
                    return self.reg.dismiss(id, &watch);
                }
            }
        }
        match watch.subscription.poll_timeout() {
            Some(at) => self.reg.deadlines.set(id, at),
            None => self.reg.deadlines.cancel(&id),
        }
        self.reg.watches.insert(id, watch);
    }

    /// A NOTIFY (rule SUB-N-08). Its version follows the dialog's CSeq, which rises by one with each NOTIFY and upwards
    /// over a restart.
    fn notify(&self, now: Now, id: WatchId, (watch, notify): (&mut Watch, &Notify), fx: &mut Effects<Own>) {
        watch.sent = (notify.version, watch.newest.1);
        let mut draft = watch.dialog.request_numbered(Method::Notify, notify.cseq);
        // RFC 5627 section 5.2: a GRUU of ours becomes the Contact here, as in every request that passes.
        let target = watch.dialog.remote_target();
        let is_gruu = *draft.request_uri() == target && target.params().has("gr");
        if let Some(contact) = is_gruu.then(|| self.contact_of(now, &target)).flatten() {
            draft = draft.with_request_uri(contact);
        }
        if let Some(icid) = &watch.icid {
            draft = draft.header(HeaderName::PChargingVector, format_args!("icid-value={icid}"));
        }
        let body = self.reginfo(now.wall, watch, notify.cseq.saturating_sub(1));
        let draft = draft
            .header(HeaderName::SubscriptionState, notify.subscription_state())
            .header(HeaderName::Contact, self.settings.contact())
            .header(HeaderName::Event, watch.subscription.record().event())
            .with_body(REGINFO, body);
        fx.send(OwnRequest { draft, next: Next::Route, then: Own::RegNotify(id) });
    }

    /// A NOTIFY has ended (rule SUB-N-15).
    pub(crate) fn on_reg_notified(
        &mut self,
        now: Now,
        id: WatchId,
        outcome: &Outcome,
        fx: &mut Effects<Own>,
    ) {
        self.tell_watch(now, id, outcome.into(), fx);
    }

    pub(crate) fn on_reg_due(&mut self, now: Now, fx: &mut Effects<Own>) {
        while let Some(id) = self.reg.deadlines.pop_due(now.mono) {
            self.tell_watch(now, id, NotifierInput::Deadline, fx);
        }
    }
}

fn log_end(end: NotifierEnd, call_id: &str, fx: &mut Effects<Own>) {
    match end {
        NotifierEnd::Told(_) => {}
        NotifierEnd::Refused(_) => fx.log("reg subscription ended: the watcher refused a NOTIFY", call_id),
        NotifierEnd::Unreachable => fx.log("reg subscription ended: the watcher cannot be reached", call_id),
        NotifierEnd::ExpiredWhileDown => {
            fx.log("reg subscription ended: it ran out while we were down", call_id);
        }
    }
}
