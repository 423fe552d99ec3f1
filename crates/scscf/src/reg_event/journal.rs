//! What the journal keeps of a subscription: dialog, record, and what its watcher has still to be told.

use super::POLICY;
use super::watch::{EndedContact, FIRST_VERSION, Watch, WatchId};
use crate::{Own, Scscf};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Effects, Record, Unreadable};
use minicbor::{Decode, Encode};
use sip_event::{Dialog, NotifyContext, Subscription, SubscriptionRecord};

/// Begins the key of a subscription; the key of a registration is an identity.
pub(crate) const WATCH_PREFIX: u8 = b'w';

#[derive(Debug, Encode, Decode)]
pub(super) struct KeptWatch {
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
    ended: Vec<EndedContact>,
    #[n(7)]
    farewell: Option<Vec<Impu>>,
    /// Digest of the last state that the watcher confirmed.
    #[n(8)]
    confirmed: u64,
}

impl WatchId {
    fn key(self) -> Vec<u8> {
        [&[WATCH_PREFIX][..], &self.0.to_be_bytes()].concat()
    }

    pub(super) fn forget(self, fx: &mut Effects<Own>) {
        fx.forget(self.key());
    }
}

impl Watch {
    pub(super) fn keep(&self, id: WatchId, fx: &mut Effects<Own>) {
        let kept = KeptWatch {
            id: id.0,
            user: self.user.clone(),
            watcher: (&*self.watcher).into(),
            dialog: self.dialog.clone(),
            record: self.subscription.record().clone(),
            icid: self.icid.clone(),
            ended: self.ended.clone(),
            farewell: self.farewell.clone(),
            confirmed: self.confirmed,
        };
        // Writing to memory cannot fail.
        if let Ok(bytes) = minicbor::to_vec(&kept) {
            fx.persist(id.key(), bytes);
        }
    }
}

impl Scscf {
    /// Takes a record, if it is of a subscription; whether it is.
    pub(crate) fn restore_watch(&mut self, record: &Record) -> Result<(), Unreadable> {
        let value = record.value.as_deref().unwrap_or_default();
        self.reg.restoring.push(minicbor::decode::<KeptWatch>(value).map_err(|_| Unreadable)?);
        Ok(())
    }

    /// All records have been read: subscriptions go on, and learn what they may have missed.
    pub(crate) fn restore_watches(&mut self, now: Now, fx: &mut Effects<Own>) {
        for kept in std::mem::take(&mut self.reg.restoring) {
            let KeptWatch { id, user, watcher, mut dialog, record, icid, ended, farewell, confirmed } = kept;
            let version = record.delivered().unwrap_or(FIRST_VERSION);
            let with = NotifyContext { dialog: &mut dialog, policy: &POLICY };
            let subscription = Subscription::restore(now, record, version, with);
            // The set may have another default identity by now.
            let registration = self.users.registration(&user);
            let user = registration.and_then(|own| own.default_impu()).cloned().unwrap_or(user);
            let newest = (version, confirmed);
            let (sent, journalled) = ((0, 0), true);
            let watch = Watch {
                user,
                watcher: watcher.into(),
                dialog,
                subscription,
                icid,
                ended,
                farewell,
                newest,
                sent,
                confirmed,
                journalled,
            };
            self.reg.insert(WatchId(id), Box::new(watch));
        }
        self.catch_up(now, fx);
    }
}
