//! Requests for a UE (TS 24.229 section 5.2.6.4): the last NotifyPresUp of figures 1, 2, 6 and 7.

use crate::cause::Cause;
use crate::{Pcscf, Waiting};
use clock::Now;
use ims_node::{Decision, ForwardPlan, InboundRequest, Next, Outcome, Refusal, Verdict};
use sip_message::{HeaderName, Method, StatusCode};

/// Seconds after which a registration under way has been answered.
const RETRY_AFTER_S: u32 = 5;

impl Pcscf {
    /// Our flow entry says which flow, whatever the Request-URI says.
    pub(crate) fn on_network_request(&self, now: Now, request: &InboundRequest) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        let token = request.own_routes().iter().find_map(Self::token_of);
        let (Some(key), Some(token)) = (&self.key, token) else {
            return Refusal::new(StatusCode::NOT_FOUND, Cause::NoFlowNamed).into();
        };
        let Some((flow, tag)) = key.read(token) else {
            return Refusal::new(StatusCode::FORBIDDEN, Cause::ForeignFlowToken).into();
        };
        let is_reachable = self.bindings.is_bound(flow, tag) || self.leaving.is_reachable(flow, tag);
        if !is_reachable && self.registering.has(now, flow) {
            // The 200 that says who is there is still under way: not the end of the flow, and not for another user yet.
            let refusal = Refusal::new(StatusCode::SERVER_ERROR, Cause::RegistrationUnderWay);
            return refusal.with(HeaderName::RetryAfter, RETRY_AFTER_S).into();
        }
        if !is_reachable {
            // Rule RT-P-08: whoever is there now is not the user that the token was made for.
            return Refusal::new(StatusCode::FLOW_FAILED, Cause::FlowLeft).into();
        }
        let mut plan = ForwardPlan::by_route();
        plan.next = Next::Flow(flow);
        if matches!(request.method(), Method::Notify | Method::Subscribe) {
            // RFC 6665 section 4.3: a NOTIFY may be what makes the dialog, so we put ourselves in again.
            plan.record_routes = self.towards_phone(key, request, flow, token);
        }
        plan.then = Some(Waiting::Ue);
        plan.decide()
    }

    /// Rule RT-P-08: 430 tells the S-CSCF that this flow leads nowhere any more. Of the way of a dialog a phone may say only what it
    /// was told: whoever is behind us goes by it.
    pub(crate) fn on_ue_answer(&self, request: &InboundRequest, outcome: &Outcome) -> Verdict<Waiting> {
        match outcome {
            Outcome::Response(_) => {
                let recorded = self.recorded_towards_phone(request);
                Verdict::Relay(vec![(HeaderName::RecordRoute, recorded)])
            }
            Outcome::TimedOut => Verdict::Relay(Vec::new()),
            Outcome::Unreachable | Outcome::Unresolved(_) => {
                Verdict::Instead(Refusal::new(StatusCode::FLOW_FAILED, Cause::FlowGone).into())
            }
        }
    }
}
