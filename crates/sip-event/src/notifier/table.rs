//! The dialogs of all watchers, found by number, by resource, by watcher and by deadline.

use super::request_fingerprint::{RequestFingerprint, WatcherDialogKey};
use super::watcher_dialog::{Usage, WatcherDialog, WatcherDialogId};
use crate::dialog_id::DialogId;
use crate::package::Package;
use clock::{Deadlines, Mono};
use sip_message::{Message, Uri};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;

/// See the module.
#[derive(Debug)]
pub(crate) struct WatcherDialogs<P: Package> {
    all: HashMap<WatcherDialogId, Box<WatcherDialog<P>>>,
    /// The dialogs about each resource, first made first.
    of_resource: HashMap<P::Resource, SmallVec<[WatcherDialogId; 2]>>,
    /// How much each watcher watches.
    by_watcher: HashMap<Arc<str>, usize>,
    /// A NOTIFY or the end of a subscription.
    deadlines: Deadlines<WatcherDialogId>,
    /// Made, or found in the journal, when the notifier is restored.
    key: Option<WatcherDialogKey>,
}

/// A dialog that [`WatcherDialogs`] has lent, so that its subscriptions can be asked while everything else is looked at.
#[derive(Debug)]
pub(crate) struct LentDialog<P: Package> {
    pub(crate) id: WatcherDialogId,
    pub(crate) watcher_dialog: Box<WatcherDialog<P>>,
}

impl<P: Package> WatcherDialogs<P> {
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
    pub(crate) fn set_key(&mut self, key: WatcherDialogKey) {
        self.key = Some(key);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// How many different watchers there are.
    pub(crate) fn watchers(&self) -> usize {
        self.by_watcher.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &WatcherDialog<P>> {
        self.all.values().map(|watcher_dialog| &**watcher_dialog)
    }

    pub(crate) fn get(&self, id: WatcherDialogId) -> Option<&WatcherDialog<P>> {
        self.all.get(&id).map(|watcher_dialog| &**watcher_dialog)
    }

    /// The dialogs about a resource.
    pub(crate) fn of(&self, resource: &P::Resource) -> &[WatcherDialogId] {
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

    /// The oldest dialog of the same watcher at the same address that is not ending.
    pub(crate) fn forerunner(
        &self,
        resource: &P::Resource,
        watcher: &str,
        target: &Uri,
    ) -> Option<WatcherDialogId> {
        let is_same = |watcher_dialog: &WatcherDialog<P>| {
            *watcher_dialog.watcher == *watcher
                && watcher_dialog.dialog.remote_target() == *target
                && !watcher_dialog.usages.iter().all(|usage| usage.subscription.is_terminated())
        };
        self.of(resource).iter().copied().find(|id| self.get(*id).is_some_and(is_same))
    }

    /// The number for the dialog that this request makes: one that follows from the request, so that the request is known
    /// when it comes once more, and in the rare case that another dialog has it, any that is free.
    pub(crate) fn fresh_id(
        &self,
        request: RequestFingerprint,
        random: &mut dyn FnMut() -> u64,
    ) -> WatcherDialogId {
        let mut id = self.key.as_ref().map_or_else(|| WatcherDialogId(random()), |key| key.id(request));
        while self.all.contains_key(&id) {
            id = WatcherDialogId(random());
        }
        id
    }

    /// The dialog that an earlier copy of this request has made, if there was one ([`RequestFingerprint`]).
    pub(crate) fn made_by(
        &self,
        subscribe: &Message,
        request: RequestFingerprint,
    ) -> Option<(WatcherDialogId, &WatcherDialog<P>)> {
        let id = self.key.as_ref()?.id(request);
        let dialog_id = DialogId {
            call_id: subscribe.call_id().into(),
            local_tag: id.tag().into(),
            remote_tag: subscribe.from_tag()?.into(),
        };
        self.get(id)
            .filter(|watcher_dialog| watcher_dialog.dialog.is(&dialog_id))
            .map(|watcher_dialog| (id, watcher_dialog))
    }

    /// The number of this dialog, if it is there.
    pub(crate) fn of_dialog(&self, dialog: &DialogId) -> Option<WatcherDialogId> {
        let id = WatcherDialogId::of_tag(&dialog.local_tag)?;
        self.get(id).filter(|watcher_dialog| watcher_dialog.dialog.is(dialog)).map(|_| id)
    }

    /// Enters a new dialog in all tables but the first, which it comes into by [`WatcherDialogs::put_back`]. Names that are
    /// known already are shared.
    pub(crate) fn enter(&mut self, id: WatcherDialogId, watcher_dialog: &mut WatcherDialog<P>) {
        if let Some((known, _)) = self.by_watcher.get_key_value(&watcher_dialog.watcher) {
            watcher_dialog.watcher = Arc::clone(known);
        }
        *self.by_watcher.entry(Arc::clone(&watcher_dialog.watcher)).or_default() += 1;
        for usage in std::mem::take(&mut watcher_dialog.usages) {
            self.add(id, watcher_dialog, usage);
        }
    }

    /// Adds a subscription to a dialog.
    pub(crate) fn add(
        &mut self,
        id: WatcherDialogId,
        watcher_dialog: &mut WatcherDialog<P>,
        mut usage: Usage<P>,
    ) {
        if let Some((known, _)) = self.of_resource.get_key_value(&usage.resource) {
            usage.resource = known.clone();
        }
        let (resource, is_noted) = (usage.resource.clone(), watcher_dialog.is_about(&usage.resource));
        watcher_dialog.usages.push(usage);
        if is_noted {
            return;
        }
        let dialogs = self.of_resource.entry(resource).or_default();
        if dialogs.len() == dialogs.capacity() {
            // There are very many of these lists: none has room for as many again.
            dialogs.reserve_exact(dialogs.len() / 4 + 1);
        }
        dialogs.push(id);
    }

    /// Nothing in this dialog is about this resource any more.
    pub(crate) fn forget(&mut self, id: WatcherDialogId, resource: &P::Resource) {
        if let Some(dialogs) = self.of_resource.get_mut(resource) {
            dialogs.retain(|known| *known != id);
            if dialogs.is_empty() {
                self.of_resource.remove(resource);
            }
        }
    }

    /// Lends a dialog. It comes back by [`WatcherDialogs::put_back`], or not at all by [`WatcherDialogs::dismiss`].
    pub(crate) fn take(&mut self, id: WatcherDialogId) -> Option<LentDialog<P>> {
        self.all.remove(&id).map(|watcher_dialog| LentDialog { id, watcher_dialog })
    }

    /// Takes a dialog back, and notes when it is due next.
    pub(crate) fn put_back(&mut self, lent: LentDialog<P>) {
        let LentDialog { id, watcher_dialog } = lent;
        match watcher_dialog.poll_timeout() {
            Some(next) => self.deadlines.set(id, next),
            None => self.deadlines.cancel(&id),
        }
        self.all.insert(id, watcher_dialog);
    }

    /// A dialog that was lent has no subscription left.
    pub(crate) fn dismiss(&mut self, lent: &LentDialog<P>) {
        self.deadlines.cancel(&lent.id);
        let watcher = &lent.watcher_dialog.watcher;
        if let Some(count) = self.by_watcher.get_mut(watcher) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.by_watcher.remove(watcher);
            }
        }
    }

    /// A resource has another name now. Gives the dialogs about it.
    pub(crate) fn rename(&mut self, from: &P::Resource, to: &P::Resource) -> Vec<WatcherDialogId> {
        let Some(ids) = self.of_resource.remove(from) else { return Vec::new() };
        for id in &ids {
            let usages = self.all.get_mut(id).map(|watcher_dialog| &mut watcher_dialog.usages);
            for usage in usages.into_iter().flatten().filter(|usage| usage.resource == *from) {
                usage.resource = to.clone();
            }
        }
        self.of_resource.entry(to.clone()).or_default().extend(ids.iter().copied());
        ids.into_vec()
    }

    /// When the first dialog is due.
    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// A dialog that is due.
    pub(crate) fn pop_due(&mut self, now: Mono) -> Option<WatcherDialogId> {
        self.deadlines.pop_due(now)
    }
}
