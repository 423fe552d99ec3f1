//! All watches, found by number, by presentity, by watcher and by deadline.

use crate::identity::Sender;
use crate::merged::{Ask, WatchKey};
use crate::watch::{Watch, WatchId};
use clock::{Deadlines, Mono};
use ims_node::Random;
use sip_event::DialogId;
use sip_message::Message;
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(crate) struct Watches {
    all: HashMap<WatchId, Box<Watch>>,
    /// The watches of each presentity, first made first.
    of_presentity: HashMap<Arc<str>, Vec<WatchId>>,
    /// How much each watcher watches, by its identities.
    by_watcher: HashMap<Arc<str>, usize>,
    /// A NOTIFY or the end of a subscription.
    deadlines: Deadlines<WatchId>,
    /// Made, or found in the journal, when the server is restored.
    key: Option<WatchKey>,
}

impl Watches {
    pub(crate) fn new() -> Self {
        Self {
            all: HashMap::new(),
            of_presentity: HashMap::new(),
            by_watcher: HashMap::new(),
            deadlines: Deadlines::new(),
            key: None,
        }
    }

    /// The key by which numbers follow from requests.
    pub(crate) fn set_key(&mut self, key: WatchKey) {
        self.key = Some(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many different watchers there are.
    pub(crate) fn watchers(&self) -> usize {
        self.by_watcher.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Watch> {
        self.all.values().map(|watch| &**watch)
    }

    pub(crate) fn get(&self, id: WatchId) -> Option<&Watch> {
        self.all.get(&id).map(|watch| &**watch)
    }

    /// The watches of a presentity.
    pub(crate) fn of(&self, presentity: &str) -> &[WatchId] {
        self.of_presentity.get(presentity).map_or(&[], Vec::as_slice)
    }

    /// How much a watcher watches.
    pub(crate) fn count_by(&self, watcher: &Sender) -> usize {
        self.by_watcher.get(watcher.identities()).copied().unwrap_or(0)
    }

    /// The number for the watch that this request makes: one that follows from the request, so that the request is known
    /// when it comes once more, and in the rare case that another watch has it, any that is free.
    pub(crate) fn fresh_id(&self, ask: Ask, random: &mut Random) -> WatchId {
        let mut id = self.key.as_ref().map_or_else(|| WatchId(random.bits()), |key| key.id(ask));
        while self.all.contains_key(&id) {
            id = WatchId(random.bits());
        }
        id
    }

    /// The watch that an earlier copy of this request has made, if there was one ([`crate::merged`]).
    pub(crate) fn made_by(&self, subscribe: &Message, ask: Ask) -> Option<(WatchId, &Watch)> {
        let id = self.key.as_ref()?.id(ask);
        let own = DialogId {
            call_id: subscribe.call_id().into(),
            local_tag: id.tag().into(),
            remote_tag: subscribe.from_tag()?.into(),
        };
        self.get(id).filter(|watch| watch.dialog.is(&own)).map(|watch| (id, watch))
    }

    /// The watch whose dialog this is.
    pub(crate) fn of_dialog(&self, dialog: &DialogId) -> Option<WatchId> {
        let id = WatchId::of_tag(&dialog.local_tag)?;
        self.get(id).filter(|watch| watch.dialog.is(dialog)).map(|_| id)
    }

    /// Takes a new watch in; names that are known already are shared.
    pub(crate) fn insert(&mut self, id: WatchId, mut watch: Box<Watch>) {
        let watches = self.of_presentity.entry(Arc::clone(&watch.presentity)).or_default();
        if watches.len() == watches.capacity() {
            // There are very many of these lists: none has room for as many again.
            watches.reserve_exact(watches.len() / 4 + 1);
        }
        watches.push(id);
        if let Some((known, _)) = self.by_watcher.get_key_value(watch.watcher.identities()) {
            watch.watcher.share(known);
        }
        *self.by_watcher.entry(Arc::clone(watch.watcher.identities())).or_default() += 1;
        self.all.insert(id, watch);
    }

    /// Lends a watch, so that its subscriptions can be asked while everything else is looked at. It comes back by
    /// [`Watches::put_back`], or not at all by [`Watches::dismiss`].
    pub(crate) fn take(&mut self, id: WatchId) -> Option<Box<Watch>> {
        self.all.remove(&id)
    }

    /// Takes a watch back, and notes when it is due next.
    pub(crate) fn put_back(&mut self, id: WatchId, watch: Box<Watch>) {
        match watch.poll_timeout() {
            Some(next) => self.deadlines.set(id, next),
            None => self.deadlines.cancel(&id),
        }
        self.all.insert(id, watch);
    }

    /// A watch that was lent has no subscription left.
    pub(crate) fn dismiss(&mut self, id: WatchId, watch: &Watch) {
        self.deadlines.cancel(&id);
        if let Some(watches) = self.of_presentity.get_mut(&watch.presentity) {
            watches.retain(|own| *own != id);
            if watches.is_empty() {
                self.of_presentity.remove(&watch.presentity);
            }
        }
        let identities = watch.watcher.identities();
        if let Some(count) = self.by_watcher.get_mut(identities) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_watcher.remove(identities);
            }
        }
    }

    /// When the first watch is due.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// A watch that is due.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<WatchId> {
        self.deadlines.pop_due(now)
    }
}
