//! Leaving: subscriptions ended, presence taken back, registration ended, in that order, in bounded time.

use crate::agent::UeAgent;
use crate::publication::Standing;
use crate::registration::Input;
use clock::{Mono, Now};
use ims_node::Random;
use std::time::Duration;

/// How long leaving may take altogether.
pub const FAREWELL: Duration = Duration::from_secs(4);

/// How long of that subscriptions and publication may take, so that time is left to end the registration.
const BEFORE_DEREGISTER: Duration = Duration::from_millis(2500);

/// What is taken back on leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Everything.
    Everything,
    /// All but our presence, which lives until it expires.
    ExceptPublication,
    /// Nothing: the registration lives until it expires, and so does the rest.
    Nothing,
}

/// How far the agent is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// At work.
    Working,
    /// Subscriptions and publication are being ended.
    Leaving { deregister: Mono, until: Mono },
    /// The registration is being ended.
    Deregistering { until: Mono },
    /// Nothing is left to do.
    Gone,
}

impl Stage {
    pub(crate) const fn deadline(self) -> Option<Mono> {
        match self {
            Self::Leaving { deregister: at, .. } | Self::Deregistering { until: at } => Some(at),
            Self::Working | Self::Gone => None,
        }
    }
}

impl UeAgent {
    pub(crate) fn begin_to_leave(&mut self, now: Now, farewell: Farewell) {
        if self.stage != Stage::Working {
            return;
        }
        if farewell == Farewell::Nothing {
            self.stage = Stage::Gone;
            return;
        }
        self.stage = Stage::Leaving { deregister: now.mono + BEFORE_DEREGISTER, until: now.mono + FAREWELL };
        self.unwatch_all(now);
        self.unwatch_registration(now);
        self.unsent.clear();
        if farewell == Farewell::Everything {
            // Who has published nothing has nothing to take back.
            let _ = self.unpublish(now);
        } else {
            self.publication = None;
        }
    }

    /// Takes the next step, if it is due; whether it did.
    pub(crate) fn advance_leaving(&mut self, now: Now, random: &mut Random) -> bool {
        match self.stage {
            Stage::Working | Stage::Gone => false,
            Stage::Leaving { deregister, until } => {
                let standing =
                    self.publication.as_ref().map_or(Standing::Nothing, |publication| publication.standing());
                let settled = self.subscriptions.is_empty() && standing == Standing::Nothing;
                // Without a registration nothing can be ended.
                let hopeless = self.registration.binding().is_none();
                if !(settled || hopeless || now.mono >= deregister) {
                    return false;
                }
                if self.registration.is_wished() {
                    self.stage = Stage::Deregistering { until };
                    self.registration.handle(now, &self.settings, Input::Deregister, random);
                } else {
                    self.stage = Stage::Gone;
                }
                true
            }
            Stage::Deregistering { until } if now.mono >= until => {
                self.stage = Stage::Gone;
                true
            }
            Stage::Deregistering { .. } => false,
        }
    }

    /// The registration is gone, or cannot be ended any more.
    pub(crate) fn deregistered(&mut self) {
        if let Stage::Deregistering { .. } = self.stage {
            self.stage = Stage::Gone;
        }
    }
}
