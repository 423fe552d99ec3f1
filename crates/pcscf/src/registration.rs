//! REGISTER (TS 24.229 section 5.2.2): Path on the way in, binding on the way back.

use crate::bindings::{Binding, MAX_CONTACTS, RegisterId, ServiceRoute, Tag, tag};
use crate::bound::{Granted, Standing, asks_to_leave, standing};
use crate::cause::Cause;
use crate::leaving::{EndedBy, Left};
use crate::reg_event::Registered;
use crate::registering::Way;
use crate::{Fx, Pcscf, SharedFlows, Waiting};
use clock::Now;
use cx_protocol::{Impi, Impu};
use ims_node::{Decision, Flow, ForwardPlan, InboundRequest, Outcome, Refusal, Verdict};
use sip_message::{Credentials, HeaderName, Host, Message, NameAddr, StatusCode, Transport, Uri};
use std::time::Duration;

/// What a REGISTER that may pass asks for.
struct Registrable {
    /// The user.
    aor: Impu,
    /// The user's domain, which registers it.
    registrar: Uri,
}

impl Pcscf {
    /// Rules REG-P-01 to REG-P-05: on to the home network's I-CSCF, found by the domain in the Request-URI.
    pub(crate) fn on_register(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        if let Err(refusal) = fx.check_storage(now) {
            return refusal.into();
        }
        let Some(Registrable { aor, registrar }) = self.registrable(request.message()) else {
            return self.not_served_here().into();
        };
        if self.bindings.len() >= MAX_CONTACTS && !self.bindings.has(request.flow(), &aor) {
            let first_end = now.seconds_until(self.bindings.deadline());
            return Refusal::no_room(Cause::TooManyRegistrations, first_end).into();
        }
        let guess = match self.check_guess(now, request, &aor, registrar.host_text()) {
            Ok(guess) => guess,
            Err(refusal) => return refusal.into(),
        };
        let Some(key) = &self.key else {
            return Refusal::new(StatusCode::SERVER_ERROR, Cause::NoFlowKey).into();
        };
        let message = request.message();
        let mut plan = ForwardPlan::by_route();
        plan.discard_routes = true;
        plan.request_uri = Some(registrar);
        let token = key.token(request.flow(), tag(aor.as_str()));
        plan.pushes.push((HeaderName::Path, format!("<sip:{token}@{};lr;ob>", self.settings.name)));
        plan.headers.push((HeaderName::Require, Some(with_path(message))));
        plan.headers.push((HeaderName::PVisitedNetworkId, Some(format!("\"{}\"", self.settings.network))));
        plan.headers.push((HeaderName::PChargingVector, Some(charging_vector(fx))));
        plan.headers.push((HeaderName::PPreferredIdentity, None));
        let credentials = protected_credentials(message);
        if !credentials.is_empty() {
            plan.headers.push((HeaderName::Authorization, None));
            let lines = credentials.into_iter().rev().map(|line| (HeaderName::Authorization, line));
            plan.pushes.extend(lines);
        }
        plan.then = Some(Waiting::Registering { filed: self.bindings.filed(), guess });
        self.registering.begins(now, request.flow(), self.settings.ue_timer_f);
        plan.decide()
    }

    /// What a REGISTER that may pass asks for; its registrar is a domain that we serve and the user is of, by its bare name
    /// whatever else the Request-URI says (RFC 3261 section 10.2: it names the domain). By a port of its own or `maddr` a UE
    /// could have itself registered as anybody by a registrar of its own; that is refused.
    fn registrable(&self, message: &Message) -> Option<Registrable> {
        let uri = message.request_uri()?.without_default_port();
        let names_a_domain =
            uri.is_sip() && uri.user().is_none() && uri.port().is_none() && !uri.params().has("maddr");
        let domain =
            self.settings.home_domains.iter().find(|domain| names_a_domain && uri.is_host(domain))?;
        let aor = message.to_uri().filter(|to| to.is_host(domain))?;
        let registrar = Uri::sip(None, &Host::parse(domain).ok()?, None).ok()?;
        Some(Registrable { aor: Impu::new(aor.as_str()).ok()?, registrar })
    }

    /// Many a phone is told an address where a domain is meant.
    fn not_served_here(&self) -> Refusal {
        let served = self.settings.home_domains.join(", ");
        let hint = format!("399 {} \"REGISTER for these domains: {served}\"", self.settings.name);
        Refusal::new(StatusCode::FORBIDDEN, Cause::ForeignHome).with(HeaderName::Warning, hint)
    }

    /// Rule REG-P-06: what the 200 says is kept before the UE hears of it.
    pub(crate) fn on_register_answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        filed: u64,
        outcome: &Outcome,
        fx: &mut Fx,
    ) -> Verdict<Waiting> {
        let flow = request.flow();
        if self.registering.is_over(flow) == Way::Closed {
            // RFC 5626 section 5.2: with the connection went the flow, and there is nothing left to register on.
            let refusal = Refusal::new(StatusCode::FLOW_FAILED, Cause::RegisterFlowGone);
            return Verdict::Instead(refusal.into());
        }
        let Outcome::Response(response) = outcome else {
            // Rule REG-P-05.
            let refusal = Refusal::new(StatusCode::SERVER_TIMEOUT, Cause::HomeNetworkSilent);
            return Verdict::Instead(refusal.into());
        };
        if !response.status().is_some_and(StatusCode::is_success) {
            return Verdict::Relay(Vec::new());
        }
        let Some(Registrable { aor, registrar }) = self.registrable(request.message()) else {
            return Verdict::Relay(Vec::new());
        };
        let granted = Granted::of(request.message(), response, filed);
        let known = self.bindings.get(flow, &aor);
        let standing = standing(request.message(), response, known);
        let by = if asks_to_leave(request.message(), known) { EndedBy::Ue } else { EndedBy::Network };
        self.crowded_out += self.bindings.crowd(flow, &aor) as u64;
        self.end_outlived(now, flow, &aor, &granted, fx);
        for left in self.bindings.moved(flow, &aor, &granted.asked) {
            if let Ok(record) = minicbor::to_vec(&left) {
                fx.persist(journal_key(left.flow, &aor), record);
            }
        }
        match standing {
            Standing::Gone => self.release(now, flow, &aor, by, fx),
            Standing::Bound { contacts, seconds } => {
                let expires_at = now.wall + Duration::from_secs(seconds.into());
                let domain = registrar.host_text();
                let binding = binding(request, response, &aor, domain, contacts).until(expires_at);
                self.end_strangers(now, &binding, fx);
                self.file(now, binding, fx);
            }
            Standing::Same => {}
        }
        Verdict::Relay(Vec::new())
    }

    fn file(&mut self, now: Now, binding: Binding, fx: &mut Fx) {
        let (flow, aor) = (binding.flow, binding.aor.clone());
        if let Ok(record) = minicbor::to_vec(&binding) {
            fx.persist(journal_key(flow, &aor), record);
        }
        let (user, routes) = (binding.user().cloned(), binding.service_route.clone());
        self.bindings.put(now, binding);
        fx.claim(flow);
        self.leaving.ends(flow);
        if let Some(user) = user {
            self.watch_registration(now, Registered { user: &user, aor: &aor, route: &routes }, fx);
        }
    }

    /// A UDP address at which somebody else registers now belongs to another phone: a NAT has handed it on. Whoever was
    /// registered there is to be neither spoken for nor reached by that phone.
    fn end_strangers(&mut self, now: Now, binding: &Binding, fx: &mut Fx) {
        let is_shared = self.settings.shared_flows == SharedFlows::Allowed;
        if is_shared || binding.flow.transport != Transport::Udp {
            return;
        }
        for aor in self.bindings.strangers(binding) {
            self.forget(now, binding.flow, &aor, fx);
        }
    }

    /// Ends the user's other bindings that the 200 says are over.
    fn end_outlived(&mut self, now: Now, flow: Flow, aor: &Impu, granted: &Granted, fx: &mut Fx) {
        for old in self.bindings.outlived(flow, aor, granted) {
            let is_same = |old: &Binding| granted.asked.iter().any(|uri| old.has_contact(uri));
            if self.bindings.get(old, aor).is_some_and(is_same) {
                // The same phone, from another port: nobody is there any more to be told.
                self.forget(now, old, aor, fx);
            } else {
                // Rule REG-E-03: whoever was there hears by a NOTIFY of its own that another phone has ended, replaced or
                // crowded out its registration.
                self.release(now, old, aor, EndedBy::Network, fx);
            }
        }
    }

    /// Nobody on this flow speaks for the identity any more.
    fn forget(&mut self, now: Now, flow: Flow, aor: &Impu, fx: &mut Fx) -> Option<Binding> {
        let binding = self.bindings.remove(flow, aor)?;
        if !self.bindings.is_used(flow) {
            fx.unclaim(flow);
        }
        fx.forget(journal_key(flow, aor));
        self.unwatch_registration(now, binding.user());
        Some(binding)
    }

    /// As [`Pcscf::forget`], but who is there is leaving for a while ([`crate::leaving`]).
    pub(crate) fn release(&mut self, now: Now, flow: Flow, aor: &Impu, by: EndedBy, fx: &mut Fx) {
        if let Some(binding) = self.forget(now, flow, aor, fx) {
            self.leaving.begins(now, Left { flow, by, binding }, self.settings.ue_timer_f);
        }
    }

    /// Releases every binding of an identity of this set, which the network has ended.
    pub(crate) fn release_user(&mut self, now: Now, aor: &Impu, user: &Impu, fx: &mut Fx) {
        let flows: Vec<Flow> = self.bindings.of_user(aor, user).map(|binding| binding.flow).collect();
        for flow in flows {
            self.release(now, flow, aor, EndedBy::Network, fx);
        }
    }

    /// The flow is gone, and with it everybody on it.
    pub(crate) fn forget_flow(&mut self, now: Now, flow: Flow, fx: &mut Fx) {
        self.registering.closed(flow);
        self.leaving.ends(flow);
        for binding in self.bindings.remove_flow(flow) {
            fx.forget(journal_key(flow, &binding.aor));
            self.unwatch_registration(now, binding.user());
        }
    }
}

/// The key of a binding in the journal.
pub(crate) fn journal_key(flow: Flow, aor: &Impu) -> Vec<u8> {
    let connection = flow.connection.map_or_else(String::new, |id| format!("#{id}"));
    format!("b {} {}{connection} {aor}", flow.transport, flow.remote).into_bytes()
}

/// What a 200 to a REGISTER binds on its flow, without end.
fn binding(
    request: &InboundRequest,
    response: &Message,
    aor: &Impu,
    domain: &str,
    contacts: Vec<Box<str>>,
) -> Binding {
    let message = request.message();
    let impi = private_identity(message, aor, domain);
    let mut contacts = contacts.into_iter();
    Binding {
        flow: request.flow(),
        impus: identities(response, aor, domain),
        aor: aor.clone(),
        service_route: service_route(response, domain),
        expires_at: u64::MAX,
        contact: contacts.next().unwrap_or_default(),
        others: contacts.collect(),
        register: RegisterId { call_id: message.call_id().into(), cseq: message.cseq() },
        impi: impi.map_or_else(Tag::default, |impi| tag(impi.as_str())),
        number: 0,
        tag: Tag::default(),
    }
}

/// The private identity that a REGISTER names; without credentials the one derived from the address of record.
pub(crate) fn private_identity(request: &Message, aor: &Impu, domain: &str) -> Option<Impi> {
    let named = Credentials::for_domain(request, domain).map(|credentials| credentials.username);
    named.filter(|name| !name.is_empty()).map_or_else(|| Impi::derived(aor.as_str()), Impi::new).ok()
}

/// P-Associated-URI, the default identity first; without it the address of record stands for itself.
fn identities(response: &Message, aor: &Impu, domain: &str) -> Box<[Impu]> {
    let associated =
        response.list(HeaderName::PAssociatedUri).filter_map(|value| NameAddr::parse(value).ok());
    let impus = associated.filter_map(|address| Impu::new(address.uri_text()).ok());
    // A home network speaks for its own users; a telephone number has no domain.
    let impus: Box<[Impu]> = impus
        .filter(|impu| impu.domain().is_none_or(|impu_domain| impu_domain.eq_ignore_ascii_case(domain)))
        .collect();
    if impus.is_empty() { [aor.clone()].into() } else { impus }
}

/// The entries of the Service-Route that a home network may name: its own nodes.
fn service_route(response: &Message, domain: &str) -> ServiceRoute {
    let routes = response.list(HeaderName::ServiceRoute).filter(|route| is_of(route, domain));
    routes.map(Into::into).collect()
}

/// Whether a Route entry names the domain or a node in it.
fn is_of(route: &str, domain: &str) -> bool {
    let uri = NameAddr::parse(route).ok().and_then(|address| address.uri().ok());
    uri.is_some_and(|uri| {
        let host = uri.host_text().to_ascii_lowercase();
        host.strip_suffix(&domain.to_ascii_lowercase())
            .is_some_and(|node| node.is_empty() || node.ends_with('.'))
    })
}

fn with_path(message: &Message) -> String {
    let mut tags: Vec<&str> = message.list(HeaderName::Require).filter(|tag| !tag.is_empty()).collect();
    if !tags.iter().any(|tag| tag.eq_ignore_ascii_case("path")) {
        tags.push("path");
    }
    tags.join(", ")
}

/// Rule REG-P-03: the leg to the UE is not protected here, whatever the UE says of it. Each line stays one of its own (RFC 3261
/// section 7.3.1), and credentials of another scheme than Digest stay as they are.
fn protected_credentials(message: &Message) -> Vec<String> {
    message.values(HeaderName::Authorization).map(protected).collect()
}

fn protected(value: &str) -> String {
    let (scheme, parameters) = value.trim_start().split_once([' ', '\t']).unwrap_or((value, ""));
    if !scheme.eq_ignore_ascii_case("Digest") {
        return value.to_owned();
    }
    let is_kept = |part: &&str| {
        !part.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("integrity-protected"))
    };
    let kept: Vec<&str> = sip_message::list(parameters).filter(is_kept).collect();
    format!("{scheme} {}, integrity-protected=\"no\"", kept.join(", "))
}

/// Rules REG-P-02 and RT-P-05: one charging identity for each request, made here.
pub(crate) fn charging_vector(fx: &mut Fx) -> String {
    format!("icid-value={}", fx.random.secret())
}
