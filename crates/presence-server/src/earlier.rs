//! Subscriptions as journals of version 0.1 before December 2026 hold them: they become the notifier's records.
//!
//! | key | held |
//! |---|---|
//! | `w`, number | a watch: presentity, watcher, dialog |
//! | `s`, number, slot | a subscription in it, and what its watcher has confirmed |
//! | `k` | the key that subscriptions are numbered with |

use crate::Fx;
use crate::Notified;
use crate::identity::Privacy;
use crate::package::Presence;
use crate::presentity::Presentity;
use minicbor::Decode;
use sip_event::{Dialog, KeptDialog, KeptUsage, Notifier, SubscriptionRecord};
use std::collections::BTreeMap;

#[derive(Debug, Decode)]
struct KeptWatch {
    #[n(0)]
    id: u64,
    #[n(1)]
    presentity: Presentity,
    #[n(2)]
    watcher: Box<str>,
    #[n(3)]
    anonymous: bool,
    #[n(4)]
    dialog: Dialog,
}

#[derive(Debug, Decode)]
struct KeptSlot {
    #[n(0)]
    watch: u64,
    #[n(1)]
    number: u8,
    #[n(2)]
    record: SubscriptionRecord,
    #[n(3)]
    confirmed: u64,
}

/// The records that have come.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    watches: BTreeMap<u64, KeptWatch>,
    slots: Vec<KeptSlot>,
    key: Option<[u8; 32]>,
    /// What is forgotten when the new records are written.
    keys: Vec<Box<[u8]>>,
}

impl Earlier {
    /// `None` when the record cannot be read.
    pub(crate) fn take(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key.first()? {
            b'w' => {
                let watch: KeptWatch = minicbor::decode(value).ok()?;
                self.watches.insert(watch.id, watch);
            }
            b's' => self.slots.push(minicbor::decode(value).ok()?),
            b'k' => self.key = Some(value.try_into().ok()?),
            _ => return None,
        }
        self.keys.push(key.into());
        Some(())
    }

    /// Hands everything to the notifier. The old records go behind the new ones: if the process dies in between, there are both,
    /// and the new ones count.
    pub(crate) fn convert(self, notifier: &mut Notifier<Presence>, fx: &mut Fx) {
        let Self { mut watches, mut slots, key, keys } = self;
        if keys.is_empty() {
            return;
        }
        if let Some(key) = key {
            notifier.convert_key(key);
        }
        slots.sort_by_key(|slot| (slot.watch, slot.number));
        let mut about: Option<(u64, Presentity, Privacy)> = None;
        for KeptSlot { watch: id, number, record, confirmed } in slots {
            let dialog =
                watches.remove(&id).map(|KeptWatch { presentity, watcher, anonymous, dialog, .. }| {
                    about = Some((id, presentity, if anonymous { Privacy::Id } else { Privacy::Open }));
                    KeptDialog { id, watcher, dialog }
                });
            if let Some((_, resource, extra)) = about.clone().filter(|(known, ..)| *known == id) {
                notifier.convert(dialog, KeptUsage { id, number, record, confirmed, resource, extra });
            }
        }
        ims_node::notifier::carry_out(notifier, fx, Notified);
        keys.into_iter().for_each(|key| fx.forget(key));
    }
}
