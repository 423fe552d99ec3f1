//! Requests of a UE (TS 24.229 section 5.2.6.3): figures 1, 2 and 3, step 2.

use crate::bindings::{Binding, Claims};
use crate::registration::charging_vector;
use crate::{FLOW_UNKNOWN, Own, Pcscf, Waiting};
use cx_protocol::Impu;
use ims_node::{Decision, Effects, ForwardPlan, InboundRequest, Refusal};
use sip_message::{HeaderName, Method, NameAddr, StatusCode, Transport, Uri};

impl Pcscf {
    pub(crate) fn on_ue_request(&self, request: &InboundRequest, fx: &mut Effects<Own>) -> Decision<Waiting> {
        let message = request.message();
        let flow = request.flow();
        let in_dialog = request.is_in_dialog();
        let (Some(key), Some((binding, impu))) = (&self.key, self.speaker(request)) else {
            // Rule RT-P-01. A subscriber whose flow is new is to begin anew, as 481 tells it (RFC 6665 section 4.1.2.2).
            let status = if in_dialog { StatusCode::NO_SUCH_TRANSACTION } else { StatusCode::FORBIDDEN };
            return Refusal::new(status, FLOW_UNKNOWN).into();
        };
        let mut plan = ForwardPlan::by_route();
        if in_dialog {
            // Rule RT-P-07: our Record-Route entry comes back with the mark we gave this dialog on this flow, and what comes
            // next is the S-CSCF that serves this UE: on the way, or at the end as the notifier of `reg`.
            let mut marks = request.own_routes().iter().filter_map(|uri| uri.params().get("d"));
            let next = request.next_route().unwrap_or_else(|| request.request_uri().clone());
            let to_scscf = binding.service_route.iter().any(|route| same_host(route, &next));
            if !to_scscf || !marks.any(|mark| key.is_dialog_mark(mark, flow, message.call_id())) {
                return Refusal::new(StatusCode::NO_SUCH_TRANSACTION, "not a dialog of this flow").into();
            }
        } else {
            // Rule RT-P-03: whatever the UE routes by, its requests go to the S-CSCF that registered it.
            plan.discard_routes = true;
            plan.routes = binding.service_route.iter().map(ToString::to_string).collect();
        }
        if *request.method() == Method::Subscribe {
            plan.record_routes = self.record_routes(key, request, Towards::Network);
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

    /// Two entries, because the UE names us by number and the network by name (RFC 5658): the one for the side a request
    /// goes to stands on top.
    pub(crate) fn record_routes(
        &self,
        key: &crate::FlowKey,
        request: &InboundRequest,
        towards: Towards,
    ) -> Vec<String> {
        let flow = match towards {
            Towards::Network => request.flow(),
            Towards::Ue(flow) => flow,
        };
        let token = key.token(flow);
        let mark = key.dialog_mark(flow, request.message().call_id());
        let network = format!("<sip:{token}@{};lr>", self.settings.name);
        // A phone that is told no transport comes back by UDP (RFC 3263 section 4.1), where it is not registered.
        let transport = match flow.transport {
            Transport::Udp => "",
            Transport::Tcp => ";transport=tcp",
        };
        let ue = format!("<sip:{token}@{}{transport};lr;d={mark}>", self.settings.advertised);
        match towards {
            Towards::Network => vec![network, ue],
            Towards::Ue(_) => vec![ue, network],
        }
    }
}

fn same_host(route: &str, uri: &Uri) -> bool {
    let own = NameAddr::parse(route).ok().and_then(|address| address.uri().ok());
    own.is_some_and(|own| own.is_host(uri.host_text()))
}

/// Which way a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Towards {
    Network,
    Ue(ims_node::Flow),
}
