//! What the journal keeps, and how the server goes on from it (rules SUB-N-21, PUB-06).
//!
//! | key | holds |
//! |---|---|
//! | `w`, number | a watch: presentity, watcher, dialog |
//! | `s`, number, slot | a subscription in it, and what its watcher has confirmed |
//! | `p`, presentity, 0, serial | a publication |
//! | `r`, presentity | a registration |
//! | `k` | the key that subscriptions are numbered with |

use crate::identity::{Privacy, Sender};
use crate::merged::WatchKey;
use crate::presentity::Registration;
use crate::watch::{FIRST_VERSION, Slot, Watch, WatchId};
use crate::{Notified, PresenceServer};
use clock::Now;
use ims_node::{Effects, Record};
use minicbor::{Decode, Encode};
use sip_event::{Dialog, NotifyContext, Publication, PublicationRecord, Subscription, SubscriptionRecord};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Encode, Decode)]
struct KeptWatch {
    #[n(0)]
    id: u64,
    #[n(1)]
    presentity: Box<str>,
    #[n(2)]
    watcher: Box<str>,
    /// Whether the watcher asked for privacy.
    #[n(3)]
    anonymous: bool,
    #[n(4)]
    dialog: Dialog,
}

#[derive(Debug, Encode, Decode)]
struct KeptSlot {
    #[n(0)]
    watch: u64,
    #[n(1)]
    number: u8,
    #[n(2)]
    record: SubscriptionRecord,
    /// Digest of the last view that the watcher confirmed.
    #[n(3)]
    confirmed: u64,
}

#[derive(Debug, Encode, Decode)]
struct KeptPublication {
    #[n(0)]
    presentity: Box<str>,
    #[n(1)]
    publication: Publication,
}

#[derive(Debug, Encode, Decode)]
struct KeptRegistration {
    #[n(0)]
    presentity: Box<str>,
    #[n(1)]
    registration: Registration,
}

/// Records of the journal, which come in no order, until all have come.
#[derive(Debug, Default)]
pub(crate) struct Restoring {
    watches: BTreeMap<u64, KeptWatch>,
    slots: Vec<KeptSlot>,
    publications: Vec<KeptPublication>,
    registrations: Vec<KeptRegistration>,
    watch_key: Option<WatchKey>,
}

/// The journal's key of the key that subscriptions are numbered with.
const WATCH_KEY: &[u8] = b"k";

impl Restoring {
    /// `None` when it cannot be read.
    pub(crate) fn take(&mut self, record: &Record) -> Option<()> {
        let value = record.value.as_deref()?;
        match record.key.first()? {
            b'w' => {
                let watch: KeptWatch = minicbor::decode(value).ok()?;
                self.watches.insert(watch.id, watch);
            }
            b's' => self.slots.push(minicbor::decode(value).ok()?),
            b'p' => self.publications.push(minicbor::decode(value).ok()?),
            b'r' => self.registrations.push(minicbor::decode(value).ok()?),
            b'k' => self.watch_key = Some(WatchKey::new(value.try_into().ok()?)),
            _ => return None,
        }
        Some(())
    }
}

fn watch_key(WatchId(id): WatchId) -> Vec<u8> {
    [&b"w"[..], &id.to_be_bytes()].concat()
}

fn slot_key(WatchId(id): WatchId, number: u8) -> Vec<u8> {
    [&b"s"[..], &id.to_be_bytes(), &[number]].concat()
}

fn publication_key(presentity: &str, serial: u64) -> Vec<u8> {
    [&b"p"[..], presentity.as_bytes(), &[0], &serial.to_be_bytes()].concat()
}

fn registration_key(presentity: &str) -> Vec<u8> {
    [&b"r"[..], presentity.as_bytes()].concat()
}

fn persist<T: Encode<()>>(key: Vec<u8>, value: &T, fx: &mut Effects<Notified>) {
    // Writing to memory cannot fail.
    if let Ok(bytes) = minicbor::to_vec(value) {
        fx.persist(key, bytes);
    }
}

impl PresenceServer {
    pub(crate) fn keep_watch(&self, id: WatchId, watch: &Watch, fx: &mut Effects<Notified>) {
        let kept = KeptWatch {
            id: id.0,
            presentity: (&*watch.presentity).into(),
            watcher: (&**watch.watcher.identities()).into(),
            anonymous: watch.watcher.privacy() == Privacy::Id,
            dialog: watch.dialog.clone(),
        };
        persist(watch_key(id), &kept, fx);
    }

    pub(crate) fn keep_slot(&self, id: WatchId, slot: Option<&mut Slot>, fx: &mut Effects<Notified>) {
        let Some(slot) = slot else { return };
        let confirmed = slot.delivered_digest();
        let record = slot.subscription.record().clone();
        persist(
            slot_key(id, slot.number),
            &KeptSlot { watch: id.0, number: slot.number, record, confirmed },
            fx,
        );
    }

    pub(crate) fn forget_slot(&self, id: WatchId, number: u8, fx: &mut Effects<Notified>) {
        fx.forget(slot_key(id, number));
    }

    pub(crate) fn forget_watch(&self, id: WatchId, fx: &mut Effects<Notified>) {
        fx.forget(watch_key(id));
    }

    /// A refreshed publication is written whole: what is kept under one key needs no order among the records.
    pub(crate) fn keep_publications(
        &self,
        presentity: &str,
        records: &[PublicationRecord],
        fx: &mut Effects<Notified>,
    ) {
        for record in records {
            let serial = match record {
                PublicationRecord::Stored(publication) => publication.serial(),
                PublicationRecord::Renewed { serial, .. } | PublicationRecord::Removed { serial } => *serial,
            };
            let known = self.presentities.get(presentity);
            let live = known.and_then(|known| known.publications.iter().find(|own| own.serial() == serial));
            match live {
                Some(publication) => {
                    let kept =
                        KeptPublication { presentity: presentity.into(), publication: publication.clone() };
                    persist(publication_key(presentity, serial), &kept, fx);
                }
                None => fx.forget(publication_key(presentity, serial)),
            }
        }
    }

    pub(crate) fn keep_registration(&self, presentity: &str, fx: &mut Effects<Notified>) {
        match self.presentities.get(presentity).and_then(|known| known.registration().cloned()) {
            Some(registration) => {
                let kept = KeptRegistration { presentity: presentity.into(), registration };
                persist(registration_key(presentity), &kept, fx);
            }
            None => fx.forget(registration_key(presentity)),
        }
    }

    /// Puts what was kept back in place, and tells the watchers that may lack something.
    pub(crate) fn go_on(&mut self, now: Now, fx: &mut Effects<Notified>) {
        let Restoring { mut watches, slots, publications, registrations, watch_key } =
            std::mem::take(&mut self.restoring);
        let key = watch_key.unwrap_or_else(|| {
            let key = WatchKey::new(fx.random.bytes());
            fx.persist(WATCH_KEY, *key.bytes());
            key
        });
        self.watches.set_key(key);
        for KeptRegistration { presentity, registration } in registrations {
            self.presentities.entry(presentity.into()).or_default().registration =
                Some(Box::new(registration));
        }
        self.restore_publications(publications);
        let mut by_watch: BTreeMap<u64, Vec<KeptSlot>> = BTreeMap::new();
        for slot in slots {
            by_watch.entry(slot.watch).or_default().push(slot);
        }
        for (id, mut slots) in by_watch {
            slots.sort_by_key(|slot| slot.number);
            match watches.remove(&id) {
                Some(watch) => self.restore_watch(now, watch, slots, fx),
                None => slots.iter().for_each(|slot| self.forget_slot(WatchId(id), slot.number, fx)),
            }
        }
        watches.keys().for_each(|id| self.forget_watch(WatchId(*id), fx));
        self.catch_up(now, fx);
    }

    /// The order in which publications were touched is lost; their ends come near it.
    fn restore_publications(&mut self, mut publications: Vec<KeptPublication>) {
        publications.sort_by_key(|kept| (kept.publication.expires_at(), kept.publication.serial()));
        for KeptPublication { presentity, publication } in publications {
            let known = self.presentities.entry(presentity.into()).or_default();
            known.publications.replay(PublicationRecord::Stored(Box::new(publication)));
        }
    }

    fn restore_watch(&mut self, now: Now, kept: KeptWatch, slots: Vec<KeptSlot>, fx: &mut Effects<Notified>) {
        let id = WatchId(kept.id);
        let privacy = if kept.anonymous { Privacy::Id } else { Privacy::Open };
        let watcher = Sender::kept(&kept.watcher, privacy);
        let mut watch = Watch::new(kept.presentity.into(), watcher, kept.dialog);
        watch.journalled = true;
        for KeptSlot { number, record, confirmed, .. } in slots {
            let with = NotifyContext { dialog: &mut watch.dialog, policy: &self.settings.notify };
            // No newer version is known yet: whether there is one is seen by comparing views.
            let version = record.delivered().unwrap_or(FIRST_VERSION);
            let subscription = Subscription::restore(now, record, version, with);
            let mut slot = Slot::new(number, subscription, confirmed);
            slot.confirmed = confirmed;
            watch.push(slot);
        }
        self.insert(id, watch);
        if let Some(watch) = self.watches.take(id) {
            self.settle(now, (id, watch), &mut None, fx);
        }
    }

    /// Compares what every watcher has seen with what there is to see now.
    fn catch_up(&mut self, now: Now, fx: &mut Effects<Notified>) {
        let mut presentities: Vec<Arc<str>> = self.presentities.keys().map(Arc::clone).collect();
        presentities.sort();
        for presentity in presentities {
            let Some(known) = self.presentities.get_mut(&presentity) else { continue };
            let records = known.publications.expire(now);
            self.keep_publications(&presentity, &records, fx);
            self.announce(now, &presentity, fx);
            self.tidy(now, &presentity);
        }
    }
}
