//! REGISTER (TS 24.229 section 5.2.2): Path on the way in, binding on the way back.

use crate::bindings::{Binding, MAX_CONTACTS};
use crate::{Pcscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Decision, Effects, Flow, ForwardPlan, InboundRequest, Outcome, Refusal, Storage, Verdict};
use sip_message::{HeaderName, Message, NameAddr, StatusCode, Uri, delta_seconds};
use std::convert::Infallible;
use std::time::Duration;

impl Pcscf {
    /// Rules REG-P-01 to REG-P-05: on to the home network's I-CSCF, found by the domain in the Request-URI.
    pub(crate) fn on_register(
        &self,
        request: &InboundRequest,
        fx: &mut Effects<Infallible>,
    ) -> Decision<Waiting> {
        if fx.storage() == Storage::Closed {
            return Refusal::unavailable("no new state can be kept", 5).into();
        }
        let Some(aor) = self.registrable(request.message()) else {
            return Refusal::new(StatusCode::FORBIDDEN, "not a home domain whose users may register here")
                .into();
        };
        if self.bindings.len() >= MAX_CONTACTS && !self.bindings.has(request.flow(), &aor) {
            return Refusal::unavailable("too many registrations", 60).into();
        }
        let Some(key) = &self.key else {
            return Refusal::new(StatusCode::SERVER_ERROR, "no flow key").into();
        };
        let message = request.message();
        let mut plan = ForwardPlan::by_route();
        plan.discard_routes = true;
        let token = key.token(request.flow());
        plan.pushes.push((HeaderName::Path, format!("<sip:{token}@{};lr;ob>", self.settings.name)));
        plan.headers.push((HeaderName::Require, Some(with_path(message))));
        plan.headers.push((HeaderName::PVisitedNetworkId, Some(format!("\"{}\"", self.settings.network))));
        plan.headers.push((HeaderName::PChargingVector, Some(charging_vector(fx))));
        plan.headers.push((HeaderName::PPreferredIdentity, None));
        plan.headers.extend(protected_authorization(message));
        plan.then = Some(Waiting::Registering);
        plan.decide()
    }

    /// The user of a REGISTER that may pass: the Request-URI is the bare name of a domain we serve, and the user is of that
    /// domain. Without this a UE could have itself registered as anybody by a registrar of its own.
    fn registrable(&self, message: &Message) -> Option<Impu> {
        let uri = message.request_uri()?;
        let bare = uri.user().is_none() && uri.port().is_none() && !uri.params().has("maddr");
        let served = self.settings.home_domains.iter().any(|domain| uri.is_host(domain));
        let aor = message.to_uri().filter(|to| to.is_host(uri.host_text()))?;
        Impu::new(aor.as_str()).ok().filter(|_| bare && served)
    }

    /// Rule REG-P-06: what the 200 says is kept before the UE hears of it.
    pub(crate) fn on_register_answer(
        &mut self,
        now: Now,
        request: &InboundRequest,
        outcome: &Outcome,
        fx: &mut Effects<Infallible>,
    ) -> Verdict<Waiting> {
        let Outcome::Response(response) = outcome else {
            // Rule REG-P-05.
            let refusal = Refusal::new(StatusCode::SERVER_TIMEOUT, "the home network does not answer");
            return Verdict::Instead(refusal.into());
        };
        if !response.status().is_some_and(StatusCode::is_success) {
            return Verdict::Relay(Vec::new());
        }
        let Some(aor) = self.registrable(request.message()) else { return Verdict::Relay(Vec::new()) };
        let flow = request.flow();
        let own = contacts(request.message()).next().map_or("", |contact| contact.uri_text());
        let bound: Vec<Uri> = contacts(response).filter_map(|contact| contact.uri().ok()).collect();
        for old in self.bindings.outlived(flow, &aor, (own, &bound)) {
            self.forget(old, &aor, fx);
        }
        match own_expiry(request.message(), response) {
            Some(0) => self.forget(flow, &aor, fx),
            Some(seconds) => {
                let expires_at = now.wall + Duration::from_secs(seconds.into());
                let domain = aor.domain().unwrap_or_default();
                let routes = response.list(HeaderName::ServiceRoute).filter(|route| is_of(route, domain));
                let routes = routes.map(Into::into).collect();
                let identities = (aor.clone(), identities(response, &aor));
                let binding = Binding::new(identities, routes, expires_at, (flow, own));
                if let Ok(record) = minicbor::to_vec(&binding) {
                    fx.persist(journal_key(flow, &aor), record);
                }
                self.bindings.put(now, flow, binding);
            }
            None => {}
        }
        Verdict::Relay(Vec::new())
    }

    pub(crate) fn forget(&mut self, flow: Flow, aor: &Impu, fx: &mut Effects<Infallible>) {
        if self.bindings.remove(flow, aor) {
            fx.forget(journal_key(flow, aor));
        }
    }
}

/// The key of a binding in the journal.
pub(crate) fn journal_key(flow: Flow, aor: &Impu) -> Vec<u8> {
    let connection = flow.connection.map_or_else(String::new, |id| format!("#{id}"));
    format!("b {} {}{connection} {aor}", flow.transport, flow.remote).into_bytes()
}

/// How long the contacts of this REGISTER are bound, by the answer: the longest of those it asked for, 0 when all are
/// gone. `None` when it asked for nothing.
fn own_expiry(request: &Message, response: &Message) -> Option<u32> {
    let asked: Vec<NameAddr<'_>> = contacts(request).collect();
    if request.value(HeaderName::Contact) == Some("*") {
        return Some(0);
    }
    if asked.is_empty() {
        return None;
    }
    let own = |bound: &NameAddr<'_>| {
        bound.uri().is_ok_and(|bound| {
            asked.iter().any(|asked| asked.uri().is_ok_and(|asked| asked.is_equivalent(&bound)))
        })
    };
    let default = response.expires();
    let seconds = |bound: NameAddr<'_>| bound.params().get("expires").and_then(delta_seconds).or(default);
    Some(contacts(response).filter(own).filter_map(seconds).max().unwrap_or(0))
}

fn contacts(message: &Message) -> impl Iterator<Item = NameAddr<'_>> {
    message.list(HeaderName::Contact).filter_map(|value| NameAddr::parse(value).ok())
}

/// P-Associated-URI, the default identity first; without it the address of record stands for itself.
fn identities(response: &Message, aor: &Impu) -> Vec<Impu> {
    let associated =
        response.list(HeaderName::PAssociatedUri).filter_map(|value| NameAddr::parse(value).ok());
    let impus = associated.filter_map(|address| Impu::new(address.uri_text()).ok());
    // A home network speaks for its own users; a telephone number has no domain.
    let impus: Vec<Impu> =
        impus.filter(|impu| impu.domain().is_none_or(|own| aor.domain() == Some(own))).collect();
    if impus.is_empty() { vec![aor.clone()] } else { impus }
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

/// Rule REG-P-03: the leg to the UE is not protected here, whatever the UE says of it.
fn protected_authorization(message: &Message) -> Option<(HeaderName, Option<String>)> {
    let value = message.value(HeaderName::Authorization)?;
    let (scheme, value) = value.trim_start().split_once([' ', '\t']).unwrap_or((value, ""));
    let parts = sip_message::list(value).filter(|part| {
        !part.split('=').next().is_some_and(|name| name.trim().eq_ignore_ascii_case("integrity-protected"))
    });
    let kept: Vec<&str> = parts.collect();
    Some((
        HeaderName::Authorization,
        Some(format!("{scheme} {}, integrity-protected=\"no\"", kept.join(", "))),
    ))
}

/// Rules REG-P-02 and RT-P-05: one charging identity for each request, made here.
pub(crate) fn charging_vector(fx: &mut Effects<Infallible>) -> String {
    format!("icid-value={}", fx.random.secret())
}

/// The identities that a UE says it would like to speak as: P-Preferred-Identity, else From.
pub(crate) fn preferred(message: &Message) -> Vec<Impu> {
    let asked = message.list(HeaderName::PPreferredIdentity).filter_map(|value| NameAddr::parse(value).ok());
    let asked = asked.filter_map(|address| Impu::new(address.uri_text()).ok());
    let from = message.from_uri().as_ref().map(Uri::as_str).and_then(|uri| Impu::new(uri).ok());
    asked.chain(from).collect()
}
