//! SUBSCRIBE (RFC 6665 section 4.2.1): a new subscription, a fetch, a refresh, an end.

use super::Notifier;
use super::ask::{Ask, is_recent};
use super::table::LentWatch;
use super::watch::{FIRST_VERSION, Slot, Watch, WatchId};
use crate::dialog::{BadDialog, Dialog, DialogError};
use crate::dialog_id::DialogId;
use crate::expires::{Granted, TooBrief, grant};
use crate::notify::{AcceptedSubscribe, Authorisation, NotifierInput, NotifyContext};
use crate::package::{Package, Source, UnknownBody};
use crate::reason::Reason;
use crate::subscribe_check::{BadEvent, NotAcceptable, check_accept, check_event};
use crate::subscription::Subscription;
use clock::{Mono, Now};
use sip_message::{Event, HeaderName, Message};
use std::fmt::Display;
use std::sync::Arc;

/// A SUBSCRIBE outside a dialog, from somebody whom the network has asserted.
#[derive(Debug)]
pub struct Asked<'a, P: Package> {
    /// The request.
    pub subscribe: &'a Message,
    /// What it is about.
    pub resource: P::Resource,
    /// Who sends it.
    pub watcher: Arc<str>,
    /// Whether the journal takes anything.
    pub can_keep: bool,
}

/// What a SUBSCRIBE is answered with 200.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Our tag.
    pub local_tag: String,
    /// How long.
    pub granted: Granted,
    /// It came before: nothing new was made, and what was made may not be kept yet.
    pub is_repeat: bool,
}

/// Why a SUBSCRIBE is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The package is none of ours; the sender's fault.
    Event(BadEvent),
    /// The rules do not let this watcher watch.
    NotAllowed,
    /// Expires is too short; the sender's fault.
    Brief(TooBrief),
    /// Accept takes nothing that we have.
    Accept(NotAcceptable),
    /// It has a body that has to be understood and is not.
    Body,
    /// It can begin no dialog; the sender's fault.
    Dialog(BadDialog),
    /// It is older than what has come in its dialog.
    Order(DialogError),
    /// There is no such subscription.
    NoSubscription,
    /// The subscription is somebody else's.
    SomebodyElse,
    /// Too many subscriptions in one dialog.
    CrowdedDialog,
    /// Too many subscriptions to this resource.
    CrowdedResource,
    /// Too many subscriptions of this watcher.
    BusyWatcher,
    /// Too many subscriptions; the first of them ends then.
    NoRoom(Option<Mono>),
    /// The journal takes nothing.
    NotKept,
}

/// What becomes of the forerunner of a new subscription. The forerunner is the oldest subscription of the same watcher to the same resource
/// at the same address; a watcher that was restarted has lost it.
#[derive(Debug, Clone, Copy)]
enum Forerunner {
    /// There is no forerunner, or none was looked for.
    None,
    /// There is no room for both subscriptions, and the forerunner ends.
    GivesWay(WatchId),
    /// The forerunner is sent a NOTIFY; if its watcher has lost it, the answer is 481.
    IsAsked(WatchId),
}

/// A SUBSCRIBE in a dialog that has passed the checks of a refresh.
#[derive(Debug)]
struct Checked<'a, P: Package> {
    subscribe: &'a Message,
    event: Event<'a>,
    granted: Granted,
    extra: P::Extra,
}

impl<P: Package<Resource: Display>> Notifier<P> {
    /// A SUBSCRIBE outside a dialog. The checks stand in the order of rule SUB-N-01: the package, whether the watcher is allowed, the
    /// lifetime, the body. The owner has checked before who the watcher is.
    ///
    /// # Errors
    /// [`Refused`]; nothing has changed.
    pub fn subscribe(
        &mut self,
        now: Now,
        asked: Asked<'_, P>,
        source: &mut impl Source<P>,
        random: &mut dyn FnMut() -> u64,
    ) -> Result<Accepted, Refused> {
        let Asked { subscribe, resource, watcher, can_keep } = asked;
        let ask = Ask::new(subscribe, &watcher, &resource);
        if let Some((id, granted)) = self.subscribed_before(now, subscribe, ask) {
            return Ok(Accepted { local_tag: id.tag(), granted, is_repeat: true });
        }
        let event = check_event(subscribe, P::PACKAGES)?;
        let ruling = source.ruling(now, &resource, &watcher);
        check_allowed(ruling.authorisation)?;
        let granted = self.grant(subscribe)?;
        let extra = source.extra(subscribe)?;
        let forerunner = self.check_room(subscribe, &resource, &watcher, granted)?;
        if !granted.is_zero() && !can_keep {
            return Err(Refused::NotKept);
        }
        let id = self.watches.fresh_id(ask, random);
        let dialog = Dialog::from_subscribe(subscribe, &id.tag())?.spread(id.0);
        if let Forerunner::GivesWay(forerunner) = forerunner {
            self.end_watch(now, forerunner, source);
        }
        // To see what there is takes the longest: nobody who is refused has it done.
        let fingerprint = source.fingerprint(now, &resource, &ruling.view);
        let mut watch = Watch::new(watcher, dialog);
        watch.made_at = Some(now.mono);
        let authorisation = ruling.authorisation;
        let accepted = AcceptedSubscribe { event, granted, authorisation, version: FIRST_VERSION };
        let subscription = self.begin(now, &mut watch, accepted);
        watch.slots.push(Slot::new(0, resource, extra, subscription, fingerprint));
        self.watches.enter(id, &mut watch);
        self.finish(now, LentWatch { id, watch }, Some(ruling), source);
        if let Forerunner::IsAsked(forerunner) = forerunner {
            self.tell_anew(now, forerunner, source);
        }
        Ok(Accepted { local_tag: id.tag(), granted, is_repeat: false })
    }
}

impl<P: Package> Notifier<P> {
    /// The watch and lifetime that an earlier copy of this SUBSCRIBE was given, if there was one ([`Ask`]).
    fn subscribed_before(&self, now: Now, subscribe: &Message, ask: Ask) -> Option<(WatchId, Granted)> {
        let (id, watch) = self.watches.made_by(subscribe, ask)?;
        // The same request was granted the same.
        let granted = self.grant(subscribe).ok()?;
        let timer_j = self.settings.policy.timer_n;
        let is_recent = match watch.made_at {
            Some(made_at) => now.mono.saturating_since(made_at) < timer_j,
            // Of one that was refreshed since, nothing better is known.
            None => watch
                .slots
                .iter()
                .any(|slot| is_recent(now, granted, slot.subscription.record().expires_at(), timer_j)),
        };
        (granted.is_zero() || is_recent).then_some((id, granted))
    }

    /// A SUBSCRIBE in a dialog (rules SUB-N-12, SUB-N-13 and SUB-N-20): it refreshes a subscription, ends it, or begins another
    /// subscription in the same dialog. `is_watcher` is given the name of the watcher of the dialog and says whether the request comes
    /// from that watcher. A request that is refused leaves the subscriptions as they were.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn resubscribe(
        &mut self,
        now: Now,
        subscribe: &Message,
        can_keep: bool,
        is_watcher: impl FnOnce(&str) -> bool,
        source: &mut impl Source<P>,
    ) -> Result<Accepted, Refused> {
        let dialog = DialogId::of_request(subscribe).ok_or(Refused::NoSubscription)?;
        let id = self.watches.of_dialog(&dialog).ok_or(Refused::NoSubscription)?;
        let mut lent = self.watches.take(id).ok_or(Refused::NoSubscription)?;
        let refreshed = if is_watcher(&lent.watch.watcher) {
            self.refresh(now, subscribe, can_keep, &mut lent, source)
        } else {
            Err(Refused::SomebodyElse)
        };
        match refreshed {
            Ok(granted) => {
                self.finish(now, lent, None, source);
                Ok(Accepted { local_tag: id.tag(), granted, is_repeat: false })
            }
            Err(refused) => {
                self.watches.put_back(lent);
                Err(refused)
            }
        }
    }

    fn refresh(
        &mut self,
        now: Now,
        subscribe: &Message,
        can_keep: bool,
        lent: &mut LentWatch<P>,
        source: &mut impl Source<P>,
    ) -> Result<Granted, Refused> {
        let watch = &mut *lent.watch;
        watch.dialog.accept(subscribe)?;
        let event = check_event(subscribe, P::PACKAGES)?;
        let is_live = |slot: &Slot<P>| slot.subscription.is_live(now);
        let known = watch.slots.iter().position(|slot| slot.is_for(event));
        let is_there = known.map(|at| watch.slots.get(at).is_some_and(is_live));
        if is_there == Some(false) || !watch.slots.iter().any(is_live) {
            return Err(Refused::NoSubscription);
        }
        let granted = self.grant(subscribe)?;
        let extra = source.extra(subscribe)?;
        // Also the end of a subscription is promised: after a restart it must not be alive again.
        if !can_keep {
            return Err(Refused::NotKept);
        }
        let Some(slot) = known.and_then(|at| watch.slots.get_mut(at)) else {
            return self.open_beside(now, lent, Checked { subscribe, event, granted, extra }, source);
        };
        watch.dialog.refresh_target(subscribe)?;
        let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.policy };
        slot.subscription.handle(now, NotifierInput::Subscribed(granted), with);
        Ok(granted)
    }

    /// Rule SUB-N-20: another Event id in a known dialog is another subscription.
    fn open_beside(
        &mut self,
        now: Now,
        lent: &mut LentWatch<P>,
        checked: Checked<'_, P>,
        source: &mut impl Source<P>,
    ) -> Result<Granted, Refused> {
        let LentWatch { id, watch } = lent;
        let Checked { subscribe, event, granted, extra } = checked;
        if granted.is_zero() {
            return Err(Refused::NoSubscription);
        }
        let number = watch.free_number().ok_or(Refused::CrowdedDialog)?;
        let known = watch.slots.first().ok_or(Refused::NoSubscription)?;
        let resource = source.beside(&known.resource, event);
        let ruling = source.ruling(now, &resource, &watch.watcher);
        let authorisation = ruling.authorisation;
        check_allowed(authorisation)?;
        watch.dialog.refresh_target(subscribe)?;
        let fingerprint = source.fingerprint(now, &resource, &ruling.view);
        let accepted = AcceptedSubscribe { event, granted, authorisation, version: FIRST_VERSION };
        let subscription = self.begin(now, watch, accepted);
        self.watches.add(*id, watch, Slot::new(number, resource, extra, subscription, fingerprint));
        Ok(granted)
    }

    /// The subscription that an accepted SUBSCRIBE begins in the dialog of this watch.
    fn begin(&self, now: Now, watch: &mut Watch<P>, accepted: AcceptedSubscribe<'_>) -> Subscription {
        let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.policy };
        Subscription::new(now, accepted, with)
    }

    /// How long, and whether we have a body that the watcher takes (rules SUB-N-03 to SUB-N-05).
    fn grant(&self, subscribe: &Message) -> Result<Granted, Refused> {
        let granted = grant(subscribe.expires(), &self.settings.limits)?;
        check_accept(subscribe, P::TYPES)?;
        Ok(granted)
    }

    /// Whether there is room for one more subscription to this resource, and what becomes of the forerunner of the new one.
    fn check_room(
        &self,
        subscribe: &Message,
        resource: &P::Resource,
        watcher: &str,
        granted: Granted,
    ) -> Result<Forerunner, Refused> {
        let crowded = self.check_bounds(resource, watcher, 1).err();
        // A fetch takes nobody's place. The forerunner is looked for only where the outcome depends on it.
        let is_looked_for = !granted.is_zero() && (crowded.is_some() || self.settings.asks_forerunners);
        let target = || subscribe.first_address(HeaderName::Contact)?.uri().ok();
        let found = is_looked_for.then(target).flatten();
        let found = found.and_then(|target| self.watches.forerunner(resource, watcher, &target));
        match (crowded, found) {
            (None, None) => Ok(Forerunner::None),
            (None, Some(forerunner)) => Ok(Forerunner::IsAsked(forerunner)),
            // Until those that give way have been told there are more than the bounds say.
            (Some(_), Some(forerunner)) if self.check_bounds(resource, watcher, 2).is_ok() => {
                Ok(Forerunner::GivesWay(forerunner))
            }
            (Some(crowded), _) => Err(crowded),
        }
    }

    /// Whether there is room for one more subscription if every bound is multiplied by `times`.
    fn check_bounds(&self, resource: &P::Resource, watcher: &str, times: usize) -> Result<(), Refused> {
        let bounds = &self.settings.bounds;
        let to_it = self.watches.of(resource).len();
        let is_new = to_it == 0 && self.watches.resources_len() >= bounds.resources;
        if to_it >= bounds.per_resource.saturating_mul(times) {
            Err(Refused::CrowdedResource)
        } else if self.watches.count_by(watcher) >= bounds.per_watcher.saturating_mul(times) {
            Err(Refused::BusyWatcher)
        } else if self.watches.len() >= bounds.subscriptions.saturating_mul(times) || is_new {
            Err(Refused::NoRoom(self.watches.deadline()))
        } else {
            Ok(())
        }
    }

    /// Sends a watcher a NOTIFY although nothing has changed: a watcher that has lost the subscription answers 481.
    fn tell_anew(&mut self, now: Now, id: WatchId, source: &mut impl Source<P>) {
        let Some(mut lent) = self.watches.take(id) else { return };
        let Watch { dialog, slots, .. } = &mut *lent.watch;
        for slot in slots {
            let with = NotifyContext { dialog, policy: &self.settings.policy };
            let again = NotifierInput::Changed(slot.subscription.newest() + 1);
            slot.subscription.handle(now, again, with);
        }
        self.finish(now, lent, None, source);
    }

    /// Ends a watch that gives way to another watch of the same watcher. The reason tells the watcher not to subscribe again for it.
    fn end_watch(&mut self, now: Now, id: WatchId, source: &mut impl Source<P>) {
        let Some(mut lent) = self.watches.take(id) else { return };
        let end = NotifierInput::Terminate { reason: Reason::Rejected, retry_after: None };
        self.hand(now, &mut lent.watch, end);
        self.finish(now, lent, None, source);
    }
}

fn check_allowed(authorisation: Authorisation) -> Result<(), Refused> {
    match authorisation {
        Authorisation::Allowed | Authorisation::Undecided => Ok(()),
        Authorisation::Refused => Err(Refused::NotAllowed),
    }
}

impl From<BadEvent> for Refused {
    fn from(bad: BadEvent) -> Self {
        Self::Event(bad)
    }
}

impl From<TooBrief> for Refused {
    fn from(brief: TooBrief) -> Self {
        Self::Brief(brief)
    }
}

impl From<NotAcceptable> for Refused {
    fn from(bad: NotAcceptable) -> Self {
        Self::Accept(bad)
    }
}

impl From<UnknownBody> for Refused {
    fn from(UnknownBody: UnknownBody) -> Self {
        Self::Body
    }
}

impl From<BadDialog> for Refused {
    fn from(bad: BadDialog) -> Self {
        Self::Dialog(bad)
    }
}

impl From<DialogError> for Refused {
    fn from(error: DialogError) -> Self {
        Self::Order(error)
    }
}
