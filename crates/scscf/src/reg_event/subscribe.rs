//! SUBSCRIBE to the `reg` package (TS 24.229 section 5.4.2.1.1): a new subscription, a fetch, a refresh, an end.

use super::Reg;
use crate::binding::Registration;
use crate::cause::Cause;
use crate::{Fx, Scscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Decision, InboundRequest, Refusal, Storage, notifier};
use sip_event::{Accepted, InitialSubscribe, Package, Refused};
use sip_message::{HeaderName, Message, Method, NameAddr, Response, StatusCode, Uri};
use std::sync::Arc;

/// Longest name of a watcher, in octets; it is kept with the subscription. Above it 403.
const MAX_WATCHER: usize = 256;

impl Scscf {
    /// A SUBSCRIBE to the registration of a user of this domain, if this is one for us to answer. One for a user who is
    /// not registered here goes the way of every request, when a user who is registered here sends it.
    pub(crate) fn on_reg_subscribe(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Option<Decision<Waiting>> {
        let uri = request.request_uri();
        let ours = *request.method() == Method::Subscribe
            && request.event_package().is_some_and(|package| Reg::PACKAGES.contains(&package))
            && request.next_route().is_none()
            && (uri.is_host(&self.settings.domain) || (uri.telephone_number().is_some() && !uri.is_sip()));
        if !ours || !request.source().is_trusted() {
            return None;
        }
        let user = Impu::new(uri.as_str()).ok()?;
        let default = self.users.registration(&user).and_then(|registration| registration.default_impu());
        let Some(default) = default.cloned() else {
            let mut senders = request.asserted().filter_map(|uri| Impu::new(uri.as_str()).ok());
            if senders.any(|sender| self.users.registration(&sender).is_some()) {
                return None;
            }
            // Rule REG-E-01.
            let cause = Cause::NotRegisteredHere;
            return Some(Refusal::new(StatusCode::TEMPORARILY_UNAVAILABLE, cause).into());
        };
        let opened = check_demands(request).and_then(|()| self.open_watch(now, request, default, fx));
        Some(match opened {
            Ok(response) => Decision::Reply(response),
            Err(refusal) => refusal.into(),
        })
    }

    /// A request in a dialog whose other end is this node: only subscribers have one with us.
    pub(crate) fn on_own_dialog(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Decision<Waiting> {
        if !request.source().is_trusted() {
            return Refusal::outsider().into();
        }
        if *request.method() != Method::Subscribe {
            return Refusal::no_subscription().into();
        }
        match check_demands(request).and_then(|()| self.refresh_watch(now, request, fx)) {
            Ok(response) => Decision::Reply(response),
            Err(refusal) => refusal.into(),
        }
    }

    /// The notifier checks the rest in the order of rule SUB-N-01.
    fn open_watch(
        &mut self,
        now: Now,
        request: &InboundRequest,
        user: Impu,
        fx: &mut Fx,
    ) -> Result<Response, Refusal> {
        let subscribe = request.message();
        let registration = self.users.registration(&user).ok_or_else(Refusal::no_subscription)?;
        let watcher = watcher(request, registration)?;
        self.check_gruu(request, &registration.profile)?;
        let can_keep = fx.storage() == Storage::Open;
        let initial = InitialSubscribe { subscribe, resource: user, watcher, can_keep };
        let (reg, mut view) = self.reg();
        let outcome = reg.subscribe(now, initial, &mut view, &mut || fx.random.bits());
        self.answer_subscribe(now, subscribe, outcome, fx)
    }

    /// Rules SUB-N-12 and SUB-N-13: a refresh or the end.
    fn refresh_watch(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Fx,
    ) -> Result<Response, Refusal> {
        let subscribe = request.message();
        let can_keep = fx.storage() == Storage::Open;
        let (reg, mut view) = self.reg();
        // The P-CSCF has checked that the sender is who it was; nobody else was told the tags.
        let outcome = reg.resubscribe(now, subscribe, can_keep, |_| true, &mut view);
        self.answer_subscribe(now, subscribe, outcome, fx)
    }

    fn answer_subscribe(
        &mut self,
        now: Now,
        subscribe: &Message,
        outcome: Result<Accepted, Refused>,
        fx: &mut Fx,
    ) -> Result<Response, Refusal> {
        self.carry_out(fx);
        if let Err(Refused::CrowdedResource) = outcome {
            let first_end = now.seconds_until(self.reg.first_deadline());
            return Err(Refusal::no_room(Cause::TooManyOfUser, first_end));
        }
        notifier::answer::<Reg, _, _>(now, subscribe, &self.settings.contact(), outcome, fx)
    }
}

/// Rule REG-E-02: the user itself by an identity that is not barred, a node on the Path of one of its contacts, or an
/// application server of its filter criteria.
fn watcher(request: &InboundRequest, registration: &Registration) -> Result<Arc<str>, Refusal> {
    let source = request.source();
    let is_user = |uri: &Uri| {
        let impu = Impu::new(uri.as_str()).ok();
        impu.and_then(|impu| registration.profile.identities.find(&impu))
            .is_some_and(|identity| !identity.barred)
    };
    let paths = registration.bindings.iter().flat_map(|binding| &binding.path);
    let paths = paths.filter_map(|entry| NameAddr::parse(entry).ok()?.uri().ok());
    let servers = registration.profile.criteria.iter();
    let servers = servers.filter_map(|criterion| Uri::parse(&criterion.application_server.uri).ok());
    let nodes: Vec<Uri> = paths.chain(servers).collect();
    let is_node = |uri: &Uri| {
        uri.user().is_none()
            && source.may_name_node(uri.host_text())
            && nodes.iter().any(|node| node.is_host(uri.host_text()))
    };
    let node = || {
        let named = request.message().list(HeaderName::PAssertedIdentity);
        named.filter_map(|value| NameAddr::parse(value).ok()?.uri().ok()).find(is_node)
    };
    let found = request.asserted().find(is_user).or_else(node);
    match found.filter(|watcher| watcher.as_str().len() <= MAX_WATCHER) {
        Some(watcher) => Ok(watcher.as_str().into()),
        None => {
            let cause = Cause::RegWatcherNotAllowed;
            Err(Refusal::new(StatusCode::FORBIDDEN, cause))
        }
    }
}

/// Rule SIP-02: a subscriber can insist on no extension.
fn check_demands(request: &InboundRequest) -> Result<(), Refusal> {
    Refusal::check_demands(request.message(), HeaderName::Require, &[])
}
