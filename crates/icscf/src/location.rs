//! Every other request (TS 24.229 section 5.3.2): follow a Route that is left, else ask where the user is served.

use crate::candidates::{Candidates, no_answer, no_server_left};
use crate::cause::Cause;
use crate::{Icscf, Orig, RecordRoute, Waiting};
use cx_protocol::{Impu, Leg, Lia, Lir, LirType, Request, ResultCode};
use ims_node::way::is_server_of;
use ims_node::{Decision, ForwardPlan, InboundRequest, NodeCause, Outcome, Refusal, Source, Verdict};
use sip_message::{Method, StatusCode};

impl Icscf {
    pub(crate) fn route_or_ask(&self, request: &InboundRequest) -> Decision<Waiting> {
        if let Err(refusal) = Refusal::check_hops(request.message()) {
            return refusal.into();
        }
        // Rule RT-I-02; figure 1 and 2, first NotifyPresUp: our own record-route entry was on top and is taken off, the
        // next entry says where to go, and the HSS is not asked.
        if let Some(next) = request.next_route() {
            if !request.source().is_trusted() {
                // The next node would take it for ours.
                return Refusal::new(StatusCode::FORBIDDEN, Cause::RouteFromOutside).into();
            }
            // Our own nodes send along a dialog that we stay on the way of nothing that they do not answer for. Whatever else comes
            // has no business behind us but with servers of this domain.
            let is_along_dialog = *request.source() == Source::Own && came_by_ours(request);
            if !is_along_dialog && !is_server_of(&next, &self.settings.domain) {
                let cause = Cause::NoWayOut;
                return Refusal::new(StatusCode::FORBIDDEN, cause).into();
            }
            let mut plan = ForwardPlan::by_route();
            self.stay_on_the_way(request, &mut plan);
            return plan.decide();
        }
        let uri = request.request_uri();
        if orig(request) == Orig::Plain
            && uri.telephone_number().is_some()
            && uri.is_sip()
            && !uri.is_host(&self.settings.domain)
        {
            // To the HSS a number is the same whatever domain stands behind it.
            return Refusal::new(StatusCode::NOT_FOUND, Cause::ForeignNumber).into();
        }
        // Figures 1 and 2, step 4: Query.
        ask(request, LirType::Location, Candidates::default())
    }

    pub(crate) fn on_lia(
        &self,
        request: &InboundRequest,
        lia: Lia,
        candidates: Candidates,
    ) -> Decision<Waiting> {
        // Figures 1 and 2, step 5: Resp.
        match lia.result {
            ResultCode::Success | ResultCode::SubsequentRegistration | ResultCode::UnregisteredService => {}
            ResultCode::UserUnknown => {
                return Refusal::new(StatusCode::NOT_FOUND, NodeCause::UnknownUser).into();
            }
            ResultCode::IdentityNotRegistered => {
                return Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, NodeCause::NotRegistered).into();
            }
            ResultCode::CommandUnsupported
            | ResultCode::TooBusy
            | ResultCode::IdentitiesDontMatch
            | ResultCode::RoamingNotAllowed
            | ResultCode::IdentityAlreadyRegistered
            | ResultCode::AuthSchemeNotSupported
            | ResultCode::InAssignmentType
            | ResultCode::UnsupportedVersion
            | ResultCode::UnableToComply => {
                return Refusal::new(StatusCode::SERVER_TIMEOUT, NodeCause::HssCannotTell).into();
            }
        }
        let candidates = match (lia.server_name, candidates.asked_for_capabilities) {
            (Some(name), false) => candidates.named(name),
            // The user is registered there: nobody else has its contacts.
            (Some(_), true) => return no_answer().into(),
            (None, _) => {
                let wanted = lia.capabilities.unwrap_or_default();
                candidates.selected(&self.settings.scscfs, &wanted)
            }
        };
        self.try_next_server(request, candidates)
    }

    /// Figures 1 and 2, step 6: SubscribePres to the S-CSCF.
    fn try_next_server(&self, request: &InboundRequest, mut candidates: Candidates) -> Decision<Waiting> {
        let Some(server) = candidates.next() else {
            return no_server_left(&candidates).into();
        };
        let mut plan = self.plan(&server, orig(request));
        self.stay_on_the_way(request, &mut plan);
        plan.then = Some(Waiting::Server(candidates));
        plan.decide()
    }

    /// An S-CSCF that cannot be reached is replaced by the next one that fits. If the HSS named it, the HSS says whether
    /// another one may have the user (TS 29.228 section 6.1.4).
    pub(crate) fn on_server_answer(
        &self,
        request: &InboundRequest,
        mut candidates: Candidates,
        outcome: &Outcome,
    ) -> Verdict<Waiting> {
        if outcome.status().is_some() {
            return Verdict::Relay(Vec::new());
        }
        if candidates.is_exhausted() && !candidates.asked_for_capabilities {
            candidates.asked_for_capabilities = true;
            return Verdict::Instead(ask(request, LirType::LocationAndCapabilities, candidates));
        }
        Verdict::Instead(self.try_next_server(request, candidates))
    }

    /// Record-Route (rule RT-I-06): into a SUBSCRIBE that opens a dialog, and again into a NOTIFY that came by our entry
    /// (RFC 6665 section 4.3). Between a server and the S-CSCF of the user for whom it begins something we only find the way.
    fn stay_on_the_way(&self, request: &InboundRequest, plan: &mut ForwardPlan<Waiting>) {
        let opens = *request.method() == Method::Subscribe
            && !request.is_in_dialog()
            && orig(request) == Orig::Plain
            && self.settings.record_route == RecordRoute::On;
        if opens || came_by_ours(request) {
            plan.record_routes.push(self.record_route());
        }
    }
}

fn came_by_ours(request: &InboundRequest) -> bool {
    request.own_routes().iter().any(|uri| uri.user() == Some("rr"))
}

/// Where a request goes is asked about whom it is for; where it is treated as one of a user's, about that user.
fn ask(request: &InboundRequest, kind: LirType, candidates: Candidates) -> Decision<Waiting> {
    let (impu, leg) = match orig(request) {
        Orig::Marked => match request.served_user() {
            Some(impu) => (impu, Leg::Originating),
            None => return Refusal::new(StatusCode::FORBIDDEN, Cause::NoServedUser).into(),
        },
        Orig::Plain => match Impu::new(request.request_uri().as_str()) {
            Ok(impu) => (impu, Leg::Terminating),
            Err(_) => return Refusal::new(StatusCode::NOT_FOUND, NodeCause::RequestUriNotImpu).into(),
        },
    };
    Decision::AskHss(Request::Lir(Lir { impu, leg, kind }), Waiting::Lia(candidates))
}

/// Originating treatment is for our own application servers; a foreign network has none to ask for here.
fn orig(request: &InboundRequest) -> Orig {
    let marked = request.own_routes().iter().any(|uri| uri.params().has("orig"));
    if marked && *request.source() == Source::Own { Orig::Marked } else { Orig::Plain }
}
