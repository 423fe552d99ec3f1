//! Answers to a SUBSCRIBE at the subscriber (RFC 6665 sections 4.1.2.1 and 4.1.2.2).

use super::io::{SubscriberEnd, SubscriberOutput};
use super::{Awaiting, State, Subscriber, Wish};
use crate::answer::Answer;
use crate::notify_answer::ends_usage;
use crate::resubscribe::{Comeback, after_refusal};
use clock::Now;
use sip_message::StatusCode;
use std::time::Duration;

/// How often in a row a 423 may raise the interval before the SUBSCRIBE counts as refused.
const MAX_RAISES: u8 = 3;

impl Subscriber {
    pub(super) fn answered(&mut self, now: Now, answer: Answer<'_>) {
        if answer.status.is_provisional() {
            return;
        }
        match &mut self.state {
            State::NotifyWait { cap, awaiting, .. } if answer.status.is_success() => {
                *cap = (*cap).min(answer.expires.unwrap_or(u32::MAX));
                *awaiting = Awaiting::Notify;
            }
            State::NotifyWait { awaiting: Awaiting::Both, .. } => self.refused(now, answer),
            State::Established(usage) if answer.status.is_success() => {
                if answer.status == StatusCode::NO_NOTIFICATION {
                    usage.accepted_silently(now, answer.expires, &self.config.schedule);
                } else {
                    usage.accepted(now, answer.expires, &self.config.schedule);
                }
                self.leave_if_wished(now);
            }
            State::Established(usage) if usage.is_asking() => self.refresh_refused(now, answer),
            // The last NOTIFY follows a success only.
            State::Leaving { .. } if !answer.status.is_success() => {
                self.end(now, SubscriberEnd::Unsubscribed, Comeback::Never);
            }
            State::Init
            | State::NotifyWait { awaiting: Awaiting::Notify, .. }
            | State::Established(_)
            | State::Leaving { .. }
            | State::Resting { .. }
            | State::Terminated => {}
        }
    }

    fn refused(&mut self, now: Now, answer: Answer<'_>) {
        if self.wish == Wish::Subscribed && self.raised(answer) {
            self.state = State::Init;
            self.outputs.push_back(SubscriberOutput::SubscribeAnew(self.asked));
            return;
        }
        let comeback = after_refusal(answer.status, answer.retry_after);
        self.end(now, SubscriberEnd::Refused(answer.status), comeback);
    }

    /// Sections 4.1.2.2 and 4.2.1.4: some answers end the subscription, after any other it stands until it expires.
    fn refresh_refused(&mut self, now: Now, answer: Answer<'_>) {
        if ends_usage(answer.status) {
            let comeback = if answer.status == StatusCode::NO_SUCH_TRANSACTION {
                Comeback::AtOnce
            } else {
                after_refusal(answer.status, answer.retry_after)
            };
            return self.end(now, SubscriberEnd::Refused(answer.status), comeback);
        }
        if self.wish == Wish::Subscribed && self.raised(answer) {
            return self.refresh(now);
        }
        if let State::Established(usage) = &mut self.state {
            usage.kept(now, answer.retry_after.map(|seconds| Duration::from_secs(seconds.into())));
        }
        self.leave_if_wished(now);
    }

    /// Takes the Min-Expires of a 423, where it asks for more than we did.
    fn raised(&mut self, answer: Answer<'_>) -> bool {
        let min = answer.min_expires.filter(|min| *min > self.asked && self.raises < MAX_RAISES);
        match (answer.status, min) {
            (StatusCode::INTERVAL_TOO_BRIEF, Some(min)) => {
                self.asked = min;
                self.raises += 1;
                true
            }
            (_, _) => false,
        }
    }

    pub(super) fn no_answer(&mut self, now: Now) {
        match &mut self.state {
            State::NotifyWait { awaiting: Awaiting::Both, .. } => {
                self.end(now, SubscriberEnd::NoAnswer, Comeback::Later);
            }
            State::Established(usage) => {
                usage.unanswered(now, &self.config.schedule);
                self.leave_if_wished(now);
            }
            // Timer N decides.
            State::NotifyWait { awaiting: Awaiting::Notify, .. }
            | State::Leaving { .. }
            | State::Init
            | State::Resting { .. }
            | State::Terminated => {}
        }
    }
}
