//! New rules and settings (rule PRS-06).

use crate::presentity::Presentity;
use crate::{PresenceServer, PresenceServerSettings, RuleBook};
use clock::Now;

impl PresenceServer {
    /// Takes new rules in place of all the old ones, and applies them to the subscriptions there are.
    pub fn set_rules(&mut self, now: Now, rules: RuleBook) {
        let old = std::mem::replace(&mut self.rules, rules);
        let watched = self.notifier.resources().into_iter();
        let changed: Vec<Presentity> =
            watched.filter(|presentity| !old.agrees(&self.rules, presentity)).collect();
        for presentity in self.notifier.resources() {
            self.rules.note_time(now, &presentity, &self.documents);
        }
        changed.iter().for_each(|presentity| self.notifier.changed(presentity));
    }

    /// Takes new settings and rules. Name and domain stay: they stand in dialogs and keys.
    pub fn reconfigure(&mut self, now: Now, mut settings: PresenceServerSettings, rules: RuleBook) {
        (settings.name, settings.domain) = (self.settings.name.clone(), self.settings.domain.clone());
        let old = std::mem::replace(&mut self.settings, settings);
        self.notifier.reconfigure(self.settings.notifier());
        self.set_rules(now, rules);
        let new = &self.settings;
        if old.default_action != new.default_action || old.registration_hint != new.registration_hint {
            self.notifier.all_changed();
        }
    }

    /// How many presentities have rules.
    #[must_use]
    pub fn rules(&self) -> usize {
        self.rules.len()
    }
}
