//! How a NOTIFY ended, and what its subscription makes of it (RFC 6665 section 4.2.2).

use super::{Attempt, Exchange, Persist, Subscription};
use crate::notify::{Cause, NotifierEnd, NotifyContext, Way};
use crate::notify_answer::{Meaning, blames_the_way, meaning};
use crate::subscription_record::Standing;
use clock::Now;
use sip_message::StatusCode;
use std::time::Duration;

impl Subscription {
    pub(super) fn answered(
        &mut self,
        now: Now,
        status: StatusCode,
        retry_after: Option<u32>,
        with: &mut NotifyContext<'_>,
    ) {
        let Exchange::Outstanding { attempt, version } = self.exchange else { return };
        if attempt.way == Way::Identity && blames_the_way(status) {
            self.send(now, Attempt { way: Way::Dialog, ..attempt }, with);
            return;
        }
        match meaning(status, retry_after) {
            Meaning::Nothing => {}
            Meaning::Delivered => self.delivered(version),
            Meaning::Over => self.end(NotifierEnd::Refused(status)),
            Meaning::NoAnswer => self.no_answer(now, with),
            Meaning::Wait(wait) => self.failed(now, wait, with.policy.attempts),
        }
    }

    fn delivered(&mut self, version: u64) {
        self.exchange = Exchange::Idle;
        // After a later SUBSCRIBE the watcher is owed another one, whatever it has confirmed.
        if self.due != Some(Cause::Subscribe) {
            self.record.delivered = Some(version);
            self.keep(Persist::Later);
        }
        if let (Standing::Terminated { reason, .. }, None) = (self.record.standing, self.due) {
            self.end(NotifierEnd::Told(reason));
        }
    }

    pub(super) fn challenged(&mut self, now: Now, with: &mut NotifyContext<'_>) {
        let Exchange::Outstanding { attempt, .. } = self.exchange else { return };
        let failures = attempt.failures.saturating_add(1);
        if failures >= with.policy.attempts {
            self.end(NotifierEnd::Refused(StatusCode::UNAUTHORIZED));
        } else {
            self.send(now, Attempt { failures, ..attempt }, with);
        }
    }

    pub(super) fn no_answer(&mut self, now: Now, with: &mut NotifyContext<'_>) {
        let Exchange::Outstanding { attempt, .. } = self.exchange else { return };
        match attempt.way {
            Way::Identity => self.send(now, Attempt { way: Way::Dialog, ..attempt }, with),
            Way::Dialog => {
                let wait = with.policy.retry.saturating_mul(1 << attempt.failures.min(16));
                self.failed(now, wait, with.policy.attempts);
            }
        }
    }

    /// The NOTIFY failed in a way that may pass.
    fn failed(&mut self, now: Now, wait: Duration, attempts: u8) {
        let Exchange::Outstanding { attempt, .. } = self.exchange else { return };
        let failures = attempt.failures.saturating_add(1);
        if self.due == Some(Cause::Subscribe) {
            // The watcher has subscribed since that NOTIFY was sent.
            self.exchange = Exchange::Idle;
        } else if self.is_terminated() || failures >= attempts {
            self.end(NotifierEnd::Unreachable);
        } else {
            self.due = self.due.max(Some(attempt.cause));
            self.exchange = Exchange::Waiting { until: now.mono + wait, failures };
        }
    }
}
