//! Subscriptions to presence, each in a dialog of its own.

use crate::agent::UeAgent;
use crate::compose;
use crate::report::{Report, SubscriptionState};
use crate::role::Own;
use crate::settings::Settings;
use crate::warning;
use clock::{Mono, Now};
use ims_node::{Effects, Outcome, Random};
use sip_event::{
    Answer, Retry, Schedule, SentSubscribe, Subscriber, SubscriberConfig, SubscriberEnd, SubscriberInput,
    SubscriberOutput,
};
use sip_message::{Event, Method, Substate, Uri};
use std::time::Duration;

/// Subscriptions at a time, fetches among them; one more is refused.
pub const MAX_WATCHES: usize = 256;

const PRESENCE: Event<'_> = Event { package: "presence", id: None };

/// Number of a subscription, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchId(u64);

/// Whether a subscription stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Watch,
    Fetch,
}

/// One subscription.
#[derive(Debug)]
pub(crate) struct Watch {
    id: WatchId,
    uri: Uri,
    kind: Kind,
    subscriber: Subscriber,
    /// A first SUBSCRIBE with this Expires that waits for our registration.
    due: Option<u32>,
    /// The number of the latest SUBSCRIBE: answers to earlier ones count no more.
    number: u32,
    /// What stood in the Warning of the latest answer.
    warning: Option<String>,
    /// The subscription before our flow changed; its NOTIFYs count until the new one is active (design of the moving
    /// watcher, figures 6 and 7).
    former: Option<Subscriber>,
    /// The user wants no more of it.
    left: bool,
    /// It has ended and does not come back.
    over: bool,
}

impl Watch {
    pub(crate) const fn uri(&self) -> &Uri {
        &self.uri
    }

    pub(crate) fn is_kept(&self) -> bool {
        self.kind == Kind::Watch
    }

    /// Both machines that may know a NOTIFY.
    pub(crate) fn subscribers(&mut self) -> impl Iterator<Item = &mut Subscriber> {
        [Some(&mut self.subscriber), self.former.as_mut()].into_iter().flatten()
    }

    /// Whether an old dialog still counts.
    pub(crate) const fn has_former(&self) -> bool {
        self.former.is_some()
    }

    /// Ends it, by a SUBSCRIBE if there is a dialog.
    fn leave(&mut self, now: Now) {
        self.left = true;
        self.subscriber.handle(now, SubscriberInput::Unsubscribe);
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.subscriber.poll_timeout()
    }
}

fn subscriber(settings: &Settings, kind: Kind, random: &mut Random) -> Subscriber {
    let expires = match kind {
        Kind::Watch => settings.subscription_s,
        Kind::Fetch => 0,
    };
    Subscriber::new(SubscriberConfig { expires, t1: settings.t1, schedule: schedule(random) }, PRESENCE)
}

/// When subscriptions and publications come back.
pub(crate) fn schedule(random: &mut Random) -> Schedule {
    let [jitter, ..] = random.bits().to_le_bytes();
    Schedule { jitter, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(30) }
}

/// Why nobody more is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotWatched {
    Already,
    TooMany,
    NotAtAll,
}

impl UeAgent {
    pub(crate) fn watch(&mut self, uri: &Uri, kind: Kind, random: &mut Random) -> Result<(), NotWatched> {
        let same = |watch: &Watch| watch.uri.is_equivalent(uri) && watch.kind == kind;
        if self.watches.iter().any(same) {
            return Err(NotWatched::Already);
        }
        if self.watches.len() >= MAX_WATCHES {
            return Err(NotWatched::TooMany);
        }
        self.last_watch += 1;
        self.watches.push(Watch {
            id: WatchId(self.last_watch),
            uri: uri.clone(),
            kind,
            subscriber: subscriber(&self.settings, kind, random),
            due: None,
            number: 0,
            warning: None,
            former: None,
            left: false,
            over: false,
        });
        Ok(())
    }

    pub(crate) fn unwatch(&mut self, now: Now, uri: &Uri) -> Result<(), NotWatched> {
        let watch = self.watches.iter_mut().find(|watch| watch.uri.is_equivalent(uri));
        watch.ok_or(NotWatched::NotAtAll)?.leave(now);
        Ok(())
    }

    pub(crate) fn unwatch_all(&mut self, now: Now) {
        for watch in &mut self.watches {
            watch.leave(now);
        }
    }

    /// Our flow is another one: dialogs along the old one lead nowhere, so every subscription is made anew.
    pub(crate) fn watch_anew(&mut self, random: &mut Random) {
        for watch in self.watches.iter_mut().filter(|watch| !watch.left) {
            let fresh = subscriber(&self.settings, watch.kind, random);
            let old = std::mem::replace(&mut watch.subscriber, fresh);
            // Of two earlier ones the last that was active counts; it is the older where the newer never became so.
            watch.former.get_or_insert(old);
            watch.due = None;
            watch.number += 1;
        }
    }

    pub(crate) fn watches_due(&mut self, now: Now) {
        for watch in &mut self.watches {
            if watch.deadline().is_some_and(|at| at <= now.mono) {
                watch.subscriber.handle(now, SubscriberInput::Deadline);
            }
        }
    }

    pub(crate) fn on_subscribe_ended(&mut self, now: Now, (id, number): (WatchId, u32), outcome: &Outcome) {
        let current = |watch: &&mut Watch| watch.id == id && watch.number == number;
        let Some(watch) = self.watches.iter_mut().find(current) else { return };
        watch.warning = None;
        match outcome {
            Outcome::Response(response) => {
                let Some(answer) = Answer::of(response) else { return };
                watch.warning = warning::text(response);
                watch.subscriber.handle(now, SubscriberInput::Answered(answer));
            }
            Outcome::TimedOut | Outcome::Unreachable | Outcome::Unresolved(_) => {
                watch.subscriber.handle(now, SubscriberInput::NoAnswer);
            }
        }
    }

    /// Does what the subscriptions want; whether there was anything.
    pub(crate) fn run_watches(&mut self, now: Now, fx: &mut Effects<Own>) -> bool {
        let mut busy = false;
        for at in 0..self.watches.len() {
            while let Some(output) = self.watches.get_mut(at).and_then(|w| w.subscriber.poll_output()) {
                busy = true;
                self.carry_out(now, at, output, fx);
            }
            busy |= self.subscribe_due(now, at, fx);
        }
        self.watches.retain(|watch| !watch.over);
        busy
    }

    fn carry_out(&mut self, now: Now, at: usize, output: SubscriberOutput, fx: &mut Effects<Own>) {
        let Some(watch) = self.watches.get_mut(at) else { return };
        match output {
            SubscriberOutput::SubscribeAnew(expires) => watch.due = Some(expires),
            SubscriberOutput::SubscribeInDialog(expires) => self.subscribe_in_dialog(now, at, expires, fx),
            SubscriberOutput::State(state) => {
                if state == Substate::Active {
                    watch.former = None;
                }
                let report = Report::Subscription {
                    uri: watch.uri.as_str().into(),
                    state: state_of(state),
                    reason: None,
                    status: None,
                    retry_s: None,
                };
                self.report(report);
            }
            SubscriberOutput::Ended(end, retry) => {
                watch.due = None;
                watch.over = retry == Retry::Never;
                let report = ended(watch, end, retry);
                self.report(report);
            }
        }
    }

    /// Rule RT-P-01: nothing is sent before we are registered.
    fn subscribe_due(&mut self, now: Now, at: usize, fx: &mut Effects<Own>) -> bool {
        let Some(binding) = self.registration.binding() else { return false };
        let Some(watch) = self.watches.get_mut(at) else { return false };
        let Some(expires) = watch.due.take() else { return false };
        let sent = SentSubscribe {
            call_id: fx.random.secret().into(),
            local_tag: fx.random.token().into(),
            local_uri: binding.identity(self.settings.account.impu()).clone(),
            remote_uri: watch.uri.clone(),
            cseq: 1,
        };
        watch.number += 1;
        let event = watch.subscriber.event().to_owned();
        let draft = compose::subscribe_anew(&self.settings, binding, &sent, (&event, expires));
        watch.subscriber.handle(now, SubscriberInput::Sent(sent));
        let own = Own::Subscribe { watch: watch.id, number: watch.number };
        self.send(draft, own, fx);
        true
    }

    fn subscribe_in_dialog(&mut self, now: Now, at: usize, expires: u32, fx: &mut Effects<Own>) {
        let Some(watch) = self.watches.get_mut(at) else { return };
        let Some(binding) = self.registration.binding() else {
            return watch.subscriber.handle(now, SubscriberInput::NoAnswer);
        };
        watch.number += 1;
        let event = watch.subscriber.event().to_owned();
        let Some(dialog) = watch.subscriber.dialog_mut() else { return };
        let draft = dialog.request(Method::Subscribe);
        let draft = compose::subscribe_in_dialog(&self.settings, binding, draft, (&event, expires));
        let own = Own::Subscribe { watch: watch.id, number: watch.number };
        self.send(draft, own, fx);
    }
}

pub(crate) const fn state_of(state: Substate) -> SubscriptionState {
    match state {
        Substate::Active => SubscriptionState::Active,
        Substate::Pending => SubscriptionState::Pending,
        Substate::Terminated => SubscriptionState::Ended,
    }
}

fn ended(watch: &mut Watch, end: SubscriberEnd, retry: Retry) -> Report {
    let warning = watch.warning.take();
    let (reason, status) = match end {
        SubscriberEnd::Notified(Some(reason)) => (reason.as_str().to_owned(), None),
        SubscriberEnd::Notified(None) => ("terminated".to_owned(), None),
        SubscriberEnd::Refused(status) => {
            (warning.unwrap_or_else(|| status.reason().to_owned()), Some(status.code()))
        }
        SubscriberEnd::NoAnswer => ("no answer".to_owned(), None),
        SubscriberEnd::NoNotify => ("no NOTIFY came".to_owned(), None),
        SubscriberEnd::Expired => ("expired".to_owned(), None),
        SubscriberEnd::Unsubscribed => ("unsubscribed".to_owned(), None),
    };
    let retry_s = match retry {
        Retry::Now => Some(0),
        Retry::After(wait) => Some(wait.as_secs()),
        Retry::Never => None,
    };
    let (uri, reason) = (watch.uri.as_str().into(), Some(reason.into()));
    Report::Subscription { uri, state: SubscriptionState::Ended, reason, status, retry_s }
}
