//! A network that has lost us. We are registered, and what we ask ends in 504 or without an answer, as when the S-CSCF that
//! serves us is away (TS 24.229 section 5.1.2A.1.6): we register again, and get another S-CSCF where there is one. Or the
//! P-CSCF says that it does not know our flow, as when it has restarted behind a NAT that now gives us another port: we
//! register on the flow that we have now.

use crate::Fx;
use crate::agent::UeAgent;
use crate::binding::Binding;
use crate::leave::Stage;
use crate::registration::Input;
use crate::role::Own;
use crate::warning;
use clock::{Mono, Now};
use ims_node::{NodeCause, Outcome};
use sip_message::StatusCode;
use std::time::Duration;

/// How long another REGISTER for this reason is held back after a first one. It doubles: what has failed may be the network
/// of somebody whom we watch, which no REGISTER of ours mends.
const FIRST_PAUSE: Duration = Duration::from_secs(30);

/// RFC 3261 section 17.1.2.2: how many T1 a request is waited for.
const TIMER_F: u32 = 64;

/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What has been done about it.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    last: Option<Attempt>,
}

#[derive(Debug)]
struct Attempt {
    at: Mono,
    pause: Duration,
}

impl Lost {
    /// How long to wait before registering for this reason; that is taken as done.
    fn wait(&mut self, now: Mono) -> Duration {
        if self.is_time(now) {
            return Duration::ZERO;
        }
        let Some(last) = &mut self.last else { return Duration::ZERO };
        *last = Attempt { at: last.at + last.pause, pause: (last.pause * 2).min(LONGEST_PAUSE) };
        last.at.saturating_since(now)
    }

    /// Whether it is time to register for this reason; if so it is taken as done. After twice the pause without any sign the
    /// matter is another one.
    fn is_time(&mut self, now: Mono) -> bool {
        let pause = match &self.last {
            Some(last) if now < last.at + last.pause => return false,
            Some(last) if now < last.at + last.pause * 2 => (last.pause * 2).min(LONGEST_PAUSE),
            Some(_) | None => FIRST_PAUSE,
        };
        self.last = Some(Attempt { at: now, pause });
        true
    }
}

impl UeAgent {
    /// Looks at how a request of ours has ended; whether the P-CSCF has not even looked at it, because it does not know our
    /// flow.
    pub(crate) fn look_for_signs(&mut self, now: Now, own: &Own, outcome: &Outcome, fx: &mut Fx) -> bool {
        self.look_whether_lost(now, own, outcome, fx);
        if matches!(own, Own::Register { .. }) || self.stage != Stage::Working || !is_flow_unknown(outcome) {
            return false;
        }
        if self.registration.is_settled() {
            let wait = self.unknown.wait(now.mono);
            self.registration.handle(now, &self.settings, Input::FlowUnknown(wait), &mut fx.random);
        }
        true
    }

    fn look_whether_lost(&mut self, now: Now, own: &Own, outcome: &Outcome, fx: &mut Fx) {
        let since = self.registration.binding().map(Binding::since);
        let is_sign = match outcome {
            Outcome::Response(response) => response.status() == Some(StatusCode::SERVER_TIMEOUT),
            // What was sent before we last registered says nothing.
            Outcome::TimedOut => since.is_some_and(|since| now.mono > since + self.settings.t1 * TIMER_F),
            // The P-CSCF is away: the way to it is what has to come back, by itself or by `move`.
            Outcome::Unreachable | Outcome::Unresolved(_) => false,
        };
        // A REGISTER that fails is tried again anyway.
        let is_ours = !matches!(own, Own::Register { .. }) && self.stage == Stage::Working;
        let settled = self.registration.is_settled();
        if is_sign && is_ours && settled && self.lost.is_time(now.mono) {
            self.registration.handle(now, &self.settings, Input::Lost, &mut fx.random);
        }
    }
}

fn is_flow_unknown(outcome: &Outcome) -> bool {
    let refused = [StatusCode::FORBIDDEN, StatusCode::NO_SUCH_TRANSACTION];
    match outcome {
        Outcome::Response(response) => {
            response.status().is_some_and(|status| refused.contains(&status))
                && warning::text(response).is_some_and(|text| NodeCause::FlowUnknown.reason().is_in(&text))
        }
        Outcome::TimedOut | Outcome::Unreachable | Outcome::Unresolved(_) => false,
    }
}
