//! The HSS writes every change to its store before it answers. A change that cannot be written is undone in memory.

use crate::service::{Service, now};
use crate::store::{Store, StoreError};
use hss::{Conflict, Hss, StoreChange};
use ims_runtime::cli::Failure;
use ims_runtime::config::ConfigError;
use std::collections::BTreeSet;
use std::fmt;
use tokio::task::spawn_blocking;

/// Accounts that an answer names one by one.
const MAX_NAMED: usize = 10;

/// Why everything is as it was before a reload.
#[derive(Debug)]
pub(crate) enum NotReloaded {
    /// The subscribers file is not usable.
    File(ConfigError),
    /// The store cannot be written.
    Store(StoreError),
}

impl fmt::Display for NotReloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl Service {
    /// Keeps `changes` of registrations, or undoes them and says why they are not kept. The store that cannot even be read ends the
    /// process, with nothing of them acknowledged.
    pub(crate) async fn keep(
        &mut self,
        changes: Vec<StoreChange>,
    ) -> Result<Result<(), StoreError>, Failure> {
        if changes.is_empty() {
            return Ok(Ok(()));
        }
        let (kept, before) = self
            .with_store(move |store| {
                let kept = store.commit(&changes);
                let accounts: Vec<Box<str>> = match &kept {
                    Ok(()) => Vec::new(),
                    Err(_) => changes.iter().filter_map(changed_account).collect(),
                };
                let before = store.registrations(&accounts)?;
                Ok((kept, accounts.into_iter().zip(before).collect::<Vec<_>>()))
            })
            .await?;
        match &kept {
            Ok(()) => self.not_kept = None,
            Err(error) => {
                tracing::error!(%error, "registrations that change are refused");
                self.not_kept = Some(error.to_string());
                self.hss.undo(before);
            }
        }
        Ok(kept)
    }

    /// Lets another thread use the store, which is away meanwhile.
    async fn with_store<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let mut store = self.store.take().ok_or(StoreError::Damaged("lost by an earlier failure"))?;
        let (store, done) = spawn_blocking(move || {
            let done = work(&mut store);
            (store, done)
        })
        .await?;
        self.store = Some(store);
        Ok(done?)
    }

    /// Reads the subscribers file again: adds and replaces accounts, removes none. A set that is registered stays so while one of
    /// its identities is there.
    pub(crate) async fn reload(&mut self) -> Result<Result<String, NotReloaded>, Failure> {
        let read = match self.subscribers.load() {
            Ok(read) => read.build()?,
            Err(error) => {
                self.bad_subscribers = Some(error.to_string());
                return Ok(Err(NotReloaded::File(error)));
            }
        };
        self.bad_subscribers = None;
        let mut missing: BTreeSet<Box<str>> = self.hss.accounts().map(Into::into).collect();
        for change in &read {
            if let StoreChange::Account(account) = change {
                missing.remove(&account.name);
            }
        }
        let (hss, kept, left_out) = taken_over(&self.hss, read);
        let records = kept.len();
        if let Err(error) = self.replace(hss, kept).await? {
            return Ok(Err(NotReloaded::Store(error)));
        }
        let said = std::iter::once(format!("{records} records written: accounts and the list of S-CSCFs"))
            .chain(left_out);
        let said = said.chain((!missing.is_empty()).then(|| not_in_file(&missing)));
        Ok(Ok(said.chain(self.send_requests()).collect::<Vec<_>>().join("\n")))
    }

    /// Takes this store in place of the one in memory, if these changes, by which they differ, can be kept.
    pub(crate) async fn replace(
        &mut self,
        hss: Hss,
        changes: Vec<StoreChange>,
    ) -> Result<Result<(), StoreError>, Failure> {
        let kept = self.keep(changes).await?;
        if kept.is_ok() {
            self.hss = hss;
        }
        Ok(kept)
    }
}

/// A store with what a file has, what of it has to be kept, and what is left out for somebody else's sake. One conflict leaves out one
/// account: all others are taken over as if the file had not had it.
fn taken_over(before: &Hss, mut read: Vec<StoreChange>) -> (Hss, Vec<StoreChange>, Vec<String>) {
    let mut left_out = Vec::new();
    loop {
        let mut hss = before.clone();
        match hss.apply_all(now(), &read) {
            Ok(more) => return (hss, read.into_iter().chain(more).collect(), left_out),
            Err((at, Conflict { identity, account })) => {
                read.remove(at);
                left_out.push(format!("left out: {identity} belongs to account {account} already"));
            }
        }
    }
}

/// Accounts that a file has no more stay: it may be the wrong file.
fn not_in_file(missing: &BTreeSet<Box<str>>) -> String {
    let names: Vec<&str> = missing.iter().map(|name| &**name).take(MAX_NAMED).collect();
    let more = if missing.len() > MAX_NAMED { ", ..." } else { "" };
    let (count, names) = (missing.len(), names.join(", "));
    format!("not in the file, and kept: {count} ({names}{more}); `remove USER` removes one")
}

fn changed_account(change: &StoreChange) -> Option<Box<str>> {
    match change {
        StoreChange::Registration(account, _) => Some(account.clone()),
        StoreChange::Account(_) | StoreChange::Removed(_) | StoreChange::Directory(_) => None,
    }
}
