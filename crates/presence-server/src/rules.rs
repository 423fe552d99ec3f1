//! New rules and settings (rule PRS-06).

use crate::{Notified, PresenceServer, RuleBook, Settings};
use clock::Now;
use ims_node::Effects;
use sip_message::Uri;
use std::sync::Arc;

/// The presentity whose rules a file of this name holds: its address without the scheme, `carol@home1.test`, or `+15550123`. A
/// slash, which no file name can hold, is written `%2F`. `None` when that is no user's address.
#[must_use]
pub fn presentity_named(stem: &str) -> Option<Box<str>> {
    if stem.starts_with('+') && !stem.contains('@') {
        let number = Uri::parse(&format!("tel:{stem}")).ok()?;
        return number.telephone_number().map(|_| number.address_of_record().into());
    }
    let uri = Uri::parse(&format!("sip:{}", stem.replace("%2F", "/"))).ok()?;
    let plain = uri.user().is_some() && uri.port().is_none() && uri.params().iter().next().is_none();
    (plain && uri.headers().is_none()).then(|| uri.address_of_record().into())
}

impl PresenceServer {
    /// Takes new rules in place of all the old ones, and applies them to the subscriptions there are.
    pub fn set_rules(&mut self, now: Now, rules: RuleBook, fx: &mut Effects<Notified>) {
        let old = std::mem::replace(&mut self.rules, rules);
        let differs = |presentity: &&Arc<str>| old.get(&***presentity) != self.rules.get(&***presentity);
        let mut changed: Vec<Arc<str>> = self.presentities.keys().filter(differs).map(Arc::clone).collect();
        changed.sort();
        for presentity in changed {
            self.announce(now, &presentity, fx);
        }
    }

    /// Takes new settings and rules. Name and domain stay: they stand in dialogs and keys.
    pub fn reconfigure(&mut self, now: Now, settings: Settings, rules: RuleBook, fx: &mut Effects<Notified>) {
        let Settings { name, domain, .. } = self.settings.clone();
        let old = std::mem::replace(&mut self.settings, Settings { name, domain, ..settings });
        self.set_rules(now, rules, fx);
        let new = &self.settings;
        if old.default_action != new.default_action || old.registration_hint != new.registration_hint {
            let mut everybody: Vec<Arc<str>> = self.presentities.keys().map(Arc::clone).collect();
            everybody.sort();
            for presentity in everybody {
                self.announce(now, &presentity, fx);
            }
        }
    }

    /// How many presentities have rules.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules.len()
    }
}
