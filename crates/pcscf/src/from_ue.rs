//! Requests of a UE (TS 24.229 section 5.2.6.3): figures 1, 2 and 3, step 2.

use crate::registration::{charging_vector, preferred};
use crate::{Pcscf, Waiting};
use ims_node::{Decision, Effects, ForwardPlan, InboundRequest, Refusal};
use sip_message::{HeaderName, Method, StatusCode};
use std::convert::Infallible;

impl Pcscf {
    pub(crate) fn on_ue_request(
        &self,
        request: &InboundRequest,
        fx: &mut Effects<Infallible>,
    ) -> Decision<Waiting> {
        let message = request.message();
        let flow = request.flow();
        let (Some(key), Some((binding, impu))) =
            (&self.key, self.bindings.speaker(flow, &preferred(message)))
        else {
            // Rule RT-P-01.
            return Refusal::new(StatusCode::FORBIDDEN, "nobody is registered on this flow").into();
        };
        let mut plan = ForwardPlan::by_route();
        if request.is_in_dialog() {
            // Rule RT-P-07: our Record-Route entry comes back with the mark we gave this dialog on this flow.
            let marks = request.own_routes().iter().filter_map(|uri| uri.params().get("d"));
            if !marks.into_iter().any(|mark| key.is_dialog_mark(mark, flow, message.call_id())) {
                return Refusal::new(StatusCode::FORBIDDEN, "not a dialog of this flow").into();
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
        let ue = format!("<sip:{token}@{};lr;d={mark}>", self.settings.advertised);
        match towards {
            Towards::Network => vec![network, ue],
            Towards::Ue(_) => vec![ue, network],
        }
    }
}

/// Which way a request goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Towards {
    Network,
    Ue(ims_node::Flow),
}
