//! Requests for the users served here (TS 24.229 section 5.4.3.3): figures 1 and 2 steps 6 and 7.

use crate::application_server::terminating_user;
use crate::cause::Cause;
use crate::{Scscf, Visit, Waiting};
use clock::Now;
use cx_protocol::{Impu, Request, ResultCode, Saa, Sar, SarType, SessionCase};
use ims_node::{Decision, InboundRequest, NodeCause, Refusal};
use sip_message::StatusCode;

impl Scscf {
    pub(crate) fn on_terminating(&mut self, now: Now, request: &InboundRequest) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        if let Err(refusal) = Refusal::check_hops(request.message()) {
            return refusal.into();
        }
        let uri = request.request_uri();
        if !uri.is_host(&self.settings.domain) && (uri.is_sip() || uri.telephone_number().is_none()) {
            // Somebody routed by a Route entry of ours alone; who sends it on from here would pass for one of our nodes.
            return Refusal::new(StatusCode::NOT_FOUND, Cause::OtherDomain).into();
        }
        let Some(impu) = terminating_user(request) else {
            return Refusal::new(StatusCode::NOT_FOUND, NodeCause::RequestUriNotImpu).into();
        };
        if let Some(registration) = self.users.registration(&impu) {
            let profile = registration.profile.clone();
            return self.serve(now, request, impu, SessionCase::TerminatingRegistered, &profile);
        }
        if let Some(profile) = self.users.unregistered(&impu).cloned() {
            return self.serve(now, request, impu, SessionCase::TerminatingUnregistered, &profile);
        }
        // Rule RT-ST-02: the profile of somebody who is not registered comes from the HSS first.
        let Some(server_name) = self.server_name() else {
            return Refusal::new(StatusCode::SERVER_ERROR, Cause::NoServerName).into();
        };
        let sar = Sar { impi: None, impu, server_name, kind: SarType::UnregisteredUser };
        Decision::AskHss(Request::Sar(sar), Waiting::UnregisteredSaa(SessionCase::TerminatingUnregistered))
    }

    pub(crate) fn on_unregistered_saa(
        &mut self,
        now: Now,
        request: &InboundRequest,
        case: SessionCase,
        saa: Saa,
    ) -> Decision<Waiting> {
        let impu = if crate::application_server::is_originating(case) {
            request.served_user()
        } else {
            terminating_user(request)
        };
        match (saa.result, saa.profile, impu) {
            (ResultCode::Success, Some(profile), Some(impu)) => {
                let profile = self.users.put_unregistered(now.mono, &impu, profile.into());
                self.serve(now, request, impu, case, &profile)
            }
            (ResultCode::UserUnknown, ..) => {
                Refusal::new(StatusCode::NOT_FOUND, NodeCause::UnknownUser).into()
            }
            _ => Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, Cause::OtherScscf).into(),
        }
    }

    fn serve(
        &mut self,
        now: Now,
        request: &InboundRequest,
        impu: Impu,
        case: SessionCase,
        profile: &crate::profile::Profile,
    ) -> Decision<Waiting> {
        // Rule RT-ST-01.
        if profile.identities.find(&impu).is_some_and(|identity| identity.barred) {
            return Refusal::new(StatusCode::NOT_FOUND, Cause::IdentityBarred).into();
        }
        self.next_server(now, request, Visit { impu, case, index: 0 }, profile)
    }
}
