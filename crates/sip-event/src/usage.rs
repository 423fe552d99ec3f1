//! An established subscription at the subscriber: its dialog, its lifetime and its refresh (RFC 6665 section 4.1.2.2).

use crate::dialog::Dialog;
use crate::schedule::{MIN_REFRESH, Schedule};
use clock::{Mono, Now};
use sip_message::Substate;
use std::time::Duration;

/// A subscription that a NOTIFY has established.
#[derive(Debug)]
pub(crate) struct Usage {
    pub(crate) substate: Substate,
    pub(crate) dialog: Dialog,
    pub(crate) since: Mono,
    pub(crate) expires: Mono,
    pub(crate) refresh: Refresh,
}

/// Where the refresh stands. `cap` is the shortest lifetime, in seconds, that anybody has named for it so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refresh {
    /// The next SUBSCRIBE is due then.
    At(Mono),
    /// Sent; neither answered nor followed by a NOTIFY.
    AwaitingBoth { timer_n: Mono, cap: u32 },
    /// Accepted; the NOTIFY is to follow.
    AwaitingNotify { timer_n: Mono, cap: u32 },
    /// A NOTIFY came before the answer.
    AwaitingAnswer { cap: u32 },
}

impl Usage {
    /// The deadline that comes first.
    pub(crate) fn deadline(&self) -> Mono {
        match self.refresh {
            Refresh::At(at)
            | Refresh::AwaitingBoth { timer_n: at, .. }
            | Refresh::AwaitingNotify { timer_n: at, .. } => at.min(self.expires),
            Refresh::AwaitingAnswer { .. } => self.expires,
        }
    }

    /// A NOTIFY told how many seconds are left.
    pub(crate) fn notified(&mut self, now: Now, expires: Option<u32>, schedule: &Schedule) {
        let named = expires.unwrap_or(u32::MAX);
        match self.refresh {
            Refresh::At(_) => {
                let before = self.expires;
                self.lives_at_most(now, named);
                if self.expires < before {
                    self.rest(now, schedule);
                }
            }
            Refresh::AwaitingBoth { cap, .. } => {
                let cap = cap.min(named);
                self.lives(now, cap);
                self.refresh = Refresh::AwaitingAnswer { cap };
            }
            Refresh::AwaitingAnswer { cap } => {
                let cap = cap.min(named);
                self.lives_at_most(now, cap);
                self.refresh = Refresh::AwaitingAnswer { cap };
            }
            Refresh::AwaitingNotify { cap, .. } => {
                self.lives_at_most(now, cap.min(named));
                self.rest(now, schedule);
            }
        }
    }

    /// The SUBSCRIBE was accepted with this Expires.
    pub(crate) fn accepted(&mut self, now: Now, expires: Option<u32>, schedule: &Schedule) {
        let named = expires.unwrap_or(u32::MAX);
        match self.refresh {
            Refresh::AwaitingBoth { timer_n, cap } => {
                let cap = cap.min(named);
                self.lives(now, cap);
                self.refresh = Refresh::AwaitingNotify { timer_n, cap };
            }
            Refresh::AwaitingAnswer { cap } => {
                self.lives_at_most(now, cap.min(named));
                self.rest(now, schedule);
            }
            Refresh::At(_) | Refresh::AwaitingNotify { .. } => {}
        }
    }

    /// The SUBSCRIBE was accepted, and no NOTIFY will follow (204, RFC 5839).
    pub(crate) fn accepted_silently(&mut self, now: Now, expires: Option<u32>, schedule: &Schedule) {
        let asking = self.is_asking();
        self.accepted(now, expires, schedule);
        if asking {
            self.rest(now, schedule);
        }
    }

    /// The refresh failed but the subscription stands: the next try comes at half of what is left, or after the wait
    /// that the other side names.
    pub(crate) fn kept(&mut self, now: Now, wait: Option<Duration>) {
        let half = self.expires.saturating_since(now.mono) / 2;
        self.refresh = Refresh::At(now.mono + wait.unwrap_or(half).max(MIN_REFRESH));
    }

    /// Nobody answered the SUBSCRIBE: only the NOTIFY counts.
    pub(crate) fn unanswered(&mut self, now: Now, schedule: &Schedule) {
        match self.refresh {
            Refresh::AwaitingBoth { timer_n, cap } => {
                self.refresh = Refresh::AwaitingNotify { timer_n, cap };
            }
            Refresh::AwaitingAnswer { .. } => self.rest(now, schedule),
            Refresh::At(_) | Refresh::AwaitingNotify { .. } => {}
        }
    }

    /// Whether a SUBSCRIBE of this dialog is not answered yet.
    pub(crate) const fn is_asking(&self) -> bool {
        matches!(self.refresh, Refresh::AwaitingBoth { .. } | Refresh::AwaitingAnswer { .. })
    }

    fn lives(&mut self, now: Now, seconds: u32) {
        self.expires = now.mono + Duration::from_secs(seconds.into());
    }

    /// The lifetime began before now: it can only be shortened.
    fn lives_at_most(&mut self, now: Now, seconds: u32) {
        self.expires = self.expires.min(now.mono + Duration::from_secs(seconds.into()));
    }

    fn rest(&mut self, now: Now, schedule: &Schedule) {
        let left = self.expires.saturating_since(now.mono);
        self.refresh = Refresh::At(schedule.refresh_at(now, left));
    }
}
