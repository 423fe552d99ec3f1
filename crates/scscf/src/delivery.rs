//! To the phones of a user, one after the other (rule RT-ST-04, RFC 3261 sections 16.5 to 16.7).

use crate::binding::Binding;
use crate::cause::Cause;
use crate::{Fx, Scscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Decision, ForwardPlan, InboundRequest, NodeCause, Outcome, Refusal, Verdict};
use sip_message::{HeaderName, Message, StatusCode, Uri};
use std::cmp::Reverse;

/// A request that is being offered to one phone, and may be offered to others.
#[derive(Debug)]
pub struct Delivery {
    /// The user.
    pub(crate) impu: Impu,
    /// The phone that has it now.
    pub(crate) target: Target,
    /// The contacts of the phones that have not had it, the next one last.
    left: Vec<Box<str>>,
    /// The best of the answers so far.
    best: Option<Box<Message>>,
}

/// A phone, and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) contact: Box<str>,
    /// The Path it registered by: meanwhile the contact may have registered by another one.
    pub(crate) path: Vec<Box<str>>,
}

impl Scscf {
    /// No application server took it: to the user's phone over the Path it registered by; if it has several, to the one it
    /// prefers, of equal ones to the one that registered last.
    pub(crate) fn deliver(&self, now: Now, request: &InboundRequest, impu: &Impu) -> Decision<Waiting> {
        let Some(registration) = self.users.registration(impu) else { return not_registered().into() };
        // A GRUU means one phone and no other.
        let instance = request.request_uri().params().get("gr");
        let is_meant = |binding: &&Binding| {
            binding.expires_at() > now.wall
                && instance.is_none_or(|gr| crate::in_dialog::is_instance(binding, gr))
        };
        let mut bindings: Vec<&Binding> = registration.bindings.iter().filter(is_meant).collect();
        if bindings.is_empty() {
            return if instance.is_some() { crate::in_dialog::no_binding() } else { not_registered().into() };
        }
        bindings.sort_by_key(|binding| Reverse(binding.preference()));
        let left = bindings.iter().rev().map(|binding| binding.contact.clone()).collect();
        self.offer_next(now, request, impu.clone(), left, None)
    }

    /// Offers the request to the next phone, or answers with the best of what the others have said.
    fn offer_next(
        &self,
        now: Now,
        request: &InboundRequest,
        impu: Impu,
        mut left: Vec<Box<str>>,
        best: Option<Box<Message>>,
    ) -> Decision<Waiting> {
        while let Some(contact) = left.pop() {
            // Meanwhile it may have left, or registered by another Path.
            let Some(target) = self.target(now, &impu, contact) else { continue };
            let Ok(contact) = Uri::parse(&target.contact) else { continue };
            let mut plan = ForwardPlan::by_route();
            plan.routes = target.path.iter().map(ToString::to_string).collect();
            plan.headers.push((HeaderName::PServedUser, None));
            plan.headers.push((HeaderName::PCalledPartyId, Some(format!("<{}>", request.request_uri()))));
            plan.request_uri = Some(contact);
            // Whatever the setting is: the P-CSCF lets a phone's NOTIFY pass to us alone.
            plan.record_routes.extend(self.entry_towards_phone(request));
            plan.attempts = left.len() + 1;
            plan.then = Some(Waiting::Ue(Box::new(Delivery { impu, target, left, best })));
            return plan.decide();
        }
        match best {
            Some(best) => Decision::Relay(best),
            None => flow_failed().into(),
        }
    }

    /// After every final answer but 2xx and 6xx, and after none, the next phone has its turn. A P-CSCF that has lost the phone
    /// says 430 (rule RT-P-08): then the binding is of no more use, unless it has meanwhile been registered by another Path.
    pub(crate) fn on_ue_answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        delivery: Delivery,
        outcome: &Outcome,
        fx: &mut Fx,
    ) -> Verdict<Waiting> {
        let Delivery { impu, target, left, best } = delivery;
        let status = outcome.status();
        if status == Some(StatusCode::FLOW_FAILED) {
            self.drop_binding(now, &impu, &target, fx);
        }
        let is_end = status.is_some_and(|status| status.is_success() || status.code() >= 600);
        let is_only = left.is_empty() && best.is_none() && status != Some(StatusCode::FLOW_FAILED);
        if is_end || is_only {
            return Verdict::Relay(self.entry_forth(request, outcome));
        }
        let best = better(best, outcome);
        Verdict::Instead(self.offer_next(now, request, impu, left, best))
    }

    /// The phone of this contact, if it is registered.
    fn target(&self, now: Now, impu: &Impu, contact: Box<str>) -> Option<Target> {
        let bindings = &self.users.registration(impu)?.bindings;
        let is_live = |binding: &&Binding| binding.contact == contact && binding.expires_at() > now.wall;
        let path = bindings.iter().find(is_live)?.path.clone();
        Some(Target { contact, path })
    }
}

fn not_registered() -> Refusal {
    Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, NodeCause::NotRegistered)
}

/// Rule RT-P-08: 430 is between P-CSCF and S-CSCF; to whoever asked the phone is not there.
pub(crate) fn flow_failed() -> Refusal {
    Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, Cause::PhoneUnreachable)
}

/// The better of two answers (section 16.7 step 6): of the lowest class, and within 4xx one that tells the sender what to
/// do.
fn better(best: Option<Box<Message>>, outcome: &Outcome) -> Option<Box<Message>> {
    let Outcome::Response(response) = outcome else { return best };
    let rank = |message: &Message| message.status().map_or(u16::MAX, rank);
    if response.status() == Some(StatusCode::FLOW_FAILED) {
        return best;
    }
    match best {
        Some(best) if rank(&best) <= rank(response) => Some(best),
        Some(_) | None => Some(response.clone()),
    }
}

/// Lower is better.
fn rank(status: StatusCode) -> u16 {
    /// They affect how the request is sent again.
    const HELPFUL: [u16; 5] = [401, 407, 415, 420, 484];
    let code = status.code();
    // 503 says something of one server alone.
    let class = if code == 503 { 7 } else { code / 100 };
    class * 2 + u16::from(!HELPFUL.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(code: u16) -> Outcome {
        let text = format!(
            "SIP/2.0 {code} X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@x>;tag=1\r\nTo: <sip:b@x>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n"
        );
        Outcome::Response(Box::new(Message::parse(text.into()).unwrap()))
    }

    #[test]
    fn rfc3261_16_7_the_best_answer_of_several_phones() {
        let rows: [(&[u16], Option<u16>); 8] = [
            (&[486, 302], Some(302)),
            (&[500, 486], Some(486)),
            (&[480, 486], Some(480)),
            (&[404, 415], Some(415)),
            (&[415, 404], Some(415)),
            (&[503, 500], Some(500)),
            (&[430, 486], Some(486)),
            (&[430, 430], None),
        ];
        for (codes, expected) in rows {
            let best = codes.iter().fold(None, |best, code| better(best, &answer(*code)));
            assert_eq!(best.and_then(|best| Some(best.status()?.code())), expected, "{codes:?}");
        }
        let best = better(better(None, &answer(486)), &Outcome::TimedOut);
        assert!(best.is_some(), "silence is worse than any answer");
    }
}
