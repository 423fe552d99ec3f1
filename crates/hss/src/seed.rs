//! The subscribers file, which the store is filled from. Passwords end here: only their HA1s are kept.

use crate::trigger::CriterionEntry;
use cx_protocol::{
    BadIdentity, DigestAlgorithm, Ha1, Impi, ImplicitRegistrationSet, Impu, InitialFilterCriterion,
    PublicIdentity, ScscfName, ServiceProfile,
};
use hss::{Account, Credentials, Scscf, ScscfDirectory, StoreChange};
use ims_runtime::config::{Configuration, InvalidKey, reached_by_udp};
use md5::Md5;
use serde::Deserialize;
use serde::de::{Deserializer, Error};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// One `subscribers-*.toml`. No `Debug`: it has passwords.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Subscribers {
    /// The domain of these users, for which they are challenged.
    realm: Box<str>,
    default_scscf: Option<Checked<ScscfName>>,
    #[serde(default)]
    scscf: Vec<ScscfEntry>,
    #[serde(default)]
    profile: BTreeMap<Box<str>, ProfileEntry>,
    #[serde(default)]
    account: BTreeMap<Box<str>, AccountEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScscfEntry {
    name: Checked<ScscfName>,
    #[serde(default)]
    capabilities: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileEntry {
    presence_server: Option<Box<str>>,
    #[serde(default)]
    agents: Vec<Checked<Impu>>,
    #[serde(default)]
    criterion: Vec<CriterionEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountEntry {
    impis: Vec<Checked<Impi>>,
    password: Option<Box<str>>,
    #[serde(default = "strongest_first")]
    algorithms: Vec<Algorithm>,
    profile: Box<str>,
    sets: Vec<Vec<IdentityEntry>>,
    #[serde(default)]
    mandatory_capabilities: Vec<u32>,
    #[serde(default)]
    optional_capabilities: Vec<u32>,
    visited_networks: Option<Vec<Box<str>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IdentityEntry {
    impu: Checked<Impu>,
    #[serde(default)]
    barred: bool,
    display: Option<Box<str>>,
}

#[derive(Deserialize, Clone, Copy)]
enum Algorithm {
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "SHA-256")]
    Sha256,
}

fn strongest_first() -> Vec<Algorithm> {
    vec![Algorithm::Sha256, Algorithm::Md5]
}

/// An identity that is one.
struct Checked<T>(T);

trait Identity: Sized {
    fn of(text: &str) -> Result<Self, BadIdentity>;
}

impl Identity for Impi {
    fn of(text: &str) -> Result<Self, BadIdentity> {
        Self::new(text)
    }
}

/// `user=phone` in the file changes nothing: the SIP name is taken as an identity, and `add_numbers` adds the number of a name that
/// is one.
impl Identity for Impu {
    fn of(text: &str) -> Result<Self, BadIdentity> {
        // A user part may have parameters of its own (RFC 3966 section 5.1.5); those of the URI stand behind its host.
        let host = text.rfind('@').unwrap_or(text.len());
        let parameters =
            text.get(host..).and_then(|rest| rest.split_once(';')).map(|(_, parameters)| parameters);
        match parameters.filter(|parameters| telephone::is_phone(parameters)) {
            Some(parameters) => Self::new(text.get(..text.len() - parameters.len() - 1).unwrap_or(text)),
            None => Self::new(text),
        }
    }
}

impl Identity for ScscfName {
    fn of(text: &str) -> Result<Self, BadIdentity> {
        Self::new(text)
    }
}

impl<'de, T: Identity> Deserialize<'de> for Checked<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(deserializer)?;
        T::of(&text).map(Self).map_err(D::Error::custom)
    }
}

impl Configuration for Subscribers {
    /// None: no process runs by this file alone.
    fn ctl_socket(&self) -> &Path {
        Path::new("")
    }

    fn paths(&mut self) -> Vec<&mut PathBuf> {
        Vec::new()
    }

    fn validate(&self) -> Result<(), InvalidKey> {
        self.build().map(drop)
    }

    fn remarks(&self) -> Vec<InvalidKey> {
        let names = self.scscf.iter().enumerate();
        let scscfs = names.map(|(at, entry)| (format!("scscf[{at}].name"), entry.name.0.as_str()));
        let servers = self.profile.iter().flat_map(|(name, profile)| profile.servers(name));
        scscfs.chain(servers).filter_map(|(key, uri)| reached_by_udp(key, uri)).collect()
    }
}

impl ProfileEntry {
    /// The application servers of the profile of this name, each with its key.
    fn servers(&self, name: &str) -> impl Iterator<Item = (String, &str)> {
        let profile = format!("profile.{name}");
        let presence_server =
            self.presence_server.iter().map(|uri| (format!("profile.{name}.presence_server"), &**uri));
        let criteria = self.criterion.iter().enumerate();
        let servers = criteria.map(move |(at, entry)| {
            (format!("{profile}.criterion[{at}].application_server"), entry.application_server())
        });
        servers.chain(presence_server.collect::<Vec<_>>())
    }
}

impl Subscribers {
    /// Everything in the file, as the store takes it.
    pub(crate) fn build(&self) -> Result<Vec<StoreChange>, InvalidKey> {
        let mut changes = vec![StoreChange::Directory(self.directory()?)];
        let mut seen = HashSet::new();
        let mut accounts = Vec::new();
        for (name, entry) in &self.account {
            let account = self.account(name, entry)?;
            claim_identities(&account, &mut seen)?;
            accounts.push(account);
        }
        for account in &mut accounts {
            add_numbers(account, &mut seen);
        }
        changes.extend(accounts.into_iter().map(|account| StoreChange::Account(Box::new(account))));
        Ok(changes)
    }

    fn directory(&self) -> Result<ScscfDirectory, InvalidKey> {
        let scscf = |entry: &ScscfEntry| Scscf {
            name: entry.name.0.clone(),
            capabilities: entry.capabilities.clone(),
        };
        let scscfs: Vec<Scscf> = self.scscf.iter().map(scscf).collect();
        let default = self.default_scscf.as_ref().map(|name| name.0.clone());
        if let Some(default) = &default
            && !scscfs.iter().any(|scscf| scscf.name == *default)
        {
            return Err(InvalidKey::new("default_scscf", "must be one of [[scscf]]"));
        }
        Ok(ScscfDirectory { scscfs, default })
    }

    fn account(&self, name: &str, entry: &AccountEntry) -> Result<Account, InvalidKey> {
        let invalid =
            |key: &str, reason: &'static str| Err(InvalidKey::new(format!("account.{name}.{key}"), reason));
        let Some(profile) = self.profile.get(&entry.profile) else {
            return invalid("profile", "must be the NAME of a [profile.NAME]");
        };
        if entry.password.as_ref().is_none_or(|password| password.is_empty()) {
            return invalid("password", "must be given: without it nobody can register");
        }
        let is_ours = |identity: &IdentityEntry| {
            identity.impu.0.domain().is_none_or(|domain| domain.eq_ignore_ascii_case(&self.realm))
        };
        if !entry.sets.iter().flatten().all(is_ours) {
            return invalid(
                "sets",
                "must have identities of the domain that `realm` names, or telephone numbers",
            );
        }
        if entry.impis.is_empty() {
            return invalid("impis", "must have at least one username");
        }
        if entry.algorithms.is_empty() {
            return invalid("algorithms", "must have \"SHA-256\", \"MD5\" or both");
        }
        if entry.sets.is_empty() || entry.sets.iter().any(Vec::is_empty) {
            return invalid("sets", "must have at least one set, and each at least one identity");
        }
        let criteria = profile.criteria(&entry.profile)?;
        Ok(Account {
            name: name.into(),
            realm: self.realm.clone(),
            credentials: entry.impis.iter().map(|impi| entry.credentials(&impi.0, &self.realm)).collect(),
            algorithms: entry.algorithms.iter().map(|algorithm| algorithm.build()).collect(),
            sets: entry.sets.iter().map(|set| service_profile(set, &criteria)).collect(),
            mandatory: entry.mandatory_capabilities.clone(),
            optional: entry.optional_capabilities.clone(),
            visited_networks: entry.visited_networks.clone(),
            presence_server: profile.presence_server.clone(),
            removed: false,
            agents: profile.agents.iter().map(|agent| agent.0.clone()).collect(),
        })
    }
}

impl ProfileEntry {
    /// The criteria in the order in which they are tried.
    fn criteria(&self, name: &str) -> Result<Vec<InitialFilterCriterion>, InvalidKey> {
        let mut criteria = Vec::new();
        let mut priorities = HashSet::new();
        for (index, entry) in self.criterion.iter().enumerate() {
            let key = format!("profile.{name}.criterion[{index}]");
            if !priorities.insert(entry.priority) {
                return Err(InvalidKey::new(
                    format!("{key}.priority"),
                    "must differ from every other of the profile",
                ));
            }
            criteria.push(entry.build().map_err(|line| {
                InvalidKey::new(
                    format!("{key}.when[{line}]"),
                    "must have groups, and either `is` or `is_not`",
                )
            })?);
        }
        criteria.sort_by_key(|criterion| criterion.priority);
        Ok(criteria)
    }
}

impl AccountEntry {
    fn credentials(&self, impi: &Impi, realm: &str) -> Credentials {
        let all = [DigestAlgorithm::Sha256, DigestAlgorithm::Md5];
        let ha1s = match &self.password {
            // All algorithms, so that the setting can change without the password.
            Some(password) => all.iter().filter_map(|one| ha1(*one, impi, realm, password)).collect(),
            None => Vec::new(),
        };
        Credentials { impi: impi.clone(), ha1s }
    }
}

impl Algorithm {
    const fn build(self) -> DigestAlgorithm {
        match self {
            Self::Md5 => DigestAlgorithm::Md5,
            Self::Sha256 => DigestAlgorithm::Sha256,
        }
    }
}

fn service_profile(set: &[IdentityEntry], criteria: &[InitialFilterCriterion]) -> ServiceProfile {
    let identity = |entry: &IdentityEntry| PublicIdentity {
        impu: entry.impu.0.clone(),
        barred: entry.barred,
        display: entry.display.clone(),
    };
    let identities = ImplicitRegistrationSet { identities: set.iter().map(identity).collect() };
    ServiceProfile { identities, criteria: criteria.to_vec() }
}

/// No identity may be in the file twice.
fn claim_identities(account: &Account, seen: &mut HashSet<Box<str>>) -> Result<(), InvalidKey> {
    let key = |rest: String| format!("account.{}.{rest}", account.name);
    for (index, credentials) in account.credentials.iter().enumerate() {
        // A username may well read like a public identity; a public identity always has its scheme.
        if !seen.insert(format!("impi:{}", credentials.impi).into()) {
            return Err(InvalidKey::new(key(format!("impis[{index}]")), "must not be in the file twice"));
        }
    }
    for (set, profile) in account.sets.iter().enumerate() {
        for (index, identity) in profile.identities.identities.iter().enumerate() {
            if !seen.insert(identity.impu.as_str().into()) {
                let place = key(format!("sets[{set}][{index}].impu"));
                return Err(InvalidKey::new(place, "must not be in the file twice"));
            }
        }
    }
    Ok(())
}

/// A name that is a telephone number, as `sip:+15550123@home1.test`, brings `tel:+15550123` along: there is nobody else whom the
/// number could mean, unless the file says so.
fn add_numbers(account: &mut Account, seen: &mut HashSet<Box<str>>) {
    for profile in &mut account.sets {
        let identities = &mut profile.identities.identities;
        let numbers: Vec<PublicIdentity> = identities.iter().filter_map(number_of).collect();
        identities.extend(numbers.into_iter().filter(|number| seen.insert(number.impu.as_str().into())));
    }
}

fn number_of(identity: &PublicIdentity) -> Option<PublicIdentity> {
    let (user, _) = identity.impu.as_str().strip_prefix("sip:")?.split_once('@')?;
    let number = telephone::number_of_user(user)?;
    let impu = Impu::new(&format!("tel:{number}")).ok()?;
    Some(PublicIdentity { impu, ..identity.clone() })
}

/// RFC 7616 §3.4.2.
fn ha1(algorithm: DigestAlgorithm, impi: &Impi, realm: &str, password: &str) -> Option<Ha1> {
    let secret = format!("{impi}:{realm}:{password}");
    match algorithm {
        DigestAlgorithm::Md5 => Ha1::new(algorithm, &Md5::digest(secret)),
        DigestAlgorithm::Sha256 => Ha1::new(algorithm, &Sha256::digest(secret)),
    }
}

#[cfg(test)]
mod tests;
