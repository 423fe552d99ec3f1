//! SUBSCRIBE (RFC 6665 section 4.2.1): a new subscription, a fetch, a refresh, an end.

use super::Notifier;
use super::request_fingerprint::{RequestFingerprint, is_recent};
use super::table::LentDialog;
use super::watcher_dialog::{FIRST_VERSION, Usage, WatcherDialog, WatcherDialogId};
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
pub struct InitialSubscribe<'a, P: Package> {
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
    GivesWay(WatcherDialogId),
    /// The forerunner is sent a NOTIFY; if its watcher has lost it, the answer is 481.
    IsAsked(WatcherDialogId),
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
        initial: InitialSubscribe<'_, P>,
        source: &mut impl Source<P>,
        random: &mut dyn FnMut() -> u64,
    ) -> Result<Accepted, Refused> {
        let InitialSubscribe { subscribe, resource, watcher, can_keep } = initial;
        let request = RequestFingerprint::new(subscribe, &watcher, &resource);
        if let Some((id, granted)) = self.subscribed_before(now, subscribe, request) {
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
        let id = self.dialogs.fresh_id(request, random);
        let dialog = Dialog::from_subscribe(subscribe, &id.tag())?.spread(id.0);
        if let Forerunner::GivesWay(forerunner) = forerunner {
            self.end_dialog(now, forerunner, source);
        }
        // To see what there is takes the longest: nobody who is refused has it done.
        let fingerprint = source.fingerprint(now, &resource, &ruling.view);
        let mut watcher_dialog = WatcherDialog::new(watcher, dialog);
        watcher_dialog.made_at = Some(now.mono);
        let authorisation = ruling.authorisation;
        let accepted = AcceptedSubscribe { event, granted, authorisation, version: FIRST_VERSION };
        let subscription = self.begin(now, &mut watcher_dialog, accepted);
        watcher_dialog.usages.push(Usage::new(0, resource, extra, subscription, fingerprint));
        self.dialogs.enter(id, &mut watcher_dialog);
        self.finish(now, LentDialog { id, watcher_dialog }, Some(ruling), source);
        if let Forerunner::IsAsked(forerunner) = forerunner {
            self.tell_anew(now, forerunner, source);
        }
        Ok(Accepted { local_tag: id.tag(), granted, is_repeat: false })
    }
}

impl<P: Package> Notifier<P> {
    /// The dialog and lifetime that an earlier copy of this SUBSCRIBE was given, if there was one ([`RequestFingerprint`]).
    fn subscribed_before(
        &self,
        now: Now,
        subscribe: &Message,
        request: RequestFingerprint,
    ) -> Option<(WatcherDialogId, Granted)> {
        let (id, watcher_dialog) = self.dialogs.made_by(subscribe, request)?;
        // The same request was granted the same.
        let granted = self.grant(subscribe).ok()?;
        let timer_j = self.settings.policy.timer_n;
        let is_recent = match watcher_dialog.made_at {
            Some(made_at) => now.mono.saturating_since(made_at) < timer_j,
            // Of one that was refreshed since, nothing better is known.
            None => watcher_dialog
                .usages
                .iter()
                .any(|usage| is_recent(now, granted, usage.subscription.record().expires_at(), timer_j)),
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
        let id = self.dialogs.of_dialog(&dialog).ok_or(Refused::NoSubscription)?;
        let mut lent = self.dialogs.take(id).ok_or(Refused::NoSubscription)?;
        let refreshed = if is_watcher(&lent.watcher_dialog.watcher) {
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
                self.dialogs.put_back(lent);
                Err(refused)
            }
        }
    }

    fn refresh(
        &mut self,
        now: Now,
        subscribe: &Message,
        can_keep: bool,
        lent: &mut LentDialog<P>,
        source: &mut impl Source<P>,
    ) -> Result<Granted, Refused> {
        let watcher_dialog = &mut *lent.watcher_dialog;
        watcher_dialog.dialog.accept(subscribe)?;
        let event = check_event(subscribe, P::PACKAGES)?;
        let is_live = |usage: &Usage<P>| usage.subscription.is_live(now);
        let known = watcher_dialog.usages.iter().position(|usage| usage.is_for(event));
        let is_there = known.map(|at| watcher_dialog.usages.get(at).is_some_and(is_live));
        if is_there == Some(false) || !watcher_dialog.usages.iter().any(is_live) {
            return Err(Refused::NoSubscription);
        }
        let granted = self.grant(subscribe)?;
        let extra = source.extra(subscribe)?;
        // Also the end of a subscription is promised: after a restart it must not be alive again.
        if !can_keep {
            return Err(Refused::NotKept);
        }
        let Some(usage) = known.and_then(|at| watcher_dialog.usages.get_mut(at)) else {
            return self.open_beside(now, lent, Checked { subscribe, event, granted, extra }, source);
        };
        watcher_dialog.dialog.refresh_target(subscribe)?;
        let with = NotifyContext { dialog: &mut watcher_dialog.dialog, policy: &self.settings.policy };
        usage.subscription.handle(now, NotifierInput::Subscribed(granted), with);
        Ok(granted)
    }

    /// Rule SUB-N-20: another Event id in a known dialog is another subscription.
    fn open_beside(
        &mut self,
        now: Now,
        lent: &mut LentDialog<P>,
        checked: Checked<'_, P>,
        source: &mut impl Source<P>,
    ) -> Result<Granted, Refused> {
        let LentDialog { id, watcher_dialog } = lent;
        let Checked { subscribe, event, granted, extra } = checked;
        if granted.is_zero() {
            return Err(Refused::NoSubscription);
        }
        let number = watcher_dialog.free_number().ok_or(Refused::CrowdedDialog)?;
        let known = watcher_dialog.usages.first().ok_or(Refused::NoSubscription)?;
        let resource = source.beside(&known.resource, event);
        let ruling = source.ruling(now, &resource, &watcher_dialog.watcher);
        let authorisation = ruling.authorisation;
        check_allowed(authorisation)?;
        watcher_dialog.dialog.refresh_target(subscribe)?;
        let fingerprint = source.fingerprint(now, &resource, &ruling.view);
        let accepted = AcceptedSubscribe { event, granted, authorisation, version: FIRST_VERSION };
        let subscription = self.begin(now, watcher_dialog, accepted);
        self.dialogs.add(*id, watcher_dialog, Usage::new(number, resource, extra, subscription, fingerprint));
        Ok(granted)
    }

    /// The subscription that an accepted SUBSCRIBE begins in this dialog.
    fn begin(
        &self,
        now: Now,
        watcher_dialog: &mut WatcherDialog<P>,
        accepted: AcceptedSubscribe<'_>,
    ) -> Subscription {
        let with = NotifyContext { dialog: &mut watcher_dialog.dialog, policy: &self.settings.policy };
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
        let found = found.and_then(|target| self.dialogs.forerunner(resource, watcher, &target));
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
        let to_it = self.dialogs.of(resource).len();
        let is_new = to_it == 0 && self.dialogs.resources_len() >= bounds.resources;
        if to_it >= bounds.per_resource.saturating_mul(times) {
            Err(Refused::CrowdedResource)
        } else if self.dialogs.count_by(watcher) >= bounds.per_watcher.saturating_mul(times) {
            Err(Refused::BusyWatcher)
        } else if self.dialogs.len() >= bounds.subscriptions.saturating_mul(times) || is_new {
            Err(Refused::NoRoom(self.dialogs.deadline()))
        } else {
            Ok(())
        }
    }

    /// Sends a watcher a NOTIFY although nothing has changed: a watcher that has lost the subscription answers 481.
    fn tell_anew(&mut self, now: Now, id: WatcherDialogId, source: &mut impl Source<P>) {
        let Some(mut lent) = self.dialogs.take(id) else { return };
        let WatcherDialog { dialog, usages, .. } = &mut *lent.watcher_dialog;
        for usage in usages {
            let with = NotifyContext { dialog, policy: &self.settings.policy };
            let again = NotifierInput::Changed(usage.subscription.newest() + 1);
            usage.subscription.handle(now, again, with);
        }
        self.finish(now, lent, None, source);
    }

    /// Ends a dialog that gives way to another dialog of the same watcher. The reason tells the watcher not to subscribe again for it.
    fn end_dialog(&mut self, now: Now, id: WatcherDialogId, source: &mut impl Source<P>) {
        let Some(mut lent) = self.dialogs.take(id) else { return };
        let end = NotifierInput::Terminate { reason: Reason::Rejected, retry_after: None };
        self.hand(now, &mut lent.watcher_dialog, end);
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
