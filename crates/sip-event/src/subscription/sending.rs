//! When a NOTIFY leaves, which way, and what it says (RFC 6665 section 4.2.2).

use super::{Attempt, Exchange, Failures, Persist, Subscription};
use crate::notify::{Cause, Notify, NotifyContext, Updates, Way};
use crate::sequence::Reservation;
use clock::{Mono, Now};

impl Subscription {
    /// When the NOTIFY that is due may be sent.
    pub(super) fn send_at(&self) -> Option<Mono> {
        let earliest = match self.exchange {
            Exchange::Idle => Mono::ZERO,
            Exchange::Waiting { until, .. } => until,
            Exchange::Outstanding { .. } | Exchange::Over => return None,
        };
        match self.due? {
            Cause::Change => Some(earliest.max(self.quiet_until)),
            Cause::Standing | Cause::Subscribe => Some(earliest),
        }
    }

    pub(super) fn advance(&mut self, now: Now, with: &mut NotifyContext<'_>) {
        let (Some(cause), Some(at)) = (self.due, self.send_at()) else { return };
        if at > now.mono {
            return;
        }
        let failures = match self.exchange {
            Exchange::Waiting { failures, .. } => failures,
            Exchange::Idle | Exchange::Outstanding { .. } | Exchange::Over => Failures::default(),
        };
        let is_gruu = with.dialog.remote_target().params().has("gr");
        let way = match (cause, with.policy.updates) {
            (Cause::Change | Cause::Standing, Updates::Identity) if is_gruu => Way::Identity,
            // What its SUBSCRIBE is owed found nobody along the dialog: the watcher may have moved since.
            (Cause::Subscribe, Updates::Identity) if is_gruu && failures.all > 0 => Way::Identity,
            (Cause::Change | Cause::Standing | Cause::Subscribe, Updates::Identity | Updates::Dialog) => {
                Way::Dialog
            }
        };
        self.send(now, Attempt { cause, way, failures }, with);
    }

    /// Sends a NOTIFY of how things stand now, which settles whatever was due.
    pub(super) fn send(&mut self, now: Now, attempt: Attempt, with: &mut NotifyContext<'_>) {
        let cause = self.due.take().map_or(attempt.cause, |due| due.max(attempt.cause));
        // A SUBSCRIBE has come since this attempt was begun: it came along the dialog.
        let is_answer = cause == Cause::Subscribe && attempt.cause != Cause::Subscribe;
        let way = if is_answer { Way::Dialog } else { attempt.way };
        let (cseq, reservation) = with.dialog.take_cseq();
        if reservation == Reservation::Raised {
            self.want_persisted(Persist::First);
        }
        let left = self.expires.saturating_since(now.mono).as_secs();
        let version = self.newest;
        self.notify = Some(Box::new(Notify {
            cseq,
            cause,
            way,
            version,
            standing: self.record.standing,
            // A subscription that is not over has some time left.
            expires: u32::try_from(left).unwrap_or(u32::MAX).max(1),
        }));
        self.quiet_until = now.mono + with.policy.min_interval;
        let attempt = Attempt { cause, way, failures: attempt.failures };
        self.exchange = Exchange::Outstanding { attempt, version };
    }
}
