//! Subscriptions to the `reg` package (TS 24.229 section 5.2.3, rule REG-P-07): the S-CSCF tells which contacts it has
//! ended, so that their flows are believed no more.
//!
//! One for each implicit set that somebody has registered here, by its default identity; begun when a REGISTER is
//! accepted. Nothing of it is kept on the disk: after a restart all are begun anew.
//!
//! * What a NOTIFY does: `notify`.
//! * Who is asked for next: `turns`.

mod notify;
mod turns;

use crate::bindings::{Binding, ServiceRoute};
use crate::registration::charging_vector;
use crate::{Own, Pcscf, SubscribeReg};
use clock::{Deadlines, Mono, Now};
use cx_protocol::Impu;
use ims_node::{Effects, Next, Outcome, OwnRequest, Random, local_tag};
use sip_event::{
    Answer, Retry, Schedule, SentSubscribe, Subscriber, SubscriberConfig, SubscriberEnd, SubscriberInput,
    SubscriberOutput,
};
use sip_message::{Draft, Event, HeaderName, Method, NameAddr, StatusCode, Uri};
use smallvec::SmallVec;
use std::collections::HashMap;
use std::time::Duration;
use turns::Turns;

/// The package.
const REG: Event<'_> = Event { package: "reg", id: None };

/// Its documents.
const REGINFO: &str = "application/reginfo+xml";

/// The interval asked for, in seconds: no registration is longer (TS 24.229 section 5.1.1.2).
const EXPIRES_S: u32 = 600_000;

/// Identities by which one set has been registered here that are looked at; the oldest goes.
const MAX_AORS: usize = 8;

/// How long a subscription outlives the last flow of its user: its last NOTIFY is under way, or the phone is about to
/// come back by another connection. A NOTIFY after that gets 481, which ends it at the S-CSCF too.
const UNWANTED_FOR: Duration = Duration::from_secs(32);

/// One subscription.
#[derive(Debug)]
struct RegSubscription {
    /// The identities of the set that were registered here.
    aors: SmallVec<[Impu; 1]>,
    /// The way to the S-CSCF.
    route: ServiceRoute,
    subscriber: Subscriber,
    /// Of the SUBSCRIBE that began it.
    tag: LocalTag,
    /// The number of its latest SUBSCRIBE: answers to earlier ones count no more.
    number: u64,
    /// A first SUBSCRIBE with this Expires that waits for its turn.
    due: Option<u32>,
    /// Nobody of the set has a flow here any more.
    unwanted_until: Option<Mono>,
    begun: Begun,
    /// A REGISTER has been accepted since it was begun.
    renewed: bool,
}

/// What a subscription was begun for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Begun {
    /// A REGISTER was accepted: the S-CSCF has the user.
    Registered,
    /// We have restarted: the S-CSCF may have told us something that we did not hear.
    Restarted,
}

/// All of them, by default identity.
#[derive(Debug, Default)]
pub(crate) struct RegSubscriptions {
    by_user: HashMap<Impu, Box<RegSubscription>>,
    by_tag: HashMap<LocalTag, Impu>,
    deadlines: Deadlines<Impu>,
    turns: Turns,
    /// The number of the last SUBSCRIBE of all.
    last_number: u64,
}

impl RegSubscriptions {
    pub(crate) fn len(&self) -> usize {
        self.by_user.len()
    }

    pub(crate) fn deadline(&self) -> Option<Mono> {
        [self.deadlines.next(), self.turns.deadline()].into_iter().flatten().min()
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn remove(&mut self, user: &Impu) -> Option<Box<RegSubscription>> {
        let removed = self.by_user.remove(user)?;
        self.by_tag.remove(&removed.tag);
        self.deadlines.cancel(user);
        Some(removed)
    }
}

/// Our tag in a dialog, by which its NOTIFYs are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct LocalTag(u64);

impl LocalTag {
    fn text(self) -> String {
        local_tag::text(self.0)
    }

    /// `None` when it is none of ours.
    fn read(text: &str) -> Option<Self> {
        local_tag::number(text).map(Self)
    }
}

impl RegSubscription {
    fn new(begun: Begun, random: &mut Random) -> Self {
        let [jitter, ..] = random.bits().to_le_bytes();
        let (first_wait, longest_wait) = (Duration::from_secs(2), Duration::from_secs(600));
        let schedule = Schedule { jitter, first_wait, longest_wait };
        let config = SubscriberConfig { expires: EXPIRES_S, t1: Duration::from_millis(500), schedule };
        Self {
            aors: SmallVec::new(),
            route: ServiceRoute::default(),
            subscriber: Subscriber::new(config, REG),
            tag: LocalTag(0),
            number: 0,
            due: None,
            unwanted_until: None,
            begun,
            renewed: false,
        }
    }

    /// Whether its SUBSCRIBE has gone to other nodes than those of this way.
    fn has_asked_elsewhere(&self, route: &ServiceRoute) -> bool {
        // A refresh mostly brings the same text, which is then not read.
        self.due.is_none() && self.route != *route && !nodes(&self.route).eq(nodes(route))
    }

    fn deadline(&self) -> Option<Mono> {
        [self.subscriber.poll_timeout(), self.unwanted_until].into_iter().flatten().min()
    }
}

/// The nodes on a way: the user part of an entry may be another for each registration (RFC 3608).
fn nodes(route: &ServiceRoute) -> impl Iterator<Item = Option<(String, Option<u16>)>> {
    route.iter().map(|entry| {
        let uri = NameAddr::parse(entry).ok()?.uri().ok()?;
        Some((uri.host_text().to_ascii_lowercase(), uri.port()))
    })
}

impl Pcscf {
    /// A REGISTER of this identity has been accepted: the set it belongs to is watched from now on.
    pub(crate) fn watch_registration(
        &mut self,
        now: Now,
        (user, aor): (&Impu, &Impu),
        route: &ServiceRoute,
        fx: &mut Effects<Own>,
    ) {
        self.watch_set(now, Begun::Registered, (user, aor, route), fx);
    }

    /// Restored bindings are watched anew, each user where it has registered last as far as the expiry tells.
    pub(crate) fn watch_restored(&mut self, now: Now, fx: &mut Effects<Own>) {
        let set = |own: &Binding| {
            Some((own.user()?.clone(), own.expires_at, own.aor.clone(), own.service_route.clone()))
        };
        let mut sets: Vec<(Impu, u64, Impu, ServiceRoute)> = self.bindings.iter().filter_map(set).collect();
        sets.sort();
        for (user, _, aor, route) in sets {
            self.watch_set(now, Begun::Restarted, (&user, &aor, &route), fx);
        }
    }

    fn watch_set(
        &mut self,
        now: Now,
        begun: Begun,
        (user, aor, route): (&Impu, &Impu, &ServiceRoute),
        fx: &mut Effects<Own>,
    ) {
        // Without a Service-Route nobody knows the S-CSCF.
        if self.settings.subscribe_reg == SubscribeReg::Off || route.is_empty() {
            return;
        }
        // The S-CSCF that has lost the user may be dead, and then never says so; otherwise its next NOTIFY gets 481.
        let has_moved = self.reg.by_user.get(user).is_some_and(|own| own.has_asked_elsewhere(route));
        let former = if has_moved { self.reg.remove(user) } else { None };
        let is_known = self.reg.by_user.contains_key(user);
        let new = || Box::new(RegSubscription::new(begun, &mut fx.random));
        let own = self.reg.by_user.entry(user.clone()).or_insert_with(new);
        own.aors.extend(former.into_iter().flat_map(|former| former.aors));
        own.route = route.clone();
        own.unwanted_until = None;
        own.renewed |= is_known && begun == Begun::Registered;
        if !own.aors.contains(aor) {
            let crowd = (own.aors.len() + 1).saturating_sub(MAX_AORS);
            own.aors.drain(..crowd);
            own.aors.push(aor.clone());
        }
        self.settle_reg(now, user, fx);
    }

    /// A binding of this set has gone. When it was the last one, so has the reason to watch.
    pub(crate) fn unwatch_registration(&mut self, now: Now, user: Option<&Impu>) {
        let Some((user, own)) = user.and_then(|user| Some((user, self.reg.by_user.get_mut(user)?))) else {
            return;
        };
        if own.unwanted_until.is_none() && !own.aors.iter().any(|aor| self.bindings.is_registered(aor, user))
        {
            own.unwanted_until = Some(now.mono + UNWANTED_FOR);
            self.reg.deadlines.set(user.clone(), own.deadline().unwrap_or(now.mono));
        }
    }

    pub(crate) fn on_reg_due(&mut self, now: Now, fx: &mut Effects<Own>) {
        while let Some(user) = self.reg.deadlines.pop_due(now.mono) {
            let Some(own) = self.reg.by_user.get_mut(&user) else { continue };
            if own.unwanted_until.is_some_and(|until| until <= now.mono) {
                self.reg.remove(&user);
                continue;
            }
            own.subscriber.handle(now, SubscriberInput::Deadline);
            self.settle_reg(now, &user, fx);
        }
        self.send_waiting(now, fx);
    }

    pub(crate) fn on_reg_subscribed(
        &mut self,
        now: Now,
        (user, number, is_first): (&Impu, u64, bool),
        outcome: &Outcome,
        fx: &mut Effects<Own>,
    ) {
        if is_first {
            self.reg.turns.ended();
        }
        if let Some(own) = self.reg.by_user.get_mut(user).filter(|own| own.number == number) {
            let answer = match outcome {
                Outcome::Response(response) => Answer::of(response),
                Outcome::TimedOut | Outcome::Unreachable | Outcome::Unresolved(_) => None,
            };
            own.subscriber.handle(now, answer.map_or(SubscriberInput::NoAnswer, SubscriberInput::Answered));
            self.settle_reg(now, user, fx);
        }
        self.send_waiting(now, fx);
    }

    /// Does what the subscription wants done.
    fn settle_reg(&mut self, now: Now, user: &Impu, fx: &mut Effects<Own>) {
        while let Some(output) = self.reg.by_user.get_mut(user).and_then(|own| own.subscriber.poll_output()) {
            match output {
                SubscriberOutput::SubscribeAnew(expires) => {
                    if let Some(own) = self.reg.by_user.get_mut(user) {
                        own.due = Some(expires);
                        let is_resumed = own.begun == Begun::Restarted && own.number == 0;
                        if is_resumed {
                            self.reg.turns.wait_to_resume(user.clone());
                        } else {
                            self.reg.turns.wait(user.clone());
                        }
                    }
                }
                SubscriberOutput::SubscribeInDialog(expires) => self.refresh_reg(user, expires, fx),
                SubscriberOutput::State(_) => {}
                SubscriberOutput::Ended(end, retry) => self.on_reg_ended(now, user, (end, retry), fx),
            }
        }
        if let Some(own) = self.reg.by_user.get(user) {
            match own.deadline() {
                Some(at) => self.reg.deadlines.set(user.clone(), at),
                None => self.reg.deadlines.cancel(user),
            }
        }
        self.send_waiting(now, fx);
    }

    fn on_reg_ended(
        &mut self,
        now: Now,
        user: &Impu,
        (end, retry): (SubscriberEnd, Retry),
        fx: &mut Effects<Own>,
    ) {
        let Some(own) = self.reg.by_user.get(user) else { return };
        let lost = own.begun == Begun::Restarted
            && end == SubscriberEnd::Refused(StatusCode::TEMPORARILY_UNAVAILABLE);
        if lost {
            fx.log("registration ended while we were down", "");
            for aor in own.aors.clone() {
                self.release_user(now, (&aor, user), fx);
            }
            self.reg.remove(user);
        } else if retry == Retry::Never {
            let Some(own) = self.reg.remove(user).filter(|own| own.renewed) else { return };
            // The user has come back before the last NOTIFY of its former registration.
            for aor in &own.aors {
                if self.bindings.is_registered(aor, user) {
                    self.watch_registration(now, (user, aor), &own.route, fx);
                }
            }
        }
    }

    fn send_waiting(&mut self, now: Now, fx: &mut Effects<Own>) {
        while let Some(user) = self.reg.turns.next(now.mono) {
            self.subscribe_reg(now, &user, fx);
        }
    }

    /// A SUBSCRIBE in our own name, by the user's Service-Route (TS 24.229 section 5.2.3).
    fn subscribe_reg(&mut self, now: Now, user: &Impu, fx: &mut Effects<Own>) {
        let local = Uri::parse(&format!("sip:{}", self.settings.name)).ok();
        let (Some(local_uri), Ok(remote_uri)) = (local, Uri::parse(user.as_str())) else { return };
        let number = self.reg.next_number();
        let Some(own) = self.reg.by_user.get_mut(user) else { return };
        let Some(expires) = own.due.take() else { return };
        let tag = LocalTag(fx.random.bits());
        let sent = SentSubscribe {
            call_id: fx.random.secret().into(),
            local_tag: tag.text().into(),
            local_uri,
            remote_uri: remote_uri.clone(),
            cseq: 1,
        };
        own.number = number;
        self.reg.by_tag.remove(&own.tag);
        own.tag = tag;
        self.reg.by_tag.insert(tag, user.clone());
        let draft = sent.request(remote_uri).header(HeaderName::Route, own.route.join(", "));
        let then = Own::RegSubscribe { user: user.clone(), number, is_first: true };
        own.subscriber.handle(now, SubscriberInput::Sent(sent));
        if let Some(at) = own.deadline() {
            self.reg.deadlines.set(user.clone(), at);
        }
        self.reg.turns.begun();
        let draft = self.subscription_headers(draft, expires, fx);
        fx.send(OwnRequest { draft, next: Next::Route, then });
    }

    fn refresh_reg(&mut self, user: &Impu, expires: u32, fx: &mut Effects<Own>) {
        let number = self.reg.next_number();
        let Some(own) = self.reg.by_user.get_mut(user) else { return };
        own.number = number;
        let then = Own::RegSubscribe { user: user.clone(), number, is_first: false };
        let Some(dialog) = own.subscriber.dialog_mut() else { return };
        let draft = dialog.request(Method::Subscribe);
        let draft = self.subscription_headers(draft, expires, fx);
        fx.send(OwnRequest { draft, next: Next::Route, then });
    }

    fn subscription_headers(&self, draft: Draft, expires: u32, fx: &mut Effects<Own>) -> Draft {
        let own = format!("<sip:{}>", self.settings.name);
        draft
            .header(HeaderName::Event, REG.package)
            .header(HeaderName::Expires, expires)
            .header(HeaderName::Accept, REGINFO)
            .header(HeaderName::Contact, &own)
            .header(HeaderName::PAssertedIdentity, &own)
            .header(HeaderName::PChargingVector, charging_vector(fx))
            .without_body()
    }
}
