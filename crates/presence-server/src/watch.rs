//! A watch: one dialog of one watcher about one presentity, and the subscriptions in it.

use crate::PresenceServer;
use crate::identity::Sender;
use crate::merged::Ask;
use clock::{Mono, Now};
use ims_node::{Random, local_tag};
use sip_event::{Dialog, DialogId, Subscription};
use sip_message::{Event, Message};
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

    /// The number for one more subscription; `None` when they are used up.
    pub(crate) fn free_number(&self) -> Option<u8> {
        let last = self.slots.iter().map(|slot| slot.number).max();
        last.map_or(Some(0), |last| last.checked_add(1)).filter(|_| self.slots.len() < MAX_IN_DIALOG)
    }
}

impl PresenceServer {
    /// The number for the watch that this request makes: one that follows from the request, so that the request is known
    /// when it comes once more, and in the rare case that another watch has it, any that is free.
    pub(crate) fn fresh_id(&self, ask: Ask, random: &mut Random) -> WatchId {
        let mut id = self.watch_key.as_ref().map_or_else(|| WatchId(random.bits()), |key| key.id(ask));
        while self.watches.contains_key(&id) {
            id = WatchId(random.bits());
        }
        id
    }

    /// The watch that an earlier copy of this request has made, if there was one ([`crate::merged`]).
    pub(crate) fn made_by(&self, subscribe: &Message, ask: Ask) -> Option<WatchId> {
        let id = self.watch_key.as_ref()?.id(ask);
        let own = DialogId {
            call_id: subscribe.call_id().into(),
            local_tag: id.tag().into(),
            remote_tag: subscribe.from_tag()?.into(),
        };
        self.watches.get(&id).filter(|watch| watch.dialog.is(&own)).map(|_| id)
    }

    /// The watch whose dialog this is.
    pub(crate) fn watch_of(&self, dialog: &DialogId) -> Option<WatchId> {
        let id = WatchId::of_tag(&dialog.local_tag)?;
        self.watches.get(&id).filter(|watch| watch.dialog.is(dialog)).map(|_| id)
    }

    /// Takes a new watch into all tables, where names that are known already are shared.
    pub(crate) fn insert(&mut self, id: WatchId, mut watch: Box<Watch>) {
        watch.presentity = self.shared(watch.presentity);
        let presentity = self.presentities.entry(Arc::clone(&watch.presentity)).or_default();
        presentity.watches.push(id);
        if let Some((known, _)) = self.watchers.get_key_value(watch.watcher.identities()) {
            watch.watcher.share(known);
        }
        *self.watchers.entry(Arc::clone(watch.watcher.identities())).or_default() += 1;
        self.watches.insert(id, watch);
    }

    /// The one text of a presentity that all tables share.
    pub(crate) fn shared(&self, presentity: Arc<str>) -> Arc<str> {
        self.presentities.get_key_value(&presentity).map_or(presentity, |(known, _)| Arc::clone(known))
    }

    /// Takes what is left of a watch, already out of its own table, out of the others.
    pub(crate) fn dismiss(&mut self, now: Now, id: WatchId, watch: &Watch) {
        self.watch_deadlines.cancel(&id);
        if let Some(presentity) = self.presentities.get_mut(&watch.presentity) {
            presentity.watches.retain(|own| *own != id);
        }
        let identities = watch.watcher.identities();
        let left = self.watchers.get_mut(identities).map_or(0, |count| {
            *count = count.saturating_sub(1);
            *count
        });
        if left == 0 {
            self.watchers.remove(identities);
        }
        self.tidy(now, &watch.presentity);
    }
}
