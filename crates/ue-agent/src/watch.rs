//! Whom the user watches: what is known of each beside its subscription.

use crate::agent::UeAgent;
use crate::ask::{NotDone, Told};
use crate::report::{Report, SubscriptionState};
use crate::settings::UeAgentSettings;
use crate::warning;
use clock::Now;
use ims_node::{Outcome, Random};
use sip_event::{Retry, Schedule, SubscriberConfig, SubscriberEnd, SubscriberOutput};
use sip_message::{Event, Substate, Uri};
use std::time::Duration;

/// Subscriptions at a time, fetches among them; one more is refused.
pub const MAX_WATCHES: usize = 256;

pub(crate) const PRESENCE: Event<'_> = Event { package: "presence", id: None };

/// Number of a subscription, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(u64);

/// Whether a subscription stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Watch,
    Fetch,
}

/// What the agent subscribes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Watched {
    /// Its own registration.
    Registration,
    /// Somebody's presence.
    Presence(WatchId),
}

/// One subscription to presence.
#[derive(Debug)]
pub(crate) struct Watch {
    id: WatchId,
    uri: Uri,
    kind: Kind,
    /// What stood in the Warning of the latest answer.
    warning: Option<String>,
    /// The user wants no more of it.
    left: bool,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    all: Vec<Watch>,
    last: u64,
}

impl Watches {
    /// Those that stay, by whom they watch.
    pub(crate) fn kept(&self) -> impl Iterator<Item = &Uri> {
        self.all.iter().filter(|watch| watch.kind == Kind::Watch).map(|watch| &watch.uri)
    }

    /// Whom it watches.
    pub(crate) fn uri(&self, id: WatchId) -> Option<&Uri> {
        self.all.iter().find(|watch| watch.id == id).map(|watch| &watch.uri)
    }

    fn get_mut(&mut self, id: WatchId) -> Option<&mut Watch> {
        self.all.iter_mut().find(|watch| watch.id == id)
    }

    fn add(&mut self, uri: &Uri, kind: Kind) -> Result<WatchId, NotDone> {
        let same = |watch: &Watch| watch.uri.is_equivalent(uri) && watch.kind == kind;
        if self.all.iter().any(same) {
            return Err(NotDone::WatchedAlready(uri.clone()));
        }
        if self.all.len() >= MAX_WATCHES {
            return Err(NotDone::TooManyWatched);
        }
        self.last += 1;
        let id = WatchId(self.last);
        self.all.push(Watch { id, uri: uri.clone(), kind, warning: None, left: false });
        Ok(id)
    }

    /// Those of whom the user wants no more from now on: this one's, or all.
    fn leave(&mut self, uri: Option<&Uri>) -> Vec<WatchId> {
        let is_meant = |watch: &&mut Watch| uri.is_none_or(|uri| watch.uri.is_equivalent(uri));
        let most = if uri.is_some() { 1 } else { usize::MAX };
        let leave = |watch: &mut Watch| {
            watch.left = true;
            watch.id
        };
        self.all.iter_mut().filter(is_meant).take(most).map(leave).collect()
    }

    fn remove(&mut self, id: WatchId) {
        self.all.retain(|watch| watch.id != id);
    }
}

fn config(settings: &UeAgentSettings, kind: Kind, random: &mut Random) -> SubscriberConfig {
    let expires = match kind {
        Kind::Watch => settings.subscription_s,
        Kind::Fetch => 0,
    };
    SubscriberConfig { expires, t1: settings.t1, schedule: schedule(random) }
}

/// When subscriptions and publications come back.
pub(crate) fn schedule(random: &mut Random) -> Schedule {
    let [jitter, ..] = random.bits().to_le_bytes();
    Schedule { jitter, first_wait: Duration::from_secs(1), longest_wait: Duration::from_secs(30) }
}

impl UeAgent {
    pub(crate) fn watch(&mut self, uri: &Uri, kind: Kind, random: &mut Random) -> Told {
        let id = self.watches.add(uri, kind)?;
        self.subscriptions.begin(Watched::Presence(id), config(&self.settings, kind, random), PRESENCE);
        Ok(())
    }

    pub(crate) fn unwatch(&mut self, now: Now, uri: &Uri) -> Told {
        let left = self.watches.leave(Some(uri));
        let id = left.first().ok_or_else(|| NotDone::NotWatched(uri.clone()))?;
        self.subscriptions.unsubscribe(now, &Watched::Presence(*id));
        Ok(())
    }

    pub(crate) fn unwatch_all(&mut self, now: Now) {
        for id in self.watches.leave(None) {
            self.subscriptions.unsubscribe(now, &Watched::Presence(id));
        }
    }

    /// Our flow is another one: dialogs along the old one lead nowhere, so every subscription is made anew. NOTIFYs by the old ones
    /// count until then (design of the moving watcher, figures 6 and 7).
    pub(crate) fn watch_anew(&mut self, random: &mut Random) {
        for watch in self.watches.all.iter().filter(|watch| !watch.left) {
            let config = config(&self.settings, watch.kind, random);
            self.subscriptions.begin_anew(&Watched::Presence(watch.id), config, PRESENCE);
        }
    }

    /// What was wanted of a subscription to presence, told to the user.
    pub(crate) fn on_watch_output(&mut self, id: WatchId, output: SubscriberOutput) {
        let Some(watch) = self.watches.get_mut(id) else { return };
        let report = match output {
            SubscriberOutput::SubscribeAnew(_) | SubscriberOutput::SubscribeInDialog(_) => return,
            SubscriberOutput::State(state) => Report::Subscription {
                uri: watch.uri.as_str().into(),
                state: state_of(state),
                reason: None,
                status: None,
                retry_s: None,
            },
            SubscriberOutput::Ended(end, retry) => ended(watch, end, retry),
        };
        if let SubscriberOutput::Ended(_, Retry::Never) = output {
            self.watches.remove(id);
        }
        self.report(report);
    }

    /// What a SUBSCRIBE was answered beside the status.
    pub(crate) fn note_warning(&mut self, id: WatchId, outcome: &Outcome) {
        if let Some(watch) = self.watches.get_mut(id) {
            watch.warning = warning::of(outcome);
        }
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
