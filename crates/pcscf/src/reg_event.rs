//! Subscriptions to the `reg` package (TS 24.229 section 5.2.3, rule REG-P-07): the S-CSCF tells which contacts it has
//! ended, so that their flows are believed no more.
//!
//! One for each implicit set that somebody has registered here, by its default identity; begun when a REGISTER is
//! accepted. Nothing of it is kept on the disk: after a restart all are begun anew.
//!
//! * What is watched: `sets`.
//! * What a NOTIFY does: `notify`.
//! * Who is asked for next: `turns`.

mod notify;
mod sets;
mod turns;

pub(crate) use sets::{RegSubscriptions, Registered};

use crate::bindings::{Binding, ServiceRoute};
use crate::registration::charging_vector;
use crate::{Fx, Own, Pcscf, SubscribeReg};
use clock::Now;
use cx_protocol::Impu;
use ims_node::{Next, Outcome, OwnRequest};
use sets::{Begun, WatchedSet};
use sip_event::{Asking, NewDialog, Retry, SubscriberEnd, SubscriberOutput};
use sip_message::{Draft, Event, HeaderName, Uri};

/// The package.
const REG: Event<'_> = Event { package: "reg", id: None };

/// Its documents.
const REGINFO: &str = "application/reginfo+xml";

impl Pcscf {
    /// A REGISTER of this identity has been accepted: the set it belongs to is watched from now on.
    pub(crate) fn watch_registration(&mut self, now: Now, registered: Registered<'_>, fx: &mut Fx) {
        self.watch_set(now, Begun::Registered, registered, fx);
    }

    /// Restored bindings are watched anew, each user where it has registered last as far as the expiry tells.
    pub(crate) fn watch_restored(&mut self, now: Now, fx: &mut Fx) {
        let set = |binding: &Binding| {
            Some((
                binding.user()?.clone(),
                binding.expires_at,
                binding.aor.clone(),
                binding.service_route.clone(),
            ))
        };
        let mut sets: Vec<(Impu, u64, Impu, ServiceRoute)> = self.bindings.iter().filter_map(set).collect();
        sets.sort();
        for (user, _, aor, route) in sets {
            self.watch_set(now, Begun::Restarted, Registered { user: &user, aor: &aor, route: &route }, fx);
        }
    }

    fn watch_set(&mut self, now: Now, begun: Begun, registered: Registered<'_>, fx: &mut Fx) {
        // Without a Service-Route nobody knows the S-CSCF.
        if self.settings.subscribe_reg == SubscribeReg::Off || registered.route.is_empty() {
            return;
        }
        self.reg.watch(begun, registered, &mut fx.random);
        self.carry_out_reg(now, fx);
    }

    /// A binding of this set has gone. When it was the last one, so has the reason to watch.
    pub(crate) fn unwatch_registration(&mut self, now: Now, user: Option<&Impu>) {
        let Some((user, set)) = user.and_then(|user| Some((user, self.reg.set(user)?))) else { return };
        if !set.aors().any(|aor| self.bindings.is_registered(aor, user)) {
            self.reg.unwatch(now, user);
        }
    }

    pub(crate) fn on_reg_due(&mut self, now: Now, fx: &mut Fx) {
        self.reg.on_deadline(now);
        self.carry_out_reg(now, fx);
    }

    pub(crate) fn on_reg_subscribed(
        &mut self,
        now: Now,
        asking: &Asking<Impu>,
        outcome: &Outcome,
        fx: &mut Fx,
    ) {
        self.reg.on_answer(now, asking, outcome.answer());
        self.carry_out_reg(now, fx);
    }

    /// Does what the subscriptions want done.
    fn carry_out_reg(&mut self, now: Now, fx: &mut Fx) {
        while let Some((user, output)) = self.reg.poll_output() {
            match output {
                SubscriberOutput::SubscribeAnew(_) => self.reg.wait_for_turn(user),
                SubscriberOutput::SubscribeInDialog(expires) => self.refresh_reg(&user, expires, fx),
                SubscriberOutput::State(_) => {}
                SubscriberOutput::Ended(end, retry) => self.on_reg_ended(now, &user, end, retry, fx),
            }
        }
        while let Some(user) = self.reg.next_turn(now) {
            self.subscribe_reg(now, &user, fx);
        }
    }

    fn on_reg_ended(&mut self, now: Now, user: &Impu, end: SubscriberEnd, retry: Retry, fx: &mut Fx) {
        let Some(set) = self.reg.set(user) else { return };
        if set.is_lost(end) {
            fx.log("registration ended while we were down", "");
            for aor in set.aors().cloned().collect::<Vec<Impu>>() {
                self.release_user(now, &aor, user, fx);
            }
            self.reg.remove(user);
        } else if retry == Retry::Never {
            let Some(set) = self.reg.remove(user).filter(WatchedSet::is_renewed) else { return };
            // The user has come back before the last NOTIFY of its former registration.
            for aor in set.aors() {
                if self.bindings.is_registered(aor, user) {
                    self.watch_registration(now, Registered { user, aor, route: set.route() }, fx);
                }
            }
        }
    }

    /// A SUBSCRIBE in our own name, by the user's Service-Route (TS 24.229 section 5.2.3).
    fn subscribe_reg(&mut self, now: Now, user: &Impu, fx: &mut Fx) {
        let local = Uri::parse(&format!("sip:{}", self.settings.name)).ok();
        let (Some(local_uri), Ok(remote_uri)) = (local, Uri::parse(user.as_str())) else { return };
        let (call_id, tag) = (fx.random.secret().into(), fx.random.bits());
        let new = NewDialog { call_id, tag, local_uri, remote_uri: remote_uri.clone() };
        let Some((first, route)) = self.reg.subscribe(now, user, new) else { return };
        let draft = first.sent.request(remote_uri).header(HeaderName::Route, route);
        let draft = self.subscription_headers(draft, first.expires, fx);
        fx.send(OwnRequest { draft, next: Next::Route, then: Own::RegSubscribe(first.asking) });
    }

    fn refresh_reg(&mut self, user: &Impu, expires: u32, fx: &mut Fx) {
        let Some((draft, asking)) = self.reg.resubscribe(user) else { return };
        let draft = self.subscription_headers(draft, expires, fx);
        fx.send(OwnRequest { draft, next: Next::Route, then: Own::RegSubscribe(asking) });
    }

    fn subscription_headers(&self, draft: Draft, expires: u32, fx: &mut Fx) -> Draft {
        let name_addr = format!("<sip:{}>", self.settings.name);
        draft
            .header(HeaderName::Event, REG.package)
            .header(HeaderName::Expires, expires)
            .header(HeaderName::Accept, REGINFO)
            .header(HeaderName::Contact, &name_addr)
            .header(HeaderName::PAssertedIdentity, &name_addr)
            .header(HeaderName::PChargingVector, charging_vector(fx))
            .without_body()
    }
}
