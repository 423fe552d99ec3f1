//! The `reg` event package (RFC 3680, TS 24.229 section 5.4.2.1): who is told where a user is registered.
//!
//! The S-CSCF is its own notifier here. A phone, its P-CSCF and the application servers of the user's filter criteria may
//! watch; each NOTIFY holds the whole state, and what has ended since the watcher last confirmed one. Bindings are
//! refreshed without a NOTIFY: that changes nothing for anybody but the registrar.
//!
//! * SUBSCRIBE: `subscribe`.
//! * Bindings changed, or all are gone: `announce`.
//! * NOTIFY: `notify`; what stands in it: `document`.
//! * What must survive the process: `journal`.

mod announce;
mod document;
mod journal;
mod notify;
mod subscribe;
mod watch;

use clock::{Deadlines, Mono};
use cx_protocol::Impu;
use ims_node::{Pool, Random};
use journal::KeptWatch;
pub(crate) use journal::WATCH_PREFIX;
use minicbor::{Decode, Encode};
use sip_event::{DialogId, NotifyPolicy, Updates};
use sip_message::Uri;
use smallvec::SmallVec;
use std::collections::HashMap;
use watch::Watch;
pub use watch::WatchId;

/// The package.
pub(crate) const REG: &str = "reg";

/// Its one type of document.
const REGINFO: &str = "application/reginfo+xml";

/// Subscriptions in all; above it SUBSCRIBE gets 500.
const MAX_WATCHES: usize = 400_000;

/// Subscriptions to one user: each of its phones, their P-CSCFs, the application servers. Above it SUBSCRIBE gets 500:
/// 480 would say that the user is not registered, and 503 make the P-CSCF avoid us for everybody.
const MAX_PER_USER: usize = 40;

/// Along the dialog, as every change comes; RFC 3680 section 4.10 asks for no more than one in 5 seconds, which one
/// NOTIFY at a time and the rarity of changes keep to but for a user who begins anew at once.
const POLICY: NotifyPolicy = NotifyPolicy::usual(Updates::Dialog);

/// How contacts that are bound no more came to their end (RFC 3680 section 4.7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub(crate) enum Ending {
    /// Nobody refreshed them.
    #[n(0)]
    Expired,
    /// The user, or another REGISTER of the same phone, took them back.
    #[n(1)]
    Unregistered,
    /// By the network; the phone is to register again.
    #[n(2)]
    Deactivated,
    /// By the network; the phone is to register again, but later.
    #[n(3)]
    Probation,
    /// By the network; the phone is not to register again.
    #[n(4)]
    Rejected,
}

/// All subscriptions, by number, by user and by time.
#[derive(Debug, Default)]
pub(crate) struct RegWatches {
    watches: HashMap<WatchId, Box<Watch>>,
    /// By the default public identity of the set that is watched.
    of_user: HashMap<Impu, SmallVec<[WatchId; 2]>>,
    deadlines: Deadlines<WatchId>,
    watchers: Pool<str>,
    /// Until all records of the journal have been read.
    restoring: Vec<KeptWatch>,
}

impl RegWatches {
    pub(crate) fn len(&self) -> usize {
        self.watches.len()
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.deadlines.next()
    }

    /// Who watches this set.
    fn of(&self, user: &Impu) -> &[WatchId] {
        self.of_user.get(user).map_or(&[], SmallVec::as_slice)
    }

    fn fresh_id(&self, random: &mut Random) -> WatchId {
        loop {
            let id = WatchId::random(random);
            if !self.watches.contains_key(&id) {
                return id;
            }
        }
    }

    fn by_dialog(&self, dialog: &DialogId) -> Option<WatchId> {
        let id = WatchId::of_tag(&dialog.local_tag)?;
        self.watches.get(&id).filter(|watch| watch.dialog.is(dialog)).map(|_| id)
    }

    /// The subscription of the same watcher at the same address. Whoever subscribes anew has lost it.
    fn forerunner(&self, user: &Impu, watcher: &str, target: &Uri) -> Option<WatchId> {
        let same = |watch: &Watch| *watch.watcher == *watcher && watch.dialog.remote_target() == *target;
        self.of(user).iter().copied().find(|id| self.watches.get(id).is_some_and(|watch| same(watch)))
    }

    fn insert(&mut self, id: WatchId, mut watch: Box<Watch>) {
        watch.watcher = self.watchers.share(watch.watcher);
        self.of_user.entry(watch.user.clone()).or_default().push(id);
        self.watches.insert(id, watch);
    }

    fn remove(&mut self, id: WatchId) -> Option<Box<Watch>> {
        let watch = self.watches.remove(&id)?;
        self.dismiss(id, &watch);
        Some(watch)
    }

    /// Takes a watch that is out of its own table out of the others.
    fn dismiss(&mut self, id: WatchId, watch: &Watch) {
        self.deadlines.cancel(&id);
        if let Some(ids) = self.of_user.get_mut(&watch.user) {
            ids.retain(|own| *own != id);
            if ids.is_empty() {
                self.of_user.remove(&watch.user);
            }
        }
    }

    /// The set has another default identity now.
    pub(crate) fn rename(&mut self, from: &Impu, to: &Impu) {
        let Some(ids) = self.of_user.remove(from) else { return };
        for id in &ids {
            if let Some(watch) = self.watches.get_mut(id) {
                watch.user = to.clone();
            }
        }
        self.of_user.entry(to.clone()).or_default().extend(ids);
    }
}
