//! SUBSCRIBE to the `reg` package (TS 24.229 section 5.4.2.1.1): a new subscription, a fetch, a refresh, an end.

use super::document::digest;
use super::watch::{FIRST_VERSION, Watch};
use super::{MAX_PER_USER, MAX_WATCHES, POLICY, REG, REGINFO};
use crate::binding::Registration;
use crate::{Own, Scscf, Waiting};
use clock::Now;
use cx_protocol::Impu;
use ims_node::notifier::{check_no_filter, subscribed};
use ims_node::{Decision, Effects, InboundRequest, Refusal};
use sip_event::{
    AcceptedSubscribe, Authorisation, Dialog, DialogId, Granted, Limits, NotifierInput, NotifyContext,
    Subscription, check_accept, check_event, grant,
};
use sip_message::{HeaderName, Message, Method, NameAddr, Response, StatusCode, Uri};
use std::sync::Arc;

/// Longest charging identity that is carried on, in octets.
const MAX_ICID: usize = 128;

/// Longest name of a watcher, in octets; it is kept with the subscription. Above it 403.
const MAX_WATCHER: usize = 256;

impl Scscf {
    /// A SUBSCRIBE to the registration of a user of this domain, if this is one for us to answer. One for a user who is
    /// not registered here goes the way of every request, when a user who is registered here sends it.
    pub(crate) fn on_reg_subscribe(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Own>,
    ) -> Option<Decision<Waiting>> {
        let uri = request.request_uri();
        let ours = *request.method() == Method::Subscribe
            && request.event_package() == Some(REG)
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
            let cause = "the user is not registered here";
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
        fx: &mut Effects<Own>,
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

    /// The checks stand in the order of rule SUB-N-01: who, what package, how long, what body.
    fn open_watch(
        &mut self,
        now: Now,
        request: &InboundRequest,
        user: Impu,
        fx: &mut Effects<Own>,
    ) -> Result<Response, Refusal> {
        let message = request.message();
        let registration = self.users.registration(&user).ok_or_else(Refusal::no_subscription)?;
        let watcher = watcher(request, registration)?;
        self.check_gruu(request, &registration.profile)?;
        let digest = digest(registration);
        let event = check_event(message, &[REG]).map_err(|error| Refusal::of_event(error, REG))?;
        let granted = self.grant_watch(message)?;
        if !granted.is_zero() {
            fx.check_storage(now)?;
        }
        let id = self.reg.fresh_id(&mut fx.random);
        let mut dialog = Dialog::from_subscribe(message, &id.tag())?;
        if !granted.is_zero() {
            self.drop_forerunner((&user, &watcher), &dialog.remote_target(), fx);
        }
        self.check_room(now, &user)?;
        let authorisation = Authorisation::Allowed;
        let accepted = AcceptedSubscribe { event, granted, authorisation, version: FIRST_VERSION };
        let with = NotifyContext { dialog: &mut dialog, policy: &POLICY };
        let subscription = Subscription::new(now, accepted, with);
        let watch = Watch {
            user,
            watcher,
            dialog,
            subscription,
            icid: icid(message),
            ended: Vec::new(),
            farewell: None,
            newest: (FIRST_VERSION, digest),
            sent: (0, 0),
            confirmed: 0,
            journalled: false,
        };
        self.reg.insert(id, Box::new(watch));
        self.settle_watch(now, id, fx);
        Ok(subscribed(message, &id.tag(), &self.settings.contact(), granted))
    }

    /// Rules SUB-N-12 and SUB-N-13: a refresh or the end. What is refused here leaves the subscription as it was.
    fn refresh_watch(
        &mut self,
        now: Now,
        request: &InboundRequest,
        fx: &mut Effects<Own>,
    ) -> Result<Response, Refusal> {
        let message = request.message();
        let dialog = DialogId::of_request(message).ok_or_else(Refusal::no_subscription)?;
        let id = self.reg.by_dialog(&dialog).ok_or_else(Refusal::no_subscription)?;
        let event = check_event(message, &[REG]).map_err(|error| Refusal::of_event(error, REG))?;
        let granted = self.grant_watch(message)?;
        let watch = self.reg.watches.get_mut(&id).ok_or_else(Refusal::no_subscription)?;
        watch.dialog.accept(message)?;
        let known = sip_message::Event::parse(watch.subscription.record().event()) == Some(event);
        if !known || !watch.subscription.is_live(now) {
            return Err(Refusal::no_subscription());
        }
        // Also the end of a subscription is promised: after a restart it must not be alive again.
        fx.check_storage(now)?;
        watch.dialog.refresh_target(message)?;
        self.tell_watch(now, id, NotifierInput::Subscribed(granted), fx);
        Ok(subscribed(message, &id.tag(), &self.settings.contact(), granted))
    }

    /// How long, and whether we have a body that the watcher takes. As long as a registration: a watcher asks for more
    /// than that, and the end of the registration ends the subscription.
    fn grant_watch(&self, message: &Message) -> Result<Granted, Refusal> {
        let max_s = self.settings.max_expires_s;
        let limits = Limits { default_s: max_s, min_s: self.settings.min_expires_s, max_s };
        let granted = grant(message.expires(), &limits)?;
        check_accept(message, &[REGINFO])
            .map_err(|error| Refusal::new(error.status(), "Accept takes no registration information"))?;
        Ok(granted)
    }

    /// A watcher that subscribes anew from the same address has lost its dialog: a NOTIFY along it would find nobody.
    fn drop_forerunner(&mut self, (user, watcher): (&Impu, &str), target: &Uri, fx: &mut Effects<Own>) {
        let Some(id) = self.reg.forerunner(user, watcher, target) else { return };
        self.reg.remove(id);
        id.forget(fx);
    }

    fn check_room(&self, now: Now, user: &Impu) -> Result<(), Refusal> {
        let first_end = now.seconds_until(self.reg.deadline());
        if self.reg.len() >= MAX_WATCHES {
            return Err(Refusal::no_room("too many subscriptions", first_end));
        }
        if self.reg.of(user).len() >= MAX_PER_USER {
            return Err(Refusal::no_room("too many subscriptions to this user's registration", first_end));
        }
        Ok(())
    }
}

/// Rule REG-E-02: the user itself by an identity that is not barred, a node on the Path of one of its contacts, or an
/// application server of its filter criteria.
fn watcher(request: &InboundRequest, registration: &Registration) -> Result<Arc<str>, Refusal> {
    let source = request.source();
    let is_user = |uri: &Uri| {
        let impu = Impu::new(uri.as_str()).ok();
        impu.and_then(|impu| registration.profile.identities.find(&impu)).is_some_and(|own| !own.barred)
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
            let cause = "the sender may not watch this user's registration";
            Err(Refusal::new(StatusCode::FORBIDDEN, cause))
        }
    }
}

/// Rule SIP-02: a subscriber can insist on no extension.
fn check_demands(request: &InboundRequest) -> Result<(), Refusal> {
    let message = request.message();
    Refusal::check_demands(message, HeaderName::Require, &[])?;
    check_no_filter(message)
}

fn icid(message: &Message) -> Option<Box<str>> {
    let value = message.value(HeaderName::PChargingVector)?;
    let icid = value.split(';').find_map(|part| part.trim().strip_prefix("icid-value="))?;
    (icid.len() <= MAX_ICID).then(|| icid.into())
}
