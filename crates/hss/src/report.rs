//! What the store says to its operator.

use crate::Hss;
use crate::hss::{Subscriber, UnknownUser};
use clock::Wall;
use cx_protocol::{ProfilePart, RegistrationState, ScscfName};
use serde::Serialize;
use std::fmt;

/// All accounts, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct AccountList(pub Vec<ListedAccount>);

/// An account in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ListedAccount {
    /// Its name.
    pub name: Box<str>,
    /// The S-CSCF that has the user.
    pub scscf: Option<Box<str>>,
    /// The state of each of its sets.
    pub sets: Vec<&'static str>,
    /// If the account is removed: who has not confirmed that.
    pub removed_not_confirmed_by: Option<Vec<Box<str>>>,
}

/// Everything about one account but its secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedAccount {
    name: Box<str>,
    realm: Box<str>,
    usernames: Vec<Username>,
    /// The digest algorithms of its challenges.
    challenges: Vec<&'static str>,
    scscf: Option<Box<str>>,
    next_scscf: Option<Box<str>>,
    /// S-CSCFs that have lost the user and have not confirmed it, each with the reason.
    not_confirmed_by: Vec<(Box<str>, String)>,
    /// Sets whose profile was pushed and is not confirmed.
    unconfirmed_profiles: Vec<usize>,
    /// When the registration last changed, in UTC as RFC 3339 has it.
    changed_at: Option<String>,
    sets: Vec<ExplainedSet>,
    scscfs_that_fit: Vec<Box<str>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Username {
    impi: Box<str>,
    has_password: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ExplainedSet {
    state: &'static str,
    identities: Vec<ExplainedIdentity>,
    criteria: Vec<ExplainedCriterion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ExplainedIdentity {
    impu: Box<str>,
    barred: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct ExplainedCriterion {
    priority: u32,
    profile_part: &'static str,
    application_server: Box<str>,
}

impl Hss {
    /// All accounts, and those that are removed and not confirmed.
    #[must_use]
    pub fn list(&self) -> AccountList {
        let listed = self.subscribers.iter().map(|(name, Subscriber { account, registration, .. })| {
            let untold = || registration.untold.iter().map(|(scscf, _)| scscf.as_str().into()).collect();
            ListedAccount {
                name: name.clone(),
                scscf: registration.scscf.as_ref().map(|scscf| scscf.as_str().into()),
                sets: registration.sets.iter().map(|state| in_words(*state)).collect(),
                removed_not_confirmed_by: account.removed.then(untold),
            }
        });
        AccountList(listed.collect())
    }

    /// How many accounts there are, and sets in each state.
    #[must_use]
    pub fn metrics(&self) -> [(&'static str, u64); 5] {
        let live = self.subscribers.values().filter(|subscriber| !subscriber.account.removed);
        let accounts = live.clone().count();
        let all = live.flat_map(|subscriber| &subscriber.registration.sets);
        let count = |wanted| all.clone().filter(|state| **state == wanted).count() as u64;
        [
            ("accounts", accounts as u64),
            ("accounts_removed_unconfirmed", (self.subscribers.len() - accounts) as u64),
            ("sets_registered", count(RegistrationState::Registered)),
            ("sets_unregistered", count(RegistrationState::Unregistered)),
            ("sets_authentication_pending", count(RegistrationState::AuthenticationPending)),
        ]
    }

    /// Everything about one account but its secrets.
    ///
    /// # Errors
    /// [`UnknownUser`].
    pub fn explain(&self, user: &str) -> Result<ExplainedAccount, UnknownUser> {
        let removed = self.subscribers.get(user);
        let live = || self.account_of(user).and_then(|name| self.subscribers.get(&name));
        let subscriber = removed.or_else(live).ok_or(UnknownUser)?;
        Ok(explained(self, subscriber))
    }
}

fn explained(hss: &Hss, Subscriber { account, registration, .. }: &Subscriber) -> ExplainedAccount {
    let text = |scscf: &ScscfName| scscf.as_str().into();
    let usernames = account.credentials.iter().map(|credentials| Username {
        impi: credentials.impi.to_string().into(),
        has_password: !credentials.ha1s.is_empty(),
    });
    let sets = account.sets.iter().enumerate().map(|(set, profile)| ExplainedSet {
        state: in_words(registration.state(set)),
        identities: profile
            .identities
            .identities
            .iter()
            .map(|identity| ExplainedIdentity {
                impu: identity.impu.to_string().into(),
                barred: identity.barred,
            })
            .collect(),
        criteria: profile
            .criteria
            .iter()
            .map(|criterion| ExplainedCriterion {
                priority: criterion.priority,
                profile_part: part(criterion.profile_part),
                application_server: criterion.application_server.uri.to_string().into(),
            })
            .collect(),
    });
    let untold = registration.untold.iter();
    ExplainedAccount {
        name: account.name.clone(),
        realm: account.realm.clone(),
        usernames: usernames.collect(),
        challenges: account.algorithms.iter().map(|algorithm| algorithm.token()).collect(),
        scscf: registration.scscf.as_ref().map(text),
        next_scscf: registration.next_scscf.as_ref().map(text),
        not_confirmed_by: untold.map(|(scscf, reason)| (text(scscf), format!("{reason:?}"))).collect(),
        unconfirmed_profiles: registration.unconfirmed.to_vec(),
        changed_at: (registration.changed != Wall::default()).then(|| date_time(registration.changed)),
        sets: sets.collect(),
        scscfs_that_fit: hss.directory.for_registration(account).server_names.iter().map(text).collect(),
    }
}

impl fmt::Display for AccountList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|account| writeln!(f, "{account}"))
    }
}

impl fmt::Display for ListedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, scscf, sets, removed_not_confirmed_by } = self;
        match removed_not_confirmed_by {
            Some(scscfs) => write!(f, "{name} removed, not confirmed by {}", scscfs.join(",")),
            None => write!(f, "{name} {} {}", or_dash(scscf.as_deref()), sets.join(",")),
        }
    }
}

impl fmt::Display for ExplainedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "account {} realm {}", self.name, self.realm)?;
        for Username { impi, has_password } in &self.usernames {
            writeln!(f, "username {impi}{}", if *has_password { "" } else { " (no password)" })?;
        }
        writeln!(f, "challenges {}", self.challenges.join(", "))?;
        writeln!(f, "scscf {}", or_dash(self.scscf.as_deref()))?;
        writeln!(f, "next scscf {}", or_dash(self.next_scscf.as_deref()))?;
        for (scscf, reason) in &self.not_confirmed_by {
            writeln!(f, "not confirmed by {scscf} ({reason})")?;
        }
        for set in &self.unconfirmed_profiles {
            writeln!(f, "profile of set {set} not confirmed")?;
        }
        if let Some(changed_at) = &self.changed_at {
            writeln!(f, "changed at {changed_at}")?;
        }
        for (number, ExplainedSet { state, identities, criteria }) in self.sets.iter().enumerate() {
            writeln!(f, "set {number} {state}")?;
            for ExplainedIdentity { impu, barred } in identities {
                writeln!(f, "  identity {impu}{}", if *barred { " (barred)" } else { "" })?;
            }
            for ExplainedCriterion { priority, profile_part, application_server } in criteria {
                writeln!(f, "  criterion {priority} {profile_part} -> {application_server}")?;
            }
        }
        let fit = self.scscfs_that_fit.join(" ");
        writeln!(f, "scscfs that fit: {}", if fit.is_empty() { "-" } else { &fit })
    }
}

const fn part(part: ProfilePart) -> &'static str {
    match part {
        ProfilePart::Registered => "registered",
        ProfilePart::Unregistered => "unregistered",
        ProfilePart::Both => "any",
    }
}

const fn in_words(state: RegistrationState) -> &'static str {
    match state {
        RegistrationState::NotRegistered => "not-registered",
        RegistrationState::AuthenticationPending => "authentication-pending",
        RegistrationState::Registered => "registered",
        RegistrationState::Unregistered => "unregistered",
    }
}

fn or_dash(name: Option<&str>) -> &str {
    name.unwrap_or("-")
}

fn date_time(at: Wall) -> String {
    let millis = i64::try_from(at.unix_millis()).ok();
    let timestamp = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    timestamp.map_or_else(|| "no time".to_owned(), |timestamp| timestamp.to_string())
}
