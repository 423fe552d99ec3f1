//! A dialog of a watcher, and the subscriptions in it: its dialog usages, as RFC 5057 calls them.

use crate::dialog::Dialog;
use crate::local_tag;
use crate::package::Package;
use crate::subscription::Subscription;
use clock::Mono;
use sip_message::Event;
use smallvec::SmallVec;
use std::sync::Arc;

/// Subscriptions in one dialog (RFC 6665 section 4.5.2); above it SUBSCRIBE is [`crate::Refused::CrowdedDialog`].
pub(crate) const MAX_IN_DIALOG: usize = 8;

/// The number of the first state that a watcher is shown.
pub(crate) const FIRST_VERSION: u64 = 1;

/// Stands for the fingerprint of the confirmed view when nobody knows which view the watcher has seen last. No view has
/// this fingerprint.
pub(crate) const UNKNOWN: u64 = 0;

/// The number of a dialog with a watcher. The notifier and its journal find the dialog by this number, and the local tag
/// of the dialog is made of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatcherDialogId(pub(crate) u64);

impl WatcherDialogId {
    /// The number in a local tag; `None` when the tag is none of ours.
    #[must_use]
    pub fn of_tag(tag: &str) -> Option<Self> {
        local_tag::number(tag).map(Self)
    }

    /// As a tag.
    #[must_use]
    pub fn tag(self) -> String {
        local_tag::text(self.0)
    }
}

/// What is remembered while a NOTIFY is under way: the subscription that it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Notified {
    pub(crate) dialog: WatcherDialogId,
    pub(crate) usage: u8,
}

/// One dialog and what is subscribed to in it, nearly always one thing.
#[derive(Debug)]
pub(crate) struct WatcherDialog<P: Package> {
    /// Who watches, as the network asserts it.
    pub(crate) watcher: Arc<str>,
    pub(crate) dialog: Dialog,
    pub(crate) usages: SmallVec<[Usage<P>; 1]>,
    /// When its first SUBSCRIBE came; `None` when that was before the last restart.
    pub(crate) made_at: Option<Mono>,
}

/// The view that a NOTIFY has shown; before the first NOTIFY both numbers are zero.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SentView {
    /// The number of the state.
    pub(crate) version: u64,
    pub(crate) fingerprint: u64,
}

/// One subscription and what its watcher has seen.
#[derive(Debug)]
pub(crate) struct Usage<P: Package> {
    /// Its number in the dialog: no other subscription in the dialog has the same number at the same time.
    pub(crate) number: u8,
    /// Whether the subscription has a record in the journal; a fetch has none.
    pub(crate) journalled: bool,
    /// Whether the journal does not know yet what the watcher has confirmed.
    pub(crate) is_unwritten: bool,
    /// Whether the subscription waits in `hints` until the journal is told.
    pub(crate) is_in_hints: bool,
    /// Whether the watcher may have seen a state that the journal knows nothing of yet (`doubts`).
    pub(crate) is_in_doubt: bool,
    pub(crate) resource: P::Resource,
    pub(crate) extra: P::Extra,
    pub(crate) subscription: Subscription,
    /// Fingerprint of the newest view.
    pub(crate) newest: u64,
    /// The view in the last NOTIFY sent.
    pub(crate) sent: SentView,
    /// Fingerprint of the last view that the watcher confirmed.
    pub(crate) confirmed: u64,
}

impl<P: Package> Usage<P> {
    pub(crate) fn new(
        number: u8,
        resource: P::Resource,
        extra: P::Extra,
        subscription: Subscription,
        fingerprint: u64,
    ) -> Self {
        Self {
            number,
            journalled: false,
            is_unwritten: false,
            is_in_hints: false,
            is_in_doubt: false,
            resource,
            extra,
            subscription,
            newest: fingerprint,
            sent: SentView::default(),
            confirmed: 0,
        }
    }

    /// Fingerprint of the view that the watcher has seen last, or [`UNKNOWN`]: a watcher may have seen a NOTIFY that it has not answered.
    pub(crate) fn known(&self) -> u64 {
        let SentView { version, .. } = self.sent;
        let is_certain = version == 0 || self.subscription.record().delivered() == Some(version);
        if is_certain { self.confirmed } else { UNKNOWN }
    }

    pub(crate) fn is_for(&self, event: Event<'_>) -> bool {
        Event::parse(self.subscription.record().event()) == Some(event)
    }
}

impl<P: Package> WatcherDialog<P> {
    /// A dialog in which nothing is subscribed to yet.
    pub(crate) fn new(watcher: Arc<str>, dialog: Dialog) -> Box<Self> {
        Box::new(Self { watcher, dialog, usages: SmallVec::new(), made_at: None })
    }

    /// When the first of its subscriptions is due.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.usages.iter().filter_map(|usage| usage.subscription.poll_timeout()).min()
    }

    /// The number for one more subscription; `None` when they are used up.
    pub(crate) fn free_number(&self) -> Option<u8> {
        let last = self.usages.iter().map(|usage| usage.number).max();
        last.map_or(Some(0), |last| last.checked_add(1)).filter(|_| self.usages.len() < MAX_IN_DIALOG)
    }

    /// Whether anything in it is about this resource.
    pub(crate) fn is_about(&self, resource: &P::Resource) -> bool {
        self.usages.iter().any(|usage| usage.resource == *resource)
    }
}
