//! Users who have just ended their registration themselves: for a while they may still take back what they published
//! under it, for several phones de-register first. In memory alone: a restart ends it.

use crate::binding::Registration;
use crate::profile::Profile;
use clock::{Deadlines, Mono};
use cx_protocol::{Impi, Impu};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Identities of such users at a time; above it one that leaves may take nothing back.
const MAX_LEAVING: usize = 20_000;

/// Whose profile, and what it was.
#[derive(Debug)]
struct Left {
    impi: Impi,
    profile: Arc<Profile>,
}

/// By each of their identities.
#[derive(Debug, Default)]
pub(crate) struct Leaving {
    left: HashMap<Impu, Left>,
    ends: Deadlines<Impu>,
}

impl Leaving {
    /// The user counts as leaving for `timer_f` from now on: within that time every transaction that is under way ends.
    pub(crate) fn begins(&mut self, now: Mono, registration: &Registration, timer_f: Duration) {
        let Registration { impi, profile, .. } = registration;
        for identity in &profile.identities.identities {
            if self.left.len() < MAX_LEAVING {
                let left = Left { impi: impi.clone(), profile: profile.clone() };
                self.left.insert(identity.impu.clone(), left);
                self.ends.set(identity.impu.clone(), now + timer_f);
            }
        }
    }

    pub(crate) fn profile(&self, impu: &Impu) -> Option<&Arc<Profile>> {
        self.left.get(impu).map(|left| &left.profile)
    }

    /// The user is back, or the HSS has something to say of it.
    pub(crate) fn ends(&mut self, impu: &Impu) {
        self.left.remove(impu);
        self.ends.cancel(impu);
    }

    /// The HSS has taken away whoever registered with this private identity.
    pub(crate) fn ends_of(&mut self, impi: &Impi) {
        let of: Vec<Impu> =
            self.left.iter().filter(|(_, left)| left.impi == *impi).map(|(impu, _)| impu.clone()).collect();
        for impu in of {
            self.ends(&impu);
        }
    }

    pub(crate) fn expire(&mut self, now: Mono) {
        while let Some(impu) = self.ends.pop_due(now) {
            self.left.remove(&impu);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        self.ends.next()
    }
}
