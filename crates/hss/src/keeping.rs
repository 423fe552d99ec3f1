//! The HSS writes every change to its store before it answers. A change that cannot be written is undone in memory.

use crate::service::Service;
use crate::store::{Store, StoreError};
use crate::told::ReloadedSubscribers;
use clock::Now;
use hss::{Conflict, Hss, StoreChange};
use ims_runtime::cli::Failure;
use ims_runtime::config::ConfigError;
use std::collections::BTreeSet;
use tokio::task::spawn_blocking;

/// What became of the subscribers file.
pub(crate) enum Read {
    /// It is taken over in memory, and this has to be kept.
    TakenOver(Vec<StoreChange>, ReloadedSubscribers),
    /// It is not usable; everything is as it was.
    Refused(ConfigError),
}

impl Service {
    /// Keeps `changes` of registrations, or undoes them and says why they are not kept. The store that cannot even be read ends the
    /// process, with nothing of them acknowledged.
    pub(crate) async fn commit(
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
    pub(crate) fn read_subscribers(&mut self, now: Now) -> Result<Read, Failure> {
        let read = match self.subscribers.load() {
            Ok(read) => read.build()?,
            Err(error) => {
                self.bad_subscribers = Some(error.to_string());
                return Ok(Read::Refused(error));
            }
        };
        self.bad_subscribers = None;
        let mut missing: BTreeSet<Box<str>> = self.hss.accounts().map(Into::into).collect();
        for change in &read {
            if let StoreChange::Account(account) = change {
                missing.remove(&account.name);
            }
        }
        let TakenOver { hss, changes, left_out } = taken_over(now, &self.hss, read);
        self.hss = hss;
        let reloaded = ReloadedSubscribers {
            records_written: changes.len(),
            left_out: left_out.into_iter().map(Into::into).collect(),
            not_in_the_file: missing.into_iter().collect(),
            told: Vec::new(),
        };
        Ok(Read::TakenOver(changes, reloaded))
    }
}

/// A store with what a file has.
struct TakenOver {
    hss: Hss,
    /// What of it has to be kept.
    changes: Vec<StoreChange>,
    /// What is left out for somebody else's sake.
    left_out: Vec<Conflict>,
}

/// One conflict leaves out one account: all others are taken over as if the file had not had it.
fn taken_over(now: Now, before: &Hss, mut read: Vec<StoreChange>) -> TakenOver {
    let mut left_out = Vec::new();
    loop {
        let mut hss = before.clone();
        match hss.apply_all(now, &read) {
            Ok(more) => {
                let changes = read.into_iter().chain(more).collect();
                return TakenOver { hss, changes, left_out };
            }
            Err((at, conflict)) => {
                read.remove(at);
                left_out.push(conflict);
            }
        }
    }
}

fn changed_account(change: &StoreChange) -> Option<Box<str>> {
    match change {
        StoreChange::Registration(account, _) => Some(account.clone()),
        StoreChange::Account(_) | StoreChange::Removed(_) | StoreChange::Directory(_) => None,
    }
}
