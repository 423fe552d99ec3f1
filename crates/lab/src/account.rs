//! The accounts of a domain, as its subscribers file has them.

use crate::error::LabError;
use crate::plan::load;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Somebody who can register. The passwords of a lab are no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// `alice`.
    pub user: Box<str>,
    /// `home1.test`; also the realm.
    pub domain: Box<str>,
    /// The public identity: `sip:alice@home1.test`.
    pub impu: Box<str>,
    /// The private identity, which is the digest username: `alice@home1.test`.
    pub impi: Box<str>,
    /// The password.
    pub password: Box<str>,
}

#[derive(Deserialize)]
struct SubscribersFile {
    #[serde(default)]
    account: BTreeMap<Box<str>, AccountEntry>,
}

#[derive(Deserialize)]
struct AccountEntry {
    impis: Vec<Box<str>>,
    password: Option<Box<str>>,
    sets: Vec<Vec<Identity>>,
}

#[derive(Deserialize)]
struct Identity {
    impu: Box<str>,
}

/// The accounts in this file that have a password and an identity.
pub(crate) fn read(file: &Path, domain: &str) -> Result<Vec<Account>, LabError> {
    let SubscribersFile { account } = load(file)?;
    let usable = account.into_iter().filter_map(|(user, entry)| {
        let impu = entry.sets.into_iter().flatten().next()?.impu;
        let impi = entry.impis.into_iter().next()?;
        Some(Account { user, domain: domain.into(), impu, impi, password: entry.password? })
    });
    Ok(usable.collect())
}
