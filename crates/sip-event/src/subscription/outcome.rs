//! How a NOTIFY ended, and what its subscription makes of it (RFC 6665 section 4.2.2).

use super::{Attempt, Exchange, Failures, Persist, Subscription, Termination};
use crate::notify::{Cause, NotifierEnd, NotifyContext, NotifyPolicy, Way};
use crate::notify_answer::{Meaning, blames_the_way, meaning};
use crate::reason::Reason;
use crate::subscription_record::Standing;
use clock::Now;
use sip_message::StatusCode;
use std::time::Duration;

/// After which time a watcher that has refused NOTIFYs may subscribe again.
const PROBATION_S: u32 = 60;

/// The shortest time after which a NOTIFY that was refused is sent again.
const LEAST_WAIT: Duration = Duration::from_secs(1);

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
            Meaning::Failed(wait) => self.failed(now, status, wait, with.policy),
        }
    }

    fn delivered(&mut self, version: u64) {
        self.exchange = Exchange::Idle;
        // After a later SUBSCRIBE the watcher is owed another one, whatever it has confirmed.
        if self.due != Some(Cause::Subscribe) {
            self.record.delivered = Some(version);
            self.want_persisted(Persist::Later);
        }
        if let (Standing::Terminated { reason, .. }, None) = (self.record.standing, self.due) {
            self.end(NotifierEnd::Told(reason));
        }
    }

    pub(super) fn no_answer(&mut self, now: Now, with: &mut NotifyContext<'_>) {
        let Exchange::Outstanding { attempt, .. } = self.exchange else { return };
        match attempt.way {
            Way::Identity => self.send(now, Attempt { way: Way::Dialog, ..attempt }, with),
            // The watcher has subscribed since that NOTIFY was sent.
            Way::Dialog if self.due == Some(Cause::Subscribe) => self.exchange = Exchange::Idle,
            Way::Dialog if self.is_terminated() || attempt.failures.silent + 1 >= with.policy.attempts => {
                self.end(NotifierEnd::Unreachable);
            }
            Way::Dialog => {
                let silent = attempt.failures.silent + 1;
                self.wait(now, attempt, silent, with.policy.back_off(attempt.failures.all));
            }
        }
    }

    /// An error that concerns this NOTIFY alone (RFC 5057 section 5.1). Only many of them in a row end the subscription, and
    /// then the watcher is told.
    fn failed(&mut self, now: Now, status: StatusCode, wait: Option<Duration>, policy: &NotifyPolicy) {
        let Exchange::Outstanding { attempt, .. } = self.exchange else { return };
        let is_more_to_say =
            self.due == Some(Cause::Subscribe) || (self.is_terminated() && self.due.is_some());
        if is_more_to_say {
            self.exchange = Exchange::Idle;
        } else if self.is_terminated() {
            self.end(NotifierEnd::Refused(status));
        } else if attempt.failures.all.saturating_add(1) >= policy.errors {
            self.exchange = Exchange::Idle;
            let probation =
                Termination { retry_after: Some(PROBATION_S), ..Termination::of(Reason::Probation) };
            self.terminate(now, probation, policy);
        } else {
            // Whoever names no time at all is given some.
            let wait =
                wait.map_or_else(|| policy.back_off(attempt.failures.all), |wait| wait.max(LEAST_WAIT));
            self.wait(now, attempt, 0, wait);
        }
    }

    /// The newest state is sent again after so long.
    fn wait(&mut self, now: Now, attempt: Attempt, silent: u8, wait: Duration) {
        self.due = self.due.max(Some(attempt.cause));
        let failures = Failures { all: attempt.failures.all.saturating_add(1), silent };
        self.exchange = Exchange::Waiting { until: now.mono + wait, failures };
    }
}
