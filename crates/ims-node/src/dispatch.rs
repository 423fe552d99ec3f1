//! Carries out what a role decided.

use crate::cause::NodeCause;
use crate::decision::{Decision, ForwardPlan, Verdict};
use crate::errand::{Errand, Purpose};
use crate::failing::MAX_RETRY_AFTER_S;
use crate::inbound::InboundRequest;
use crate::node::{HssWait, MAX_HSS_WAITING, Node};
use crate::own::Outcome;
use crate::prepare::prepare;
use crate::refusal::Refusal;
use crate::role::Role;
use clock::Now;
use sip_message::{HeaderName, StatusCode};
use sip_resolve::ResolveError;

impl<R: Role> Node<R> {
    pub(crate) fn decide(&mut self, now: Now, request: Box<InboundRequest>, decision: Decision<R::Waiting>) {
        match decision {
            Decision::Reply(response) => self.reply(now, &request, &response),
            Decision::Refuse(refusal) => self.refuse(now, &request, &refusal),
            Decision::Relay(response) => {
                self.relay_outcome(now, &request, &Outcome::Response(response), &[]);
            }
            Decision::Forward(plan) => self.forward(now, request, *plan),
            Decision::AskHss(question, waiting) if self.hss.len() < MAX_HSS_WAITING => {
                self.ask_hss(question, HssWait::Request(request, waiting));
            }
            Decision::AskHss(..) => {
                let pause = self.pause(now);
                self.refuse(now, &request, &Refusal::no_room(NodeCause::HssQueueFull, pause.into()));
            }
        }
    }

    fn forward(&mut self, now: Now, request: Box<InboundRequest>, plan: ForwardPlan<R::Waiting>) {
        if let Err(refusal) = Refusal::check_hops(request.message()) {
            return self.refuse(now, &request, &refusal);
        }
        let attempts = u32::try_from(plan.attempts).unwrap_or(u32::MAX).max(1);
        let fingerprint = request.fingerprint();
        let prepared = prepare(&self.settings, &request, &plan);
        let Some(prepared) = prepared else {
            let refusal = Refusal::new(StatusCode::BAD_REQUEST, NodeCause::RouteNotSip);
            return self.refuse(now, &request, &refusal);
        };
        let until = now.mono + request.answer_by().saturating_since(now.mono) / attempts;
        let silence = plan.patience.unwrap_or(self.settings.failover_after);
        // Whoever says nothing is given up while there is time for another address, but nobody before it says 100.
        let part = until.saturating_since(now.mono) * 9 / 10;
        let silence = if part > self.settings.timers.until_t2() { silence.min(part) } else { silence };
        let errand = Errand {
            draft: Some(prepared.draft),
            target: prepared.target,
            flow: prepared.flow,
            beside: None,
            hops: Vec::new().into(),
            fingerprint,
            until,
            silence,
            reopened: false,
            purpose: Purpose::Forward { request, then: plan.then },
        };
        self.start(now, errand);
    }

    /// An errand has ended: the role, or whoever sent the request, is told.
    pub(crate) fn finish(&mut self, now: Now, purpose: Purpose<R>, outcome: &Outcome) {
        match purpose {
            Purpose::Own(own, slice) => {
                if let Some(slice) = slice {
                    self.window.ended(slice);
                }
                self.role.on_own_response(now, own, outcome, &mut self.fx);
            }
            Purpose::Forward { request, then: None } => self.relay_outcome(now, &request, outcome, &[]),
            Purpose::Forward { request, then: Some(waiting) } => {
                let before = self.fx.last_promise;
                let verdict = self.role.on_response(now, &request, waiting, outcome, &mut self.fx);
                let request = self.note_records(request, before);
                match verdict {
                    Verdict::Relay(headers) => self.relay_outcome(now, &request, outcome, &headers),
                    Verdict::Instead(decision) => self.decide(now, request, decision),
                }
            }
        }
    }

    fn relay_outcome(
        &mut self,
        now: Now,
        request: &InboundRequest,
        outcome: &Outcome,
        headers: &[(HeaderName, Option<String>)],
    ) {
        match (outcome, status_of(outcome)) {
            // RFC 3261 section 16.7 step 6: that the next hop is overloaded says nothing about us.
            (Outcome::Response(response), _)
                if response.status() == Some(StatusCode::SERVICE_UNAVAILABLE) =>
            {
                let mut refusal = Refusal::new(StatusCode::SERVER_ERROR, NodeCause::NextHopUnavailable);
                // Section 21.5.1: the phone may as well know when to come again.
                if let Some(pause) = response.retry_after() {
                    refusal = refusal.with(HeaderName::RetryAfter, pause.min(MAX_RETRY_AFTER_S));
                }
                self.refuse(now, request, &refusal);
            }
            (Outcome::Response(response), _) => self.relay(now, request, response, headers),
            (Outcome::Unresolved(ResolveError::AllUnavailable(until)), _) => {
                let left = until.saturating_since(now.mono).as_secs() + 1;
                let refusal = Refusal::new(StatusCode::SERVER_ERROR, cause_of(outcome));
                self.refuse(now, request, &refusal.with(HeaderName::RetryAfter, left));
            }
            (Outcome::Unresolved(ResolveError::Busy), _) => {
                let pause = self.pause(now);
                self.refuse(now, request, &Refusal::no_room(cause_of(outcome), pause.into()));
            }
            (_, Some(status)) => self.refuse(now, request, &Refusal::new(status, cause_of(outcome))),
            // RFC 4320 section 4.2: whoever sent the request has timed out as well.
            (_, None) => {}
        }
    }
}

/// Why a request that was sent on has ended without an answer that can be passed on.
const fn cause_of(outcome: &Outcome) -> NodeCause {
    use sip_resolve::ResolveError as E;
    match outcome {
        Outcome::Response(_) => NodeCause::NextHopUnavailable,
        Outcome::TimedOut => NodeCause::NextHopSilent,
        Outcome::Unreachable => NodeCause::NextHopUnreachable,
        Outcome::Unresolved(E::NoSuchDomain) => NodeCause::NoSuchDomain,
        Outcome::Unresolved(E::NoRecords) => NodeCause::NoSipServer,
        Outcome::Unresolved(E::DnsFailed) => NodeCause::DnsSilent,
        Outcome::Unresolved(E::Unsupported) => NodeCause::NoCommonTransport,
        Outcome::Unresolved(E::Busy) => NodeCause::TooManyLookups,
        Outcome::Unresolved(E::AllUnavailable(_)) => NodeCause::AllServersOverloaded,
    }
}

/// The status that tells upstream how a request ended, where no response came (section 10 of the rules).
const fn status_of(outcome: &Outcome) -> Option<StatusCode> {
    use sip_resolve::ResolveError as E;
    match outcome {
        Outcome::Response(_) => None,
        // Where whoever sent the request has timed out as well, its transaction has ended and takes no answer (RFC 4320
        // section 4.2).
        Outcome::TimedOut | Outcome::Unreachable => Some(StatusCode::SERVER_TIMEOUT),
        Outcome::Unresolved(E::NoSuchDomain | E::NoRecords) => Some(StatusCode::NOT_FOUND),
        // 416 would say that the scheme is unknown (RFC 3261 section 21.4.14), and whoever hears it tries a SIP URI.
        Outcome::Unresolved(E::DnsFailed | E::Unsupported) => Some(StatusCode::SERVER_TIMEOUT),
        // Rule SIP-16: that others are overloaded is no reason to avoid us.
        Outcome::Unresolved(E::Busy | E::AllUnavailable(_)) => Some(StatusCode::SERVER_ERROR),
    }
}
