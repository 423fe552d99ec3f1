//! What the store says to its operator.

use crate::Hss;
use crate::hss::{Subscriber, UnknownUser};
use clock::Wall;
use cx_protocol::{ProfilePart, RegistrationState, ScscfName};
use std::fmt::Write;

impl Hss {
    /// One line an account: name, S-CSCF, state of its sets.
    #[must_use]
    pub fn list(&self) -> String {
        let mut text = String::new();
        for (name, Subscriber { account, registration }) in &self.subscribers {
            if account.removed {
                let told: Vec<&str> = registration.untold.iter().map(|(scscf, _)| scscf.as_str()).collect();
                let _ = writeln!(text, "{name} removed, not confirmed by {}", told.join(","));
                continue;
            }
            let states: Vec<&str> = registration.sets.iter().map(|state| in_words(*state)).collect();
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{name} {} {}", or_dash(registration.scscf.as_ref()), states.join(","));
        }
        text
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
    pub fn explain(&self, user: &str) -> Result<String, UnknownUser> {
        let removed = self.subscribers.get(user);
        let live = || self.account_of(user).and_then(|name| self.subscribers.get(&name));
        let subscriber = removed.or_else(live).ok_or(UnknownUser)?;
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = explain(&mut text, self, subscriber);
        Ok(text)
    }
}

fn explain(text: &mut String, hss: &Hss, subscriber: &Subscriber) -> std::fmt::Result {
    let Subscriber { account, registration } = subscriber;
    writeln!(text, "account {} realm {}", account.name, account.realm)?;
    for credentials in &account.credentials {
        writeln!(
            text,
            "username {}{}",
            credentials.impi,
            if credentials.ha1s.is_empty() { " (no password)" } else { "" }
        )?;
    }
    let algorithms: Vec<&str> = account.algorithms.iter().map(|algorithm| algorithm.token()).collect();
    writeln!(text, "challenges {}", algorithms.join(", "))?;
    writeln!(text, "scscf {}", or_dash(registration.scscf.as_ref()))?;
    writeln!(text, "next scscf {}", or_dash(registration.next_scscf.as_ref()))?;
    for (scscf, reason) in &registration.untold {
        writeln!(text, "not confirmed by {scscf} ({reason:?})")?;
    }
    for set in &registration.unconfirmed {
        writeln!(text, "profile of set {set} not confirmed")?;
    }
    if registration.changed != Wall::default() {
        writeln!(text, "changed at {}", date_time(registration.changed))?;
    }
    for (set, profile) in account.sets.iter().enumerate() {
        writeln!(text, "set {set} {}", in_words(registration.state(set)))?;
        for identity in &profile.identities.identities {
            writeln!(text, "  identity {}{}", identity.impu, if identity.barred { " (barred)" } else { "" })?;
        }
        for criterion in &profile.criteria {
            let part = match criterion.profile_part {
                ProfilePart::Registered => "registered",
                ProfilePart::Unregistered => "unregistered",
                ProfilePart::Both => "any",
            };
            writeln!(
                text,
                "  criterion {} {part} -> {}",
                criterion.priority, criterion.application_server.uri
            )?;
        }
    }
    let candidates = hss.directory.for_registration(account).server_names;
    let names: Vec<&str> = candidates.iter().map(ScscfName::as_str).collect();
    writeln!(text, "scscfs that fit: {}", if names.is_empty() { "-".to_owned() } else { names.join(" ") })
}

const fn in_words(state: RegistrationState) -> &'static str {
    match state {
        RegistrationState::NotRegistered => "not-registered",
        RegistrationState::AuthenticationPending => "authentication-pending",
        RegistrationState::Registered => "registered",
        RegistrationState::Unregistered => "unregistered",
    }
}

fn or_dash(name: Option<&ScscfName>) -> &str {
    name.map_or("-", ScscfName::as_str)
}

/// In UTC, as RFC 3339 has it.
fn date_time(at: Wall) -> String {
    let millis = i64::try_from(at.unix_millis()).ok();
    let timestamp = millis.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    timestamp.map_or_else(|| "no time".to_owned(), |timestamp| timestamp.to_string())
}
