//! What the journal keeps of a notifier, and how it goes on from it (rule SUB-N-21).
//!
//! | key | holds |
//! |---|---|
//! | `d`, number of the dialog | a dialog and its watcher |
//! | `u`, number of the dialog, number of the subscription | a subscription in it, and what its watcher has confirmed |
//! | `x`, resource | what its watchers have confirmed is not all in the journal (`doubts`) |
//! | `n` | the key that subscriptions are numbered with |

use super::request_fingerprint::WatcherDialogKey;
use super::table::LentDialog;
use super::watcher_dialog::{FIRST_VERSION, UNKNOWN, Usage, WatcherDialog, WatcherDialogId};
use super::{Notifier, Output};
use crate::dialog::Dialog;
use crate::notify::NotifyContext;
use crate::package::{Package, Source};
use crate::subscription::Subscription;
use crate::subscription_record::SubscriptionRecord;
use clock::{Mono, Now};
use minicbor::data::Type;
use minicbor::{Decode, Decoder, Encode, Encoder};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

const DIALOG: u8 = b'd';
const USAGE: u8 = b'u';
const DOUBT: u8 = b'x';
const KEY: &[u8] = b"n";

/// A record that says nothing to this process: a later version wrote it, or it is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnreadableRecord;

/// A dialog as it is kept.
#[derive(Debug, Encode, Decode)]
pub struct KeptDialog {
    /// Its number, the local tag.
    #[n(0)]
    pub id: u64,
    /// Who watches.
    #[n(1)]
    pub watcher: Box<str>,
    /// Its texts and numbers.
    #[n(2)]
    pub dialog: Dialog,
}

/// A subscription as it is kept.
#[derive(Debug)]
pub struct KeptUsage<P: Package> {
    /// The number of its dialog.
    pub id: u64,
    /// Its own number in the dialog.
    pub number: u8,
    /// Its lifetime and state.
    pub record: SubscriptionRecord,
    /// Fingerprint of the last view that the watcher confirmed; zero if the watcher may have seen a later view.
    pub confirmed: u64,
    /// What is watched.
    pub resource: P::Resource,
    /// What its packages remember.
    pub extra: P::Extra,
}

/// The records of the journal that have been read so far. They come in no particular order, and are put together when all are read.
#[derive(Debug)]
pub(crate) struct Restoring<P: Package> {
    dialogs: BTreeMap<u64, KeptDialog>,
    /// By the numbers of dialog and subscription.
    usages: BTreeMap<(u64, u8), KeptUsage<P>>,
    /// The numbers of dialogs of which some record cannot be read. The other records of such a dialog stay in the journal too.
    unreadable: BTreeSet<u64>,
    doubts: BTreeSet<P::Resource>,
    key: Option<WatcherDialogKey>,
}

impl<P: Package> Restoring<P> {
    pub(crate) const fn new() -> Self {
        Self {
            dialogs: BTreeMap::new(),
            usages: BTreeMap::new(),
            unreadable: BTreeSet::new(),
            doubts: BTreeSet::new(),
            key: None,
        }
    }
}

/// Whether the record of a resource in doubt is written or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Begins,
    Ends,
}

fn dialog_key(WatcherDialogId(id): WatcherDialogId) -> Box<[u8]> {
    [&[DIALOG][..], &id.to_be_bytes()].concat().into()
}

fn usage_key(WatcherDialogId(id): WatcherDialogId, number: u8) -> Box<[u8]> {
    [&[USAGE][..], &id.to_be_bytes(), &[number]].concat().into()
}

fn doubt_key(resource: &[u8]) -> Box<[u8]> {
    [&[DOUBT][..], resource].concat().into()
}

/// The version of `extra` stands before `extra`, so that a reader knows whether it can read `extra` before it tries.
fn encode_usage<P: Package>(
    WatcherDialogId(id): WatcherDialogId,
    number: u8,
    record: &SubscriptionRecord,
    confirmed: u64,
    resource: &P::Resource,
    extra: &P::Extra,
) -> Result<Box<[u8]>, minicbor::encode::Error<Infallible>> {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(7)?.u64(id)?.u8(number)?.encode(record)?.u64(confirmed)?;
    encoder.encode(resource)?.u8(P::EXTRA_VERSION)?.encode(extra)?;
    Ok(encoder.into_writer().into())
}

fn usage_record<P: Package>(
    id: WatcherDialogId,
    usage: &Usage<P>,
) -> Result<Box<[u8]>, minicbor::encode::Error<Infallible>> {
    let record = usage.subscription.record();
    encode_usage::<P>(id, usage.number, record, usage.known(), &usage.resource, &usage.extra)
}

fn read_usage<P: Package>(value: &[u8]) -> Result<KeptUsage<P>, minicbor::decode::Error> {
    let mut decoder = Decoder::new(value);
    if decoder.datatype()? != Type::Array || decoder.array()? != Some(7) {
        return Err(minicbor::decode::Error::message("a subscription of another shape"));
    }
    let (id, number, record) = (decoder.u64()?, decoder.u8()?, decoder.decode()?);
    let (confirmed, resource) = (decoder.u64()?, decoder.decode()?);
    if decoder.u8()? > P::EXTRA_VERSION {
        return Err(minicbor::decode::Error::message("a subscription of a later version"));
    }
    Ok(KeptUsage { id, number, record, confirmed, resource, extra: decoder.decode()? })
}

impl<P: Package> Notifier<P> {
    pub(super) fn keep_dialog(&mut self, id: WatcherDialogId, watcher_dialog: &WatcherDialog<P>) {
        let kept = KeptDialog {
            id: id.0,
            watcher: (&*watcher_dialog.watcher).into(),
            dialog: watcher_dialog.dialog.clone(),
        };
        // Writing to memory cannot fail.
        if let Ok(value) = minicbor::to_vec(&kept) {
            self.outputs.push_back(Output::Keep { key: dialog_key(id), value: value.into() });
        }
    }

    pub(super) fn keep_usage(&mut self, id: WatcherDialogId, usage: &mut Usage<P>) {
        if let Ok(value) = usage_record(id, usage) {
            self.outputs.push_back(Output::Keep { key: usage_key(id, usage.number), value });
        }
        self.written(usage);
    }

    /// The journal is to learn of this subscription a second later.
    pub(super) fn put_off(&mut self, now: Mono, id: WatcherDialogId, usage: &mut Usage<P>) {
        if !std::mem::replace(&mut usage.is_in_hints, true) {
            self.hints.add(now, id, usage.number);
        }
    }

    /// Tells the journal what the watcher has confirmed, or that it has not.
    pub(super) fn write_hint(&mut self, id: WatcherDialogId, number: u8) {
        let Some(mut lent) = self.dialogs.take(id) else { return };
        let mut usages = lent.watcher_dialog.usages.iter_mut();
        if let Some(usage) = usages.find(|usage| usage.number == number && usage.is_in_hints) {
            usage.is_in_hints = false;
            if (usage.is_unwritten || usage.is_in_doubt)
                && let Ok(value) = usage_record(id, usage)
            {
                self.outputs.push_back(Output::Hint { key: usage_key(id, number), value: Some(value) });
                self.written(usage);
            }
        }
        self.dialogs.put_back(lent);
    }

    /// The journal has been given all that is known of this subscription.
    fn written(&mut self, usage: &mut Usage<P>) {
        usage.is_unwritten = false;
        self.end_doubt(usage);
    }

    /// The watcher is about to see a state that the journal knows nothing of.
    pub(super) fn doubt(&mut self, now: Mono, id: WatcherDialogId, usage: &mut Usage<P>) {
        if !std::mem::replace(&mut usage.is_in_doubt, true) && self.doubts.add(&usage.resource) {
            self.write_doubt(&usage.resource, Doubt::Begins);
        }
        self.put_off(now, id, usage);
    }

    /// The journal now knows all that the watcher has seen, or the subscription has ended.
    pub(super) fn end_doubt(&mut self, usage: &mut Usage<P>) {
        if std::mem::take(&mut usage.is_in_doubt) && self.doubts.remove(&usage.resource) {
            self.write_doubt(&usage.resource, Doubt::Ends);
        }
    }

    /// The record goes into the journal with the change that it is about, and so is there before the NOTIFYs of that change, which wait
    /// for the change.
    fn write_doubt(&mut self, resource: &P::Resource, doubt: Doubt) {
        if let Ok(name) = minicbor::to_vec(resource) {
            let key = doubt_key(&name);
            let value = match doubt {
                Doubt::Begins => Some(name.into()),
                Doubt::Ends => None,
            };
            self.outputs.push_back(Output::Hint { key, value });
        }
    }

    pub(super) fn rename_doubt(&mut self, from: &P::Resource, to: &P::Resource) {
        let Some(was_there) = self.doubts.rename(from, to) else { return };
        if !was_there {
            self.write_doubt(to, Doubt::Begins);
        }
        self.write_doubt(from, Doubt::Ends);
    }

    pub(super) fn forget_usage(&mut self, id: WatcherDialogId, number: u8) {
        self.outputs.push_back(Output::Forget { key: usage_key(id, number) });
    }

    pub(super) fn forget_dialog(&mut self, id: WatcherDialogId) {
        self.outputs.push_back(Output::Forget { key: dialog_key(id) });
    }

    /// Whether a record of the journal is a notifier's.
    #[must_use]
    pub fn is_own(key: &[u8]) -> bool {
        let is_numbered = matches!(key.first(), Some(&DIALOG | &USAGE)) && key.len() <= 10;
        key == KEY || is_numbered || key.first() == Some(&DOUBT)
    }

    /// Takes a live record of the journal.
    ///
    /// # Errors
    /// [`UnreadableRecord`]; the record stays where it is.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), UnreadableRecord> {
        match key.first() {
            Some(&DIALOG) => match minicbor::decode::<KeptDialog>(value) {
                Ok(dialog) => drop(self.restoring.dialogs.insert(dialog.id, dialog)),
                Err(_) => return Err(self.unreadable(key)),
            },
            Some(&USAGE) => match read_usage::<P>(value) {
                Ok(usage) => drop(self.restoring.usages.insert((usage.id, usage.number), usage)),
                Err(_) => return Err(self.unreadable(key)),
            },
            Some(&DOUBT) => {
                let resource = minicbor::decode(value).map_err(|_| UnreadableRecord)?;
                self.restoring.doubts.insert(resource);
            }
            _ => {
                let key = value.try_into().map_err(|_| UnreadableRecord)?;
                self.restoring.key = Some(WatcherDialogKey::new(key));
            }
        }
        Ok(())
    }

    fn unreadable(&mut self, key: &[u8]) -> UnreadableRecord {
        let number = key.get(1..9).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
        self.restoring.unreadable.extend(number);
        UnreadableRecord
    }

    /// Takes the key that subscriptions are numbered with from the journal of an earlier version: it is written anew.
    pub fn convert_key(&mut self, key: [u8; 32]) {
        if self.restoring.key.is_none() {
            self.outputs.push_back(Output::Keep { key: KEY.into(), value: key[..].into() });
            self.restoring.key = Some(WatcherDialogKey::new(key));
        }
    }

    /// Takes a subscription from the journal of an earlier version, which had other records: it is written anew.
    pub fn convert(&mut self, dialog: Option<KeptDialog>, usage: KeptUsage<P>) {
        let id = WatcherDialogId(usage.id);
        // A process that died while it converted has left both kinds, and the new one counts.
        if let Some(dialog) = dialog.filter(|dialog| !self.restoring.dialogs.contains_key(&dialog.id)) {
            if let Ok(value) = minicbor::to_vec(&dialog) {
                self.outputs.push_back(Output::Keep { key: dialog_key(id), value: value.into() });
            }
            self.restoring.dialogs.insert(dialog.id, dialog);
        }
        if let Entry::Vacant(place) = self.restoring.usages.entry((usage.id, usage.number)) {
            let KeptUsage { number, record, confirmed, resource, extra, .. } = &usage;
            if let Ok(value) = encode_usage::<P>(id, *number, record, *confirmed, resource, extra) {
                self.outputs.push_back(Output::Keep { key: usage_key(id, *number), value });
            }
            place.insert(usage);
        }
    }

    /// All records have come: subscriptions go on, and every watcher is told what it may lack.
    pub fn restored(&mut self, now: Now, source: &mut impl Source<P>, random: &mut dyn FnMut() -> u64) {
        let restoring = std::mem::replace(&mut self.restoring, Restoring::new());
        let Restoring { mut dialogs, usages, unreadable, doubts, key } = restoring;
        let is_new = key.is_none();
        let key = key.unwrap_or_else(|| WatcherDialogKey::fresh(random));
        if is_new {
            self.outputs.push_back(Output::Keep { key: KEY.into(), value: key.bytes()[..].into() });
        }
        self.dialogs.set_key(key);
        let mut by_dialog: BTreeMap<u64, Vec<KeptUsage<P>>> = BTreeMap::new();
        for usage in usages.into_values() {
            by_dialog.entry(usage.id).or_default().push(usage);
        }
        for (id, usages) in by_dialog {
            match dialogs.remove(&id) {
                Some(dialog) => self.restore_dialog(now, dialog, usages, &doubts, source),
                None if unreadable.contains(&id) => {}
                None => usages.iter().for_each(|usage| self.forget_usage(WatcherDialogId(id), usage.number)),
            }
        }
        let halves = dialogs.keys().filter(|id| !unreadable.contains(id));
        halves.for_each(|id| self.forget_dialog(WatcherDialogId(*id)));
        for resource in &doubts {
            if !self.doubts.has(resource) {
                self.write_doubt(resource, Doubt::Ends);
            }
        }
        for resource in self.dialogs.resources() {
            self.changed(&resource);
        }
    }

    fn restore_dialog(
        &mut self,
        now: Now,
        kept: KeptDialog,
        usages: Vec<KeptUsage<P>>,
        doubts: &BTreeSet<P::Resource>,
        source: &mut impl Source<P>,
    ) {
        let id = WatcherDialogId(kept.id);
        let mut watcher_dialog = WatcherDialog::new(kept.watcher.into(), kept.dialog);
        for KeptUsage { number, record, confirmed, resource, extra, .. } in usages {
            let with = NotifyContext { dialog: &mut watcher_dialog.dialog, policy: &self.settings.policy };
            // No newer version is known yet: whether there is one is seen by comparing views.
            let version = record.delivered().unwrap_or(FIRST_VERSION);
            let subscription = Subscription::restore(now, record, version, with);
            let is_in_doubt = doubts.contains(&resource) && subscription.is_active();
            let resource = source.current(resource);
            let confirmed = if is_in_doubt { UNKNOWN } else { confirmed };
            let mut usage = Usage::new(number, resource, extra, subscription, confirmed);
            usage.confirmed = confirmed;
            usage.journalled = true;
            if is_in_doubt {
                self.doubt(now.mono, id, &mut usage);
            }
            watcher_dialog.usages.push(usage);
        }
        self.dialogs.enter(id, &mut watcher_dialog);
        self.dialogs.put_back(LentDialog { id, watcher_dialog });
    }
}
