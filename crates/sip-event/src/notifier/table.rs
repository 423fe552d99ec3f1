//! All watches, found by number, by resource, by watcher and by deadline.

use super::ask::{Ask, WatchKey};
use super::watch::{Slot, Watch, WatchId};
use crate::dialog_id::DialogId;
use crate::package::Package;
use clock::{Deadlines, Mono};
use sip_message::{Message, Uri};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(crate) struct Watches<P: Package> {
    all: HashMap<WatchId, Box<Watch<P>>>,
    /// The watches of each resource, first made first.
    of_resource: HashMap<P::Resource, SmallVec<[WatchId; 2]>>,
    /// How much each watcher watches.
    by_watcher: HashMap<Arc<str>, usize>,
    /// A NOTIFY or the end of a subscription.
    deadlines: Deadlines<WatchId>,
    /// Made, or found in the journal, when the notifier is restored.
    key: Option<WatchKey>,
}

/// A watch that [`Watches`] has lent, so that its subscriptions can be asked while everything else is looked at.
#[derive(Debug)]
pub(crate) struct LentWatch<P: Package> {
    pub(crate) id: WatchId,
    pub(crate) watch: Box<Watch<P>>,
}

impl<P: Package> Watches<P> {
    pub(crate) fn new() -> Self {
        Self {
            all: HashMap::new(),
            of_resource: HashMap::new(),
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

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Watch<P>> {
        self.all.values().map(|watch| &**watch)
    }

    pub(crate) fn get(&self, id: WatchId) -> Option<&Watch<P>> {
        self.all.get(&id).map(|watch| &**watch)
    }

    /// The watches of a resource.
    pub(crate) fn of(&self, resource: &P::Resource) -> &[WatchId] {
        self.of_resource.get(resource).map_or(&[], SmallVec::as_slice)
    }

    /// Everything that is watched, in order.
    pub(crate) fn resources(&self) -> Vec<P::Resource> {
        let mut resources: Vec<P::Resource> = self.of_resource.keys().cloned().collect();
        resources.sort();
        resources
    }

    /// How many things are watched.
    pub(crate) fn resources_len(&self) -> usize {
        self.of_resource.len()
    }

    /// How much a watcher watches.
    pub(crate) fn count_by(&self, watcher: &str) -> usize {
        self.by_watcher.get(watcher).copied().unwrap_or(0)
    }

    /// The oldest watch of the same watcher at the same address that is not ending.
    pub(crate) fn forerunner(&self, resource: &P::Resource, watcher: &str, target: &Uri) -> Option<WatchId> {
        let is_same = |watch: &Watch<P>| {
            *watch.watcher == *watcher
                && watch.dialog.remote_target() == *target
                && !watch.slots.iter().all(|slot| slot.subscription.is_terminated())
        };
        self.of(resource).iter().copied().find(|id| self.get(*id).is_some_and(is_same))
    }

    /// The number for the watch that this request makes: one that follows from the request, so that the request is known
    /// when it comes once more, and in the rare case that another watch has it, any that is free.
    pub(crate) fn fresh_id(&self, ask: Ask, random: &mut dyn FnMut() -> u64) -> WatchId {
        let mut id = self.key.as_ref().map_or_else(|| WatchId(random()), |key| key.id(ask));
        while self.all.contains_key(&id) {
            id = WatchId(random());
        }
        id
    }

    /// The watch that an earlier copy of this request has made, if there was one ([`Ask`]).
    pub(crate) fn made_by(&self, subscribe: &Message, ask: Ask) -> Option<(WatchId, &Watch<P>)> {
        let id = self.key.as_ref()?.id(ask);
        let dialog_id = DialogId {
            call_id: subscribe.call_id().into(),
            local_tag: id.tag().into(),
            remote_tag: subscribe.from_tag()?.into(),
        };
        self.get(id).filter(|watch| watch.dialog.is(&dialog_id)).map(|watch| (id, watch))
    }

    /// The watch whose dialog this is.
    pub(crate) fn of_dialog(&self, dialog: &DialogId) -> Option<WatchId> {
        let id = WatchId::of_tag(&dialog.local_tag)?;
        self.get(id).filter(|watch| watch.dialog.is(dialog)).map(|_| id)
    }

    /// Enters a new watch in all tables but the first, which it comes into by [`Watches::put_back`]. Names that are known already are
    /// shared.
    pub(crate) fn enter(&mut self, id: WatchId, watch: &mut Watch<P>) {
        if let Some((known, _)) = self.by_watcher.get_key_value(&watch.watcher) {
            watch.watcher = Arc::clone(known);
        }
        *self.by_watcher.entry(Arc::clone(&watch.watcher)).or_default() += 1;
        for slot in std::mem::take(&mut watch.slots) {
            self.add(id, watch, slot);
        }
    }

    /// Adds a subscription to a watch.
    pub(crate) fn add(&mut self, id: WatchId, watch: &mut Watch<P>, mut slot: Slot<P>) {
        if let Some((known, _)) = self.of_resource.get_key_value(&slot.resource) {
            slot.resource = known.clone();
        }
        let (resource, is_noted) = (slot.resource.clone(), watch.is_about(&slot.resource));
        watch.slots.push(slot);
        if is_noted {
            return;
        }
        let watches = self.of_resource.entry(resource).or_default();
        if watches.len() == watches.capacity() {
            // There are very many of these lists: none has room for as many again.
            watches.reserve_exact(watches.len() / 4 + 1);
        }
        watches.push(id);
    }

    /// Nothing in this watch is about this resource any more.
    pub(crate) fn forget(&mut self, id: WatchId, resource: &P::Resource) {
        if let Some(watches) = self.of_resource.get_mut(resource) {
            watches.retain(|known| *known != id);
            if watches.is_empty() {
                self.of_resource.remove(resource);
            }
        }
    }

    /// Lends a watch. It comes back by [`Watches::put_back`], or not at all by [`Watches::dismiss`].
    pub(crate) fn take(&mut self, id: WatchId) -> Option<LentWatch<P>> {
        self.all.remove(&id).map(|watch| LentWatch { id, watch })
    }

    /// Takes a watch back, and notes when it is due next.
    pub(crate) fn put_back(&mut self, lent: LentWatch<P>) {
        let LentWatch { id, watch } = lent;
        match watch.poll_timeout() {
            Some(next) => self.deadlines.set(id, next),
            None => self.deadlines.cancel(&id),
        }
        self.all.insert(id, watch);
    }

    /// A watch that was lent has no subscription left.
    pub(crate) fn dismiss(&mut self, lent: &LentWatch<P>) {
        self.deadlines.cancel(&lent.id);
        let watcher = &lent.watch.watcher;
        if let Some(count) = self.by_watcher.get_mut(watcher) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_watcher.remove(watcher);
            }
        }
    }

    /// A resource has another name now. Gives the watches of it.
    pub(crate) fn rename(&mut self, from: &P::Resource, to: &P::Resource) -> Vec<WatchId> {
        let Some(ids) = self.of_resource.remove(from) else { return Vec::new() };
        for id in &ids {
            let slots = self.all.get_mut(id).map(|watch| &mut watch.slots);
            for slot in slots.into_iter().flatten().filter(|slot| slot.resource == *from) {
                slot.resource = to.clone();
            }
        }
        self.of_resource.entry(to.clone()).or_default().extend(ids.iter().copied());
        ids.into_vec()
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
