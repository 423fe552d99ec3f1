//! The HSS writes every change to its store before it answers. A change that cannot be written is undone in memory.

use crate::service::Service;
use crate::store::{Store, StoreError};
use hss::StoreChange;
use ims_runtime::cli::Failure;
use ims_runtime::config::ConfigError;
use std::fmt;
use tokio::task::spawn_blocking;

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

    /// Reads the subscribers file again: adds and replaces accounts, removes none, leaves registrations as they are.
    pub(crate) async fn reload(&mut self) -> Result<Result<String, NotReloaded>, Failure> {
        let read = match self.subscribers.load() {
            Ok(read) => read.build()?,
            Err(error) => {
                self.bad_subscribers = Some(error.to_string());
                return Ok(Err(NotReloaded::File(error)));
            }
        };
        self.bad_subscribers = None;
        let mut hss = self.hss.clone();
        let mut kept = Vec::new();
        let mut left_out = Vec::new();
        for change in read {
            match hss.apply(change.clone()) {
                Ok(()) => kept.push(change),
                Err(conflict) => left_out.push(format!(
                    "left out: {} belongs to account {} already",
                    conflict.identity, conflict.account
                )),
            }
        }
        let said = format!("{} records read", kept.len());
        if let Err(error) = self.keep(kept).await? {
            return Ok(Err(NotReloaded::Store(error)));
        }
        self.hss = hss;
        Ok(Ok(std::iter::once(said).chain(left_out).collect::<Vec<_>>().join("\n")))
    }
}

fn changed_account(change: &StoreChange) -> Option<Box<str>> {
    match change {
        StoreChange::Registration(account, _) => Some(account.clone()),
        StoreChange::Account(_) | StoreChange::Directory(_) => None,
    }
}
