//! What the journal keeps, and how the server goes on from it (rules SUB-N-21, PUB-06).
//!
//! | key | holds |
//! |---|---|
//! | `p`, presentity, 0, serial | a publication |
//! | `r`, presentity | a registration |
//!
//! Subscriptions are the notifier's records. What earlier versions wrote instead of them: `earlier`.

use crate::documents::Documents;
use crate::earlier::Earlier;
use crate::package::Presence;
use crate::presentity::Presentity;
use crate::registrations::{Registration, Registrations};
use crate::{Fx, Notified, PresenceServer};
use clock::Now;
use ims_node::{Record, notifier};
use minicbor::{Decode, Encode};
use sip_event::{Notifier, Publication, PublicationRecord};

#[derive(Debug, Encode, Decode)]
struct KeptPublication {
    #[n(0)]
    presentity: Presentity,
    #[n(1)]
    publication: Publication,
}

#[derive(Debug, Encode, Decode)]
struct KeptRegistration {
    #[n(0)]
    presentity: Presentity,
    #[n(1)]
    registration: Registration,
}

/// The records of the journal that have been read so far. They come in no particular order, and are put together when all are read.
#[derive(Debug, Default)]
pub(crate) struct Restoring {
    publications: Vec<(Presentity, Publication)>,
    registrations: Vec<(Presentity, Registration)>,
    earlier: Earlier,
}

fn publication_key(presentity: &str, serial: u64) -> Vec<u8> {
    [&b"p"[..], presentity.as_bytes(), &[0], &serial.to_be_bytes()].concat()
}

fn registration_key(presentity: &str) -> Vec<u8> {
    [&b"r"[..], presentity.as_bytes()].concat()
}

fn persist<T: Encode<()>>(key: Vec<u8>, value: &T, fx: &mut Fx) {
    // Writing to memory cannot fail.
    if let Ok(bytes) = minicbor::to_vec(value) {
        fx.persist(key, bytes);
    }
}

/// A refreshed publication is written whole: what is kept under one key needs no order among the records.
pub(crate) fn keep_publications(
    documents: &Documents,
    presentity: &Presentity,
    records: &[PublicationRecord],
    fx: &mut Fx,
) {
    for record in records {
        let serial = match record {
            PublicationRecord::Stored(publication) => publication.serial(),
            PublicationRecord::Renewed { serial, .. } | PublicationRecord::Removed { serial } => *serial,
        };
        match documents.publication(presentity, serial) {
            Some(publication) => {
                let (presentity, publication) = (presentity.clone(), publication.clone());
                let key = publication_key(&presentity, serial);
                persist(key, &KeptPublication { presentity, publication }, fx);
            }
            None => fx.forget(publication_key(presentity, serial)),
        }
    }
}

pub(crate) fn keep_registration(registrations: &Registrations, user: &Presentity, fx: &mut Fx) {
    match registrations.of(user).cloned() {
        Some(registration) => {
            let kept = KeptRegistration { presentity: user.clone(), registration };
            persist(registration_key(user), &kept, fx);
        }
        None => fx.forget(registration_key(user)),
    }
}

impl PresenceServer {
    /// `None` when the record cannot be read.
    pub(crate) fn take(&mut self, record: &Record) -> Option<()> {
        let value = record.value.as_deref()?;
        if Notifier::<Presence>::is_own(&record.key) {
            return self.notifier.restore(&record.key, value).ok();
        }
        match record.key.first()? {
            b'p' => {
                let kept: KeptPublication = minicbor::decode(value).ok()?;
                self.restoring.publications.push((kept.presentity, kept.publication));
            }
            b'r' => {
                let kept: KeptRegistration = minicbor::decode(value).ok()?;
                self.restoring.registrations.push((kept.presentity, kept.registration));
            }
            _ => self.restoring.earlier.take(&record.key, value)?,
        }
        Some(())
    }

    /// Puts what was kept back in place, and tells the watchers that may lack something.
    pub(crate) fn go_on(&mut self, now: Now, fx: &mut Fx) {
        let Restoring { publications, registrations, earlier } = std::mem::take(&mut self.restoring);
        for (user, registration) in registrations {
            self.registrations.insert(now, &user, registration);
        }
        self.documents.restore(now, publications);
        earlier.convert(&mut self.notifier, fx);
        let (notifier, mut view) = self.parts();
        notifier.restored(now, &mut view, &mut || fx.random.bits());
        notifier::carry_out(&mut self.notifier, fx, Notified);
        for presentity in self.notifier.resources() {
            self.rules.note_time(now, &presentity, &self.documents);
        }
        self.on_due(now, fx);
    }
}
