//! SUBSCRIBE (RFC 6665 section 4.2.1): a new subscription, a fetch, a refresh, an end.

use crate::identity::{Sender, presentity, sender};
use crate::merged::{Ask, TIMER_J, is_recent};
use crate::package::{PIDF, SUBSCRIBED, bad_event};
use crate::ruling::Ruling;
use crate::view::Views;
use crate::watch::{FIRST_VERSION, Slot, Watch, WatchId};
use crate::{Notified, PresenceServer};
use clock::Now;
use ims_node::notifier::{check_no_filter, subscribed};
use ims_node::{Effects, InboundRequest, Refusal, Source};
use sip_event::{
    AcceptedSubscribe, Authorisation, Dialog, DialogId, Granted, NotifierInput, NotifyContext, check_accept,
    check_event, grant,
};
use sip_message::{Event, Message, Response, StatusCode};
use std::sync::Arc;

impl PresenceServer {
    pub(crate) fn on_subscribe(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Notified>,
    ) -> Result<Response, Refusal> {
        match DialogId::of_request(request.message()) {
            None => self.open(now, request, fx),
            Some(dialog) => {
                let id = self.watches.of_dialog(&dialog).ok_or_else(Refusal::no_subscription)?;
                self.go_on_in_dialog(now, request, id, fx)
            }
        }
    }

    /// Figures 1 and 2: SubscribePres has arrived; MsgAck is the answer, and NotifyPresUp follows it. The checks stand in
    /// the order of rule SUB-N-01: who, what package, allowed, how long, what body.
    fn open(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Notified>,
    ) -> Result<Response, Refusal> {
        let message = request.message();
        let presentity = presentity(&self.settings, request.request_uri())?;
        let watcher = sender(request)?;
        let ask = Ask::new(message, &watcher, &presentity);
        if let Some((id, granted)) = self.subscribed_before(now, message, ask) {
            fx.hold_answer();
            return Ok(subscribed(message, &id.tag(), &self.settings.contact(), granted));
        }
        let event = check_event(message, &SUBSCRIBED).map_err(bad_event)?;
        let sphere = self.sphere(now, &presentity);
        let ruling = self.ruling(now, &presentity, &watcher, sphere.as_deref());
        check_allowed(&ruling)?;
        let granted = self.grant(message)?;
        self.check_room(now, &presentity, &watcher)?;
        if !granted.is_zero() {
            fx.check_storage(now)?;
        }
        let id = self.watches.fresh_id(ask, &mut fx.random);
        let dialog = Dialog::from_subscribe(message, &id.tag())?;
        // Composing takes the longest: nobody who is refused has it done.
        let mut views = self.views(now, &presentity);
        let mut watch = Watch::new(Arc::clone(&presentity), watcher, dialog);
        watch.made_at = Some(now.mono);
        if let Some(slot) = self.slot(now, &mut watch, (event, granted), (&ruling, &mut views)) {
            watch.push(slot);
        }
        self.insert(id, watch);
        self.composed.keep(&presentity, &views);
        if let Some(watch) = self.watches.take(id) {
            self.settle(now, (id, watch), &mut Some(views), fx);
        }
        self.tidy(now, &presentity);
        Ok(subscribed(message, &id.tag(), &self.settings.contact(), granted))
    }

    /// The watch and lifetime that an earlier copy of this SUBSCRIBE was given, if there was one ([`crate::merged`]).
    fn subscribed_before(&self, now: Now, message: &Message, ask: Ask) -> Option<(WatchId, Granted)> {
        let (id, watch) = self.watches.made_by(message, ask)?;
        // The same request was granted the same.
        let granted = self.grant(message).ok()?;
        let is_recent = match watch.made_at {
            Some(made_at) => now.mono.saturating_since(made_at) < TIMER_J,
            // Of one that was refreshed since, nothing better is known.
            None => watch
                .slots
                .iter()
                .any(|slot| is_recent(now, granted, slot.subscription.record().expires_at())),
        };
        (granted.is_zero() || is_recent).then_some((id, granted))
    }

    /// Rules SUB-N-12 and SUB-N-13: a refresh or the end of one subscription of the dialog. What is refused here leaves
    /// the subscription as it was.
    fn go_on_in_dialog(
        &mut self,
        now: Now,
        request: &InboundRequest,
        id: WatchId,
        fx: &mut Effects<Notified>,
    ) -> Result<Response, Refusal> {
        let mut watch = self.watches.take(id).ok_or_else(Refusal::no_subscription)?;
        let outcome = self.refresh(now, request, &mut watch, fx);
        let outcome = match outcome {
            Ok(Refreshed::Known(granted)) => Ok(granted),
            Ok(Refreshed::Another(granted)) => self.open_in_dialog(now, request, &mut watch, granted),
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(_) => self.settle(now, (id, watch), &mut None, fx),
            Err(_) => self.watches.put_back(id, watch),
        }
        let granted = outcome?;
        Ok(subscribed(request.message(), &id.tag(), &self.settings.contact(), granted))
    }

    fn refresh(
        &self,
        now: Now,
        request: &InboundRequest,
        watch: &mut Watch,
        fx: &Effects<Notified>,
    ) -> Result<Refreshed, Refusal> {
        let message = request.message();
        check_watcher(request, watch)?;
        watch.dialog.accept(message)?;
        let event = check_event(message, &SUBSCRIBED).map_err(bad_event)?;
        let is_live = |slot: &Slot| slot.subscription.is_live(now);
        if !watch.slots.iter().any(is_live) {
            return Err(Refusal::no_subscription());
        }
        let known = watch.slots.iter().any(|slot| slot.is_for(event));
        let at = watch.slots.iter().position(|slot| slot.is_for(event) && is_live(slot));
        if known && at.is_none() {
            return Err(Refusal::no_subscription());
        }
        let granted = self.grant(message)?;
        // Also the end of a subscription is promised: after a restart it must not be alive again.
        fx.check_storage(now)?;
        watch.dialog.refresh_target(message)?;
        let Some(slot) = at.and_then(|at| watch.slots.get_mut(at)) else {
            return Ok(Refreshed::Another(granted));
        };
        let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.notify };
        slot.subscription.handle(now, NotifierInput::Subscribed(granted), with);
        Ok(Refreshed::Known(granted))
    }

    /// Rule SUB-N-20: another Event id in a known dialog is another subscription.
    fn open_in_dialog(
        &mut self,
        now: Now,
        request: &InboundRequest,
        watch: &mut Watch,
        granted: Granted,
    ) -> Result<Granted, Refusal> {
        let event = check_event(request.message(), &SUBSCRIBED).map_err(bad_event)?;
        if granted.is_zero() {
            return Err(Refusal::no_subscription());
        }
        let sphere = self.sphere(now, &watch.presentity);
        let ruling = self.ruling(now, &watch.presentity, &watch.watcher, sphere.as_deref());
        check_allowed(&ruling)?;
        let mut views = self.views(now, &watch.presentity);
        let slot = self.slot(now, watch, (event, granted), (&ruling, &mut views));
        watch.push(slot.ok_or_else(|| too_many("too many subscriptions in one dialog"))?);
        Ok(granted)
    }

    fn slot(
        &self,
        now: Now,
        watch: &mut Watch,
        (event, granted): (Event<'_>, Granted),
        (ruling, views): (&Ruling, &mut Views),
    ) -> Option<Slot> {
        let number = watch.free_number()?;
        let authorisation = ruling.authorisation();
        let accepted = AcceptedSubscribe { event, granted, authorisation, version: FIRST_VERSION };
        let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.notify };
        let subscription = sip_event::Subscription::new(now, accepted, with);
        Some(Slot::new(number, subscription, views.view(&ruling.verdict).digest))
    }

    /// How long, and whether we have a body that the watcher takes (rules SUB-N-03 to SUB-N-05, PRS-20).
    fn grant(&self, message: &Message) -> Result<Granted, Refusal> {
        let granted = grant(message.expires(), &self.settings.subscription)?;
        check_accept(message, &[PIDF])
            .map_err(|error| Refusal::new(error.status(), "Accept takes no presence document"))?;
        check_no_filter(message)?;
        Ok(granted)
    }

    fn check_room(&self, now: Now, presentity: &str, watcher: &Sender) -> Result<(), Refusal> {
        let bounds = &self.settings.bounds;
        let to_it = self.watches.of(presentity).len();
        let by_it = self.watches.count_by(watcher);
        if to_it >= bounds.per_presentity {
            return Err(too_many("too many subscriptions to this presentity"));
        }
        if by_it >= bounds.per_watcher {
            return Err(too_many("too many subscriptions of this watcher"));
        }
        if self.watches.len() >= bounds.subscriptions || !self.has_room_for(presentity) {
            let first_end = now.seconds_until(self.watches.deadline());
            return Err(Refusal::no_room("too many subscriptions", first_end));
        }
        Ok(())
    }
}

/// What a SUBSCRIBE in a dialog is for.
enum Refreshed {
    /// A subscription that is there.
    Known(Granted),
    /// One that is not there yet.
    Another(Granted),
}

/// The network need not assert an identity in the requests of a dialog; where it does, it must be the watcher's. Otherwise
/// the tag counts, which nobody else was told; but another network speaks for its own users only, and must say for whom.
fn check_watcher(request: &InboundRequest, watch: &Watch) -> Result<(), Refusal> {
    let is_watcher = match Sender::of(request) {
        Some(sender) => sender.iter().any(|identity| watch.watcher.is(identity)),
        None => *request.source() == Source::Own,
    };
    if is_watcher {
        Ok(())
    } else {
        Err(Refusal::new(StatusCode::FORBIDDEN, "this is somebody else's subscription"))
    }
}

fn check_allowed(ruling: &Ruling) -> Result<(), Refusal> {
    match ruling.authorisation() {
        Authorisation::Allowed | Authorisation::Undecided => Ok(()),
        Authorisation::Refused => {
            Err(Refusal::new(StatusCode::FORBIDDEN, "the presentity does not let this watcher watch"))
        }
    }
}

fn too_many(cause: &'static str) -> Refusal {
    Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, cause)
}
