//! Requests of a UE (TS 24.229 section 5.2.6.3): figures 1, 2 and 3, step 2.

use crate::bindings::{Binding, Claims};
use crate::cause::Cause;
use crate::flow_token::{Dialog, FlowKey, Phone};
use crate::registration::charging_vector;
use crate::{Fx, Pcscf, Waiting};
use cx_protocol::Impu;
use ims_node::way::where_to;
use ims_node::{Decision, ForwardPlan, InboundRequest, NodeCause, Refusal};
use sip_message::{HeaderName, Method, NameAddr, StatusCode, Uri};

impl Pcscf {
    pub(crate) fn on_ue_request(&self, request: &InboundRequest, fx: &mut Fx) -> Decision<Waiting> {
        let flow = request.flow();
        let in_dialog = request.is_in_dialog();
        let (Some(key), Some((binding, impu))) = (&self.key, self.speaker(request)) else {
            // Rule RT-P-01. A subscriber whose flow is new is to begin anew, as 481 tells it (RFC 6665 section 4.1.2.2).
            let status = if in_dialog { StatusCode::NO_SUCH_TRANSACTION } else { StatusCode::FORBIDDEN };
            return Refusal::new(status, NodeCause::FlowUnknown).into();
        };
        let mut plan = ForwardPlan::by_route();
        if in_dialog {
            if !is_in_known_dialog(key, request, &binding.service_route) {
                return Refusal::new(StatusCode::NO_SUCH_TRANSACTION, Cause::NotOfThisFlow).into();
            }
        } else {
            // Rule RT-P-03: whatever the UE routes by, its requests go to the S-CSCF that registered it.
            plan.discard_routes = true;
            plan.routes = binding.service_route.iter().map(ToString::to_string).collect();
        }
        // A phone is the end of a dialog, and no proxy before it has recorded a way.
        plan.headers.push((HeaderName::RecordRoute, None));
        // RFC 6665 section 4.3: a NOTIFY may be what makes the dialog.
        if matches!(request.method(), Method::Subscribe | Method::Notify) {
            let token = key.token(flow, binding.tag);
            plan.record_routes = vec![self.network_entry(&token), self.gm_entry(&token, flow, None)];
        }
        plan.headers.push((HeaderName::PAssertedIdentity, Some(format!("<{impu}>"))));
        plan.headers.push((HeaderName::PPreferredIdentity, None));
        plan.headers.push((HeaderName::PChargingVector, Some(charging_vector(fx))));
        plan.then = Some(Waiting::Network);
        plan.decide()
    }

    /// Who speaks: somebody registered on the flow; or, in a request that only takes something back, who has just left it.
    fn speaker(&self, request: &InboundRequest) -> Option<(&Binding, &Impu)> {
        let claims = Claims::of(request.message());
        let named = |(binding, _): &(&Binding, &Impu)| binding.impus.iter().any(|impu| claims.name(impu));
        let present = self.bindings.speaker(request.flow(), &claims);
        let left = self.leaving.speaker(request, &claims);
        present.filter(named).or_else(|| left.filter(named)).or(present).or(left)
    }
}

/// Rule RT-P-07: our Record-Route entry comes back with the mark that we gave this dialog on this flow. What comes next is the
/// S-CSCF that serves this UE: on the way, or at the end as the notifier of `reg`.
fn is_in_known_dialog(key: &FlowKey, request: &InboundRequest, service_route: &[Box<str>]) -> bool {
    let message = request.message();
    let next = request.next_route().unwrap_or_else(|| request.request_uri().clone());
    let leads_to = |route: &str| uri_of(route).is_some_and(|route| where_to(&route) == where_to(&next));
    if !service_route.iter().any(|route| leads_to(route)) {
        return false;
    }
    let (call_id, remote_tag) = (message.call_id(), message.to_tag().unwrap_or_default());
    let phone = if *request.method() == Method::Notify {
        Phone::Notifier
    } else {
        Phone::Subscriber(message.from_tag().unwrap_or_default())
    };
    let mut marked =
        request.own_routes().iter().filter_map(|uri| Some((uri.user()?, uri.params().get("d")?)));
    marked.any(|(token, mark)| {
        let is_here = key.read(token).is_some_and(|(flow, _)| flow == request.flow());
        let dialog = Dialog { token, call_id, phone, remote_tag };
        is_here && key.is_mark(mark, dialog, request.remaining_routes())
    })
}

pub(crate) fn uri_of(entry: &str) -> Option<Uri> {
    NameAddr::parse(entry).ok()?.uri().ok()
}
