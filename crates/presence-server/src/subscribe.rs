//! SUBSCRIBE: figures 1 and 2, SubscribePres. MsgAck is the answer, and NotifyPresUp follows it.

use crate::identity::{presentity, sender};
use crate::package::{Presence, is_watcher};
use crate::{Fx, Notified, PresenceServer};
use clock::Now;
use ims_node::{InboundRequest, Refusal, Storage, notifier};
use sip_event::InitialSubscribe;
use sip_message::Response;

impl PresenceServer {
    pub(crate) fn on_subscribe(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Result<Response, Refusal> {
        let subscribe = request.message();
        let can_keep = fx.storage() == Storage::Open;
        let outcome = if request.is_in_dialog() {
            let (notifier, mut view) = self.parts();
            let is_watcher = |watcher: &str| is_watcher(request, watcher);
            notifier.resubscribe(now, subscribe, can_keep, is_watcher, &mut view)
        } else {
            let resource = presentity(&self.settings, request.request_uri())?;
            let watcher = sender(request)?.into_text();
            let initial = InitialSubscribe { subscribe, resource: resource.clone(), watcher, can_keep };
            let (notifier, mut view) = self.parts();
            let outcome = notifier.subscribe(now, initial, &mut view, &mut || fx.random.bits());
            if self.notifier.is_watched(&resource) {
                self.rules.note_time(now, &resource, &self.documents);
            }
            outcome
        };
        notifier::carry_out(&mut self.notifier, fx, Notified);
        notifier::answer::<Presence, _, _>(now, subscribe, &self.settings.contact(), outcome, fx)
    }
}
