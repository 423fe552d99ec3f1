//! A notifier (RFC 6665 section 4.2): all subscriptions of a node to its event packages.
//!
//! The role that owns a notifier knows what its packages are about, and hands the notifier a [`Source`] with each call. The notifier
//! knows everything else: the dialogs and the subscriptions in them, who is told of a change and when, what the journal keeps, and
//! how many subscriptions there may be. A node has a single notifier for all its packages, because a dialog may carry subscriptions to
//! several packages (section 4.5.2).
//!
//! * `subscribe` takes a SUBSCRIBE; `request_fingerprint` knows a request that comes a second time.
//! * `telling` sends NOTIFYs and takes their answers; `changes` holds the watchers who wait to be told.
//! * `journal` keeps what must survive the process. `hints` holds what may be lost with the process, and `doubts` finds out after a restart
//!   that it was lost.
//!
//! After each call the owner reads with [`Notifier::poll_output`] what is to be done.

mod changes;
mod doubts;
mod hints;
pub(crate) mod journal;
pub(crate) mod request_fingerprint;
pub(crate) mod subscribe;
mod table;
mod telling;
pub(crate) mod watcher_dialog;

use crate::expires::Limits;
use crate::notify::{NotifierEnd, NotifyPolicy};
use crate::package::Package;
use crate::subscription_record::SubscriptionRecord;
use changes::Changes;
use clock::Mono;
use doubts::Doubts;
use hints::Hints;
use journal::Restoring;
use sip_message::Draft;
use std::collections::VecDeque;
use table::WatcherDialogs;
use watcher_dialog::Notified;

/// What a notifier is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifierSettings {
    /// How NOTIFYs are sent.
    pub policy: NotifyPolicy,
    /// Lifetimes of subscriptions.
    pub limits: Limits,
    /// How much is kept.
    pub bounds: NotifierBounds,
    /// Whether a new subscription makes the notifier send another NOTIFY to the oldest earlier subscription of the same watcher to the same
    /// resource at the same address. A watcher that was restarted has lost the earlier subscription and answers 481, which ends it. This is
    /// for packages whose state changes so rarely that the lost subscription would otherwise stay until it expires.
    pub asks_forerunners: bool,
}

/// How much a notifier keeps. Where a bound is reached, an earlier subscription of the same watcher to the same resource at the same
/// address gives way to the new subscription. Until the earlier subscription has been told of its end, there may be twice as many
/// subscriptions as the bound says. Where no earlier subscription can give way, the SUBSCRIBE is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotifierBounds {
    /// Dialogs in all; above it [`crate::Refused::NoRoom`].
    pub subscriptions: usize,
    /// Things that are watched; above it [`crate::Refused::NoRoom`].
    pub resources: usize,
    /// Dialogs about one resource; above it [`crate::Refused::CrowdedResource`].
    pub per_resource: usize,
    /// Dialogs of one watcher; above it [`crate::Refused::BusyWatcher`].
    pub per_watcher: usize,
}

/// One thing to do.
#[derive(Debug)]
pub enum Output {
    /// Journal this. What is sent from now on, the answer to the SUBSCRIBE included, waits for it.
    Keep {
        /// The record's key.
        key: Box<[u8]>,
        /// The record.
        value: Box<[u8]>,
    },
    /// Journal this; nothing waits for it.
    Hint {
        /// The record's key.
        key: Box<[u8]>,
        /// The record; `None` removes it.
        value: Option<Box<[u8]>>,
    },
    /// Remove a record.
    Forget {
        /// Its key.
        key: Box<[u8]>,
    },
    /// Send a NOTIFY, and say with [`Notifier::on_notified`] how it ended.
    Send {
        /// The NOTIFY.
        draft: Box<Draft>,
        /// Which one it is.
        notified: Notified,
    },
    /// A subscription is over.
    Ended {
        /// How it came to that.
        end: NotifierEnd,
        /// The Call-ID of its dialog.
        call_id: Box<str>,
    },
}

/// One subscription, to look at.
#[derive(Debug)]
pub struct Subscribed<'a, P: Package> {
    /// Who watches.
    pub watcher: &'a str,
    /// What is watched.
    pub resource: &'a P::Resource,
    /// Its lifetime and state.
    pub record: &'a SubscriptionRecord,
}

/// See the module.
#[derive(Debug)]
pub struct Notifier<P: Package> {
    settings: NotifierSettings,
    dialogs: WatcherDialogs<P>,
    changes: Changes<P::Resource>,
    hints: Hints,
    doubts: Doubts<P::Resource>,
    /// NOTIFYs so far.
    sent: u64,
    restoring: Restoring<P>,
    outputs: VecDeque<Output>,
}

impl<P: Package> Notifier<P> {
    /// A notifier without subscriptions.
    #[must_use]
    pub fn new(settings: NotifierSettings) -> Self {
        Self {
            settings,
            dialogs: WatcherDialogs::new(),
            changes: Changes::new(),
            hints: Hints::default(),
            doubts: Doubts::new(),
            sent: 0,
            restoring: Restoring::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes other settings; subscriptions keep what they were granted.
    pub const fn reconfigure(&mut self, settings: NotifierSettings) {
        self.settings = settings;
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Notifier::on_deadline`] if nothing else happens.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        self.dialogs.deadline().into_iter().chain(self.hints.deadline()).min()
    }

    /// How many dialogs there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.dialogs.len()
    }

    /// Whether nobody has subscribed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.dialogs.len() == 0
    }

    /// How many different watchers there are.
    #[must_use]
    pub fn watchers(&self) -> usize {
        self.dialogs.watchers()
    }

    /// Whether anybody watches this.
    #[must_use]
    pub fn is_watched(&self, resource: &P::Resource) -> bool {
        !self.dialogs.of(resource).is_empty()
    }

    /// How many things are watched.
    #[must_use]
    pub fn resources_len(&self) -> usize {
        self.dialogs.resources_len()
    }

    /// When the first subscription ends or is told something, if nothing else happens: there may be room then.
    #[must_use]
    pub fn first_deadline(&self) -> Option<Mono> {
        self.dialogs.deadline()
    }

    /// Everything that is watched, in order.
    #[must_use]
    pub fn resources(&self) -> Vec<P::Resource> {
        self.dialogs.resources()
    }

    /// All subscriptions, in no order.
    pub fn iter(&self) -> impl Iterator<Item = Subscribed<'_, P>> {
        self.dialogs.iter().flat_map(|watcher_dialog| {
            watcher_dialog.usages.iter().map(|usage| Subscribed {
                watcher: &watcher_dialog.watcher,
                resource: &usage.resource,
                record: usage.subscription.record(),
            })
        })
    }
}
