//! Subscriptions as journals of version 0.1 before December 2026 hold them, under `w` and their number: they become the notifier's
//! records.

use super::package::{EndedContact, Reg, Untold};
use crate::Fx;
use crate::Own;
use cx_protocol::Impu;
use ims_node::{Record, notifier};
use minicbor::Decode;
use sip_event::{Dialog, KeptDialog, KeptUsage, Notifier, SubscriptionRecord};

/// Begins the key of such a record; the key of a registration is an identity.
const PREFIX: u8 = b'w';

#[derive(Debug, Decode)]
struct KeptWatch {
    #[n(0)]
    id: u64,
    #[n(1)]
    user: Impu,
    #[n(2)]
    watcher: Box<str>,
    #[n(3)]
    dialog: Dialog,
    #[n(4)]
    record: SubscriptionRecord,
    #[n(5)]
    icid: Option<Box<str>>,
    #[n(6)]
    ended: Box<[EndedContact]>,
    #[n(7)]
    farewell: Option<Box<[Impu]>>,
    #[n(8)]
    confirmed: u64,
}

/// The records that have come.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    watches: Vec<KeptWatch>,
    /// What is forgotten when the new records are written.
    keys: Vec<Box<[u8]>>,
}

impl Earlier {
    /// Whether the record is one of these.
    pub(crate) fn has(record: &Record) -> bool {
        record.key.first() == Some(&PREFIX)
    }

    /// `None` when the record cannot be read.
    pub(crate) fn take(&mut self, record: &Record) -> Option<()> {
        self.watches.push(minicbor::decode(record.value.as_deref()?).ok()?);
        self.keys.push(record.key.clone());
        Some(())
    }

    /// Hands everything to the notifier. The old records go behind the new ones: if the process dies in between, there are both,
    /// and the new ones count.
    pub(crate) fn convert(self, reg: &mut Notifier<Reg>, fx: &mut Fx) {
        for KeptWatch { id, user, watcher, dialog, record, icid, ended, farewell, confirmed } in self.watches
        {
            let extra = Untold { icid, ended, farewell };
            let usage = KeptUsage { id, number: 0, record, confirmed, resource: user, extra };
            reg.convert(Some(KeptDialog { id, watcher, dialog }), usage);
        }
        notifier::carry_out(reg, fx, Own::RegNotify);
        self.keys.into_iter().for_each(|key| fx.forget(key));
    }
}
