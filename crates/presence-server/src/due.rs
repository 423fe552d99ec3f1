//! What happens because its time has come, and work that nobody waits for.

use crate::presentity::Presentity;
use crate::settings::RegistrationHint;
use crate::{Fx, Notified, PresenceServer, journal};
use clock::Now;
use ims_node::notifier;

impl PresenceServer {
    /// There is something else to see of a presentity, or somebody else may see it: figures 3, 6 and 7, NotifyPresUp; rule PRS-06
    /// for changed rules.
    pub(crate) fn changed(&mut self, now: Now, presentity: &Presentity) {
        if self.notifier.is_watched(presentity) {
            self.notifier.changed(presentity);
            self.rules.note_time(now, presentity, &self.documents);
        }
    }

    /// Everything whose time has come.
    pub(crate) fn on_due(&mut self, now: Now, fx: &mut Fx) {
        // Rule PUB-09.
        while let Some((presentity, gone)) = self.documents.pop_due(now) {
            journal::keep_publications(&self.documents, &presentity, &gone, fx);
            self.changed(now, &presentity);
        }
        while let Some((user, was_here)) = self.registrations.pop_due(now) {
            if was_here {
                journal::keep_registration(&self.registrations, &user, fx);
                self.registration_changed(now, &user);
            }
        }
        while let Some(presentity) = self.rules.pop_due(now) {
            self.changed(now, &presentity);
        }
        let (notifier, mut view) = self.parts();
        notifier.on_deadline(now, &mut view);
        notifier::carry_out(&mut self.notifier, fx, Notified);
    }

    /// A user is registered now, or no longer is: that counts where a registration is shown.
    pub(crate) fn registration_changed(&mut self, now: Now, user: &Presentity) {
        match self.settings.registration_hint {
            RegistrationHint::Open => self.changed(now, user),
            RegistrationHint::None => {}
        }
    }

    /// The next watchers are told of what has changed.
    pub(crate) fn tell(&mut self, now: Now, room: usize, fx: &mut Fx) {
        let (notifier, mut view) = self.parts();
        notifier.work(now, room, &mut view);
        notifier::carry_out(&mut self.notifier, fx, Notified);
    }
}
