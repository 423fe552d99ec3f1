//! To an application server and back (TS 24.229 sections 5.4.3.2 and 5.4.3.3, rules ISC-04 to ISC-07).

use crate::cause::Cause;
use crate::criteria::{Facts, first_match};
use crate::odi::{self, About};
use crate::{Fx, Scscf, Visit, Waiting};
use clock::Now;
use cx_protocol::{DefaultHandling, Impu, SessionCase};
use ims_node::{Decision, ForwardPlan, InboundRequest, Outcome, Refusal, Verdict};
use sip_message::{HeaderName, Method, StatusCode, Uri};

/// The identities by which an application server is to know whom a request is about, where they are others than it came with.
struct AsWhom {
    /// The SIP identity in place of the telephone number in the Request-URI.
    alias: Option<Impu>,
    /// The identity of the sender's own that is asserted, because it publishes for it.
    published_for: Option<Impu>,
}

impl Scscf {
    /// Goes on through the criteria of `visit.impu` from `visit.index`; when none is left, the request goes its way.
    pub(crate) fn next_server(
        &mut self,
        now: Now,
        request: &InboundRequest,
        visit: Visit,
        profile: &crate::profile::Profile,
    ) -> Decision<Waiting> {
        let facts = Facts {
            message: request.message(),
            method: request.method().as_str(),
            request_uri: request.request_uri().as_str(),
            case: visit.case,
        };
        let found = first_match(&profile.criteria, visit.index, &facts, &mut self.patterns);
        match found {
            Some(index) => {
                let meant = Impu::new(request.request_uri().as_str()).ok();
                let alias = meant.as_ref().and_then(|meant| profile.alias(meant)).cloned();
                let published_for =
                    published_for(request, &visit, alias.as_ref().or(meant.as_ref()), profile);
                let as_whom = AsWhom { alias, published_for };
                self.to_server(request, Visit { index, ..visit }, as_whom, profile)
            }
            None => self.after_criteria(now, request, &visit),
        }
    }

    /// Figure 1 and 2 step 7 (SubscribePres) and figure 3 step 3 (PresUpdateMsg): to the presence server, found by the
    /// criteria of the presentity's profile.
    fn to_server(
        &self,
        request: &InboundRequest,
        visit: Visit,
        as_whom: AsWhom,
        profile: &crate::profile::Profile,
    ) -> Decision<Waiting> {
        let server = profile.criteria.get(visit.index).map(|criterion| &*criterion.application_server.uri);
        let Ok(uri) = Uri::parse(server.unwrap_or_default()) else {
            return Refusal::new(StatusCode::SERVER_ERROR, Cause::CriterionNotSip).into();
        };
        let uri = if uri.is_loose_route() { uri } else { uri.with_param("lr", None) };
        let Some(key) = &self.key else {
            return Refusal::new(StatusCode::SERVER_ERROR, Cause::NotStarted).into();
        };
        let served = profile.identities.default_impu().unwrap_or(&visit.impu);
        let about = About { call_id: request.message().call_id(), served, criteria: &profile.criteria };
        let odi = odi::token(key, &about, visit.case, visit.index);
        let orig = if is_originating(visit.case) { ";orig" } else { "" };
        let mut plan = ForwardPlan::by_route();
        plan.routes = vec![format!("<{uri}>"), format!("<sip:{odi}@{};lr{orig}>", self.settings.name)];
        plan.headers.push((HeaderName::PServedUser, Some(served_user(&visit))));
        plan.request_uri = as_whom.alias.and_then(|alias| Uri::parse(alias.as_str()).ok());
        if let Some(impu) = as_whom.published_for {
            plan.headers.push((HeaderName::PAssertedIdentity, Some(format!("<{impu}>"))));
        }
        plan.record_routes.extend(match is_originating(visit.case) {
            true => self.originating_entry(request),
            false => self.terminating_entry(request),
        });
        plan.patience = Some(self.settings.as_patience);
        plan.then = Some(Waiting::ApplicationServer(visit));
        plan.decide()
    }

    /// An application server answered, or did not: default handling (rule ISC-06).
    pub(crate) fn on_server_answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        visit: Visit,
        outcome: &Outcome,
        fx: &mut Fx,
    ) -> Verdict<Waiting> {
        if !has_failed(outcome) {
            return Verdict::Relay(self.entry_forth(request, outcome));
        }
        let profile = self.users.profile(&visit.impu).cloned();
        let handling = profile.as_ref().and_then(|profile| profile.criteria.get(visit.index));
        let handling = handling.map(|criterion| criterion.application_server.default_handling);
        match (profile, handling) {
            (Some(profile), Some(DefaultHandling::Continued)) => {
                fx.log("application server failed, its criterion is skipped", request.message().call_id());
                let visit = Visit { index: visit.index + 1, ..visit };
                Verdict::Instead(self.next_server(now, request, visit, &profile))
            }
            (_, Some(DefaultHandling::Terminated) | None) | (None, _) if outcome.status().is_some() => {
                Verdict::Relay(Vec::new())
            }
            (_, Some(DefaultHandling::Terminated) | None) | (None, _) => {
                let refusal = Refusal::new(StatusCode::SERVER_TIMEOUT, Cause::ApplicationServerSilent);
                Verdict::Instead(refusal.into())
            }
        }
    }

    /// The request came back from an application server with our token (rule ISC-05). One that is about another user now, or
    /// whose user has other criteria, is a request like any other (rule RT-ST-06): it begins at the first criterion.
    pub(crate) fn on_return(&mut self, now: Now, request: &InboundRequest) -> Option<Decision<Waiting>> {
        let token = request.own_routes().first()?.user()?;
        let impu = match is_originating(odi::case(token)?) {
            true => request.served_user()?,
            false => terminating_user(request)?,
        };
        let profile = self.users.profile(&impu)?.clone();
        let served = profile.identities.default_impu().unwrap_or(&impu);
        let about = About { call_id: request.message().call_id(), served, criteria: &profile.criteria };
        let (case, index) = odi::read(self.key.as_ref()?, token, &about)?;
        Some(self.next_server(now, request, Visit { impu, case, index: index + 1 }, &profile))
    }

    /// No criterion is left.
    fn after_criteria(&self, now: Now, request: &InboundRequest, visit: &Visit) -> Decision<Waiting> {
        if is_originating(visit.case) {
            self.route_originating(request, visit)
        } else {
            self.deliver(now, request, &visit.impu)
        }
    }
}

pub(crate) const fn is_originating(case: SessionCase) -> bool {
    match case {
        SessionCase::Originating | SessionCase::OriginatingUnregistered | SessionCase::Cdiv => true,
        SessionCase::TerminatingRegistered | SessionCase::TerminatingUnregistered => false,
    }
}

/// What counts as the failure of an application server: 408, any 5xx, or no answer at all.
pub(crate) fn has_failed(outcome: &Outcome) -> bool {
    outcome
        .status()
        .is_none_or(|status| status == StatusCode::REQUEST_TIMEOUT || (500..600).contains(&status.code()))
}

/// The user a request is for.
pub(crate) fn terminating_user(request: &InboundRequest) -> Option<Impu> {
    Impu::new(request.request_uri().as_str()).ok()
}

/// Rule PUB-12: a user may publish for each identity of its implicit set. We know the set and the presence server does not, so
/// we assert the one that is published for.
fn published_for(
    request: &InboundRequest,
    visit: &Visit,
    meant: Option<&Impu>,
    profile: &crate::profile::Profile,
) -> Option<Impu> {
    if *request.method() != Method::Publish || !is_originating(visit.case) {
        return None;
    }
    let impu = meant.filter(|impu| **impu != visit.impu)?;
    profile.identities.usable().any(|usable| usable == impu).then(|| impu.clone())
}

/// P-Served-User (RFC 5502).
fn served_user(visit: &Visit) -> String {
    let (sescase, regstate) = match visit.case {
        SessionCase::Originating | SessionCase::Cdiv => ("orig", "reg"),
        SessionCase::OriginatingUnregistered => ("orig", "unreg"),
        SessionCase::TerminatingRegistered => ("term", "reg"),
        SessionCase::TerminatingUnregistered => ("term", "unreg"),
    };
    format!("<{}>;sescase={sescase};regstate={regstate}", visit.impu)
}
