//! Requests of the users served here (TS 24.229 section 5.4.3.2): figures 1 and 2 step 3, figure 3 step 2.

use crate::cause::Cause;
use crate::profile::Profile;
use crate::{Scscf, Visit, Waiting};
use clock::Now;
use cx_protocol::{Impu, Request, Sar, SarType, SessionCase};
use ims_node::way::is_server_of;
use ims_node::{Decision, ForwardPlan, InboundRequest, Refusal, Source};
use sip_message::{HeaderName, Method, StatusCode, Uri};

impl Scscf {
    pub(crate) fn on_originating(&mut self, now: Now, request: &InboundRequest) -> Decision<Waiting> {
        if *request.source() != Source::Own {
            return Refusal::outsider().into();
        }
        if let Err(refusal) = Refusal::check_hops(request.message()) {
            return refusal.into();
        }
        let Some(impu) = request.served_user() else {
            return Refusal::new(StatusCode::FORBIDDEN, Cause::NoAssertedIdentity).into();
        };
        let registered = self.users.registration(&impu).map(|registration| &registration.profile);
        // By the criteria under which it was published, though the registration has ended.
        let left = || self.users.leaving.profile(&impu).filter(|_| request.is_unpublish());
        let Some(profile) = registered.or_else(left).cloned() else {
            return self.without_registration(request, impu);
        };
        if profile.identities.find(&impu).is_none_or(|identity| identity.barred) {
            return Refusal::new(StatusCode::FORBIDDEN, Cause::IdentityBarred).into();
        }
        if let Err(refusal) = self.check_gruu(request, &profile) {
            return refusal.into();
        }
        self.next_server(now, request, Visit { impu, case: SessionCase::Originating, index: 0 }, &profile)
    }

    /// RFC 5627 section 6.2: a user who subscribes has the NOTIFYs sent to a phone of his own, by whichever identity of
    /// his, and not to somebody else's.
    pub(crate) fn check_gruu(&self, request: &InboundRequest, profile: &Profile) -> Result<(), Refusal> {
        if *request.method() != Method::Subscribe || request.is_in_dialog() {
            return Ok(());
        }
        let contact =
            request.message().first_address(HeaderName::Contact).and_then(|contact| contact.uri().ok());
        let ours = |uri: &Uri| uri.params().has("gr") && uri.is_host(&self.settings.domain);
        let Some(gruu) = contact.filter(ours) else { return Ok(()) };
        let is_of_user = Impu::new(gruu.as_str()).is_ok_and(|impu| profile.identities.find(&impu).is_some());
        if is_of_user { Ok(()) } else { Err(Refusal::new(StatusCode::FORBIDDEN, Cause::ForeignGruu)) }
    }

    /// Rule RT-SO-03: only an application server may begin something for a user who is not registered.
    fn without_registration(&self, request: &InboundRequest, impu: Impu) -> Decision<Waiting> {
        let from_server = request.message().value(HeaderName::PServedUser).is_some();
        let Some(server_name) = self.server_name().filter(|_| from_server) else {
            return Refusal::new(StatusCode::FORBIDDEN, Cause::SenderNotRegistered).into();
        };
        let sar = Sar { impi: None, impu, server_name, kind: SarType::UnregisteredUser };
        Decision::AskHss(Request::Sar(sar), Waiting::UnregisteredSaa(SessionCase::OriginatingUnregistered))
    }

    /// Rule RT-SO-05: by the domain of the Request-URI, also when it is our own; the I-CSCF there knows who serves the
    /// user.
    pub(crate) fn route_originating(&self, request: &InboundRequest, visit: &Visit) -> Decision<Waiting> {
        let number = request.request_uri();
        let number = number.telephone_number().filter(|_| !number.is_sip());
        let by_domain = number.and_then(|number| self.number_here(&number));
        let uri = by_domain.as_ref().unwrap_or_else(|| request.request_uri());
        if !uri.is_sip() {
            return Refusal::new(StatusCode::NOT_FOUND, Cause::RequestUriNoUser).into();
        }
        let uri = uri.without_default_port();
        if let Err(refusal) = self.check_target(&uri) {
            return refusal.into();
        }
        let mut plan = ForwardPlan::by_route();
        plan.request_uri = Some(uri).filter(|bare| bare != request.request_uri());
        plan.record_routes.extend(self.originating_entry(request));
        plan.headers.push((HeaderName::PServedUser, None));
        if let Some(number) = self.second_identity(request, &visit.impu) {
            let first: Vec<&str> = request.message().list(HeaderName::PAssertedIdentity).collect();
            let both = format!("{}, <{number}>", first.join(", "));
            plan.headers.push((HeaderName::PAssertedIdentity, Some(both)));
        }
        plan.then = Some(Waiting::Onward);
        plan.decide()
    }

    /// A user is of a domain (TS 23.003 section 13.4), found by DNS. Whoever names a server, a port or an address instead would have us
    /// send to whatever listens there, among our own nodes too.
    fn check_target(&self, uri: &Uri) -> Result<(), Refusal> {
        let is_domain = |domain: &str| uri.is_host(domain);
        let is_ours = is_domain(&self.settings.domain);
        let is_peers = self.settings.peer_domains.iter().any(|domain| is_domain(domain));
        if is_server_of(uri, &self.settings.domain) && !is_ours && !is_peers {
            return Err(Refusal::new(StatusCode::NOT_FOUND, Cause::RequestUriServer));
        }
        if uri.address().is_some() || !is_server_of(uri, uri.host_text()) {
            let cause = Cause::RequestUriNumeric;
            return Err(Refusal::new(StatusCode::NOT_FOUND, cause));
        }
        Ok(())
    }

    /// A telephone number as a user of our own domain, whose HSS knows whether it is one (TS 24.229 section 5.4.3.2).
    fn number_here(&self, number: &str) -> Option<Uri> {
        // In a user part the hash of a service code is escaped (RFC 3261 section 25.1).
        let user = number.replace('#', "%23");
        Uri::parse(&format!("sip:{user}@{};user=phone", self.settings.domain)).ok()
    }

    /// Rule RT-SO-04: the telephone number beside the SIP URI, when the user has one and did not say it.
    fn second_identity(&self, request: &InboundRequest, impu: &Impu) -> Option<Impu> {
        let number = self.users.profile(impu)?.identities.usable().find(|impu| impu.domain().is_none())?;
        (request.asserted().count() == 1 && number != impu).then(|| number.clone())
    }
}
