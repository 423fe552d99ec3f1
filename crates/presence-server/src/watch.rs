//! A watch: one dialog of one watcher about one presentity, and the subscriptions in it.

use crate::identity::Sender;
use clock::Mono;
use ims_node::local_tag;
use sip_event::{Dialog, Subscription};
use sip_message::Event;
use smallvec::SmallVec;
use std::sync::Arc;

/// Subscriptions in one dialog (RFC 6665 section 4.5.2); above it SUBSCRIBE gets 480.
pub(crate) const MAX_IN_DIALOG: usize = 8;

/// Number of a watch: its dialog's local tag, its key here and in the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WatchId(pub(crate) u64);

impl WatchId {
    /// The number in a local tag; `None` when the tag is none of ours.
    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        local_tag::number(tag).map(Self)
    }

    /// As a tag.
    pub(crate) fn tag(self) -> String {
        local_tag::text(self.0)
    }
}

/// One dialog and what is subscribed in it, nearly always one thing.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) presentity: Arc<str>,
    pub(crate) watcher: Sender,
    pub(crate) dialog: Dialog,
    pub(crate) slots: SmallVec<[Slot; 1]>,
    /// Whether the journal has it; of a fetch nothing is kept.
    pub(crate) journalled: bool,
    /// When its first SUBSCRIBE came; before the last restart where that is not known.
    pub(crate) made_at: Option<Mono>,
}

/// One subscription and what its watcher has seen.
#[derive(Debug)]
pub(crate) struct Slot {
    /// Its number in the watch, never used again there.
    pub(crate) number: u8,
    pub(crate) subscription: Subscription,
    /// Digest of the newest view.
    pub(crate) newest: u64,
    /// The view in the last NOTIFY sent: its number and digest.
    pub(crate) sent: (u64, u64),
    /// Digest of the last view that the watcher confirmed.
    pub(crate) confirmed: u64,
}

impl Slot {
    pub(crate) const fn new(number: u8, subscription: Subscription, digest: u64) -> Self {
        Self { number, subscription, newest: digest, sent: (0, 0), confirmed: 0 }
    }

    pub(crate) fn is_for(&self, event: Event<'_>) -> bool {
        Event::parse(self.subscription.record().event()) == Some(event)
    }

    /// The digest that belongs to what the subscription's record calls delivered.
    pub(crate) fn delivered_digest(&mut self) -> u64 {
        if self.subscription.record().delivered() == Some(self.sent.0) {
            self.confirmed = self.sent.1;
        }
        self.confirmed
    }
}

/// The number of the first view of a subscription.
pub(crate) const FIRST_VERSION: u64 = 1;

impl Watch {
    /// A dialog in which nothing is subscribed to yet.
    pub(crate) fn new(presentity: Arc<str>, watcher: Sender, dialog: Dialog) -> Box<Self> {
        Box::new(Self {
            presentity,
            watcher,
            dialog,
            slots: SmallVec::new(),
            journalled: false,
            made_at: None,
        })
    }

    pub(crate) fn push(&mut self, slot: Slot) {
        self.slots.push(slot);
    }

    /// When the first of its subscriptions is due.
    pub(crate) fn poll_timeout(&self) -> Option<Mono> {
        self.slots.iter().filter_map(|slot| slot.subscription.poll_timeout()).min()
    }

    /// The number for one more subscription; `None` when they are used up.
    pub(crate) fn free_number(&self) -> Option<u8> {
        let last = self.slots.iter().map(|slot| slot.number).max();
        last.map_or(Some(0), |last| last.checked_add(1)).filter(|_| self.slots.len() < MAX_IN_DIALOG)
    }
}
